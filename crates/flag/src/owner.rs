//! Who opened a window.

use std::fmt;

use serde_json::{Value, json};

use crate::document::{DecodeError, Fields};

/// Who opened a window, and so who may close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnerKind {
    /// A person, by hand or by script.
    Manual,
    /// A monitor that opens a window when it sees trouble and closes it when all is normal.
    Observer,
}

impl OwnerKind {
    /// As it is stored and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Observer => "observer",
        }
    }
}

/// The owner of a window.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Owner {
    /// Person or observer.
    pub kind: OwnerKind,
    /// Its name: `ana@laptop`, `healthcheck`.
    pub name: String,
}

impl Owner {
    /// A person.
    #[must_use]
    pub fn manual(name: impl Into<String>) -> Self {
        Self {
            kind: OwnerKind::Manual,
            name: name.into(),
        }
    }

    /// An observer.
    #[must_use]
    pub fn observer(name: impl Into<String>) -> Self {
        Self {
            kind: OwnerKind::Observer,
            name: name.into(),
        }
    }

    pub(crate) fn read(key: &str, value: Value) -> Result<Self, DecodeError> {
        let bad = || DecodeError::malformed(format!("{key:?} is not {{kind, name}}"));
        let mut fields = Fields::of(value).ok_or_else(bad)?;
        let kind = match fields.text("kind")?.as_deref() {
            Some("manual") => OwnerKind::Manual,
            Some("observer") => OwnerKind::Observer,
            _ => return Err(bad()),
        };
        let name = fields.text("name")?.ok_or_else(bad)?;
        Ok(Self { kind, name })
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"kind": self.kind.as_str(), "name": self.name})
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            OwnerKind::Manual => write!(f, "{}", self.name),
            OwnerKind::Observer => write!(f, "the observer {}", self.name),
        }
    }
}
