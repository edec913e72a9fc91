//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An option, as typed: `--app`.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A line of the configuration file.
    File { path: PathBuf, line: usize },
    /// None of them; the text says what stood in.
    Default(&'static str),
}

impl Source {
    /// As the JSON of `maintenance config` has it: the kind for a program, the place for a person.
    pub(crate) fn to_json(&self) -> Value {
        let kind = match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "variable",
            Self::File { .. } => "file",
            Self::Default(_) => "default",
        };
        json!({"kind": kind, "at": self.to_string()})
    }

    /// The same without the folder of the configuration file.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::File { path, line } => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                format!("{}:{line}", name.display())
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Default(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

impl<T> Sourced<T> {
    pub(crate) fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// A value that was not given.
    pub(crate) fn default(value: T) -> Self {
        Self::new(value, Source::Default("default"))
    }

    /// Whether an option of this command gave it.
    pub(crate) fn is_typed(&self) -> bool {
        matches!(self.source, Source::Flag(_))
    }

    /// The same value as another type, from the same source.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced::new(f(self.value), self.source)
    }

    /// The same, unless it cannot be.
    pub(crate) fn try_map<U, E>(
        self,
        f: impl FnOnce(T, &Source) -> Result<U, E>,
    ) -> Result<Sourced<U>, E> {
        let value = f(self.value, &self.source)?;
        Ok(Sourced::new(value, self.source))
    }
}
