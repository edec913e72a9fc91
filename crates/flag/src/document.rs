//! What all stored documents share: a schema number, JSON objects read by hand, and a value that
//! Parameter Store accepts.
//!
//! Documents are read field by field rather than derived, so that an unknown field is kept, a field of
//! the wrong type is an error that names it, and no reading rule hides in an attribute.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::timestamp;

/// The newest schema of a stored document that this version writes.
pub const SCHEMA: u64 = 1;

/// The most bytes of a value in Parameter Store's standard tier.
pub const MAX_VALUE_BYTES: usize = 4096;

/// Why a stored value could not be read. It never means `off`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Neither a document of ours nor a bare `on` or `off`. The reason names a field, never its content,
    /// which may be a secret.
    #[error("the stored value is malformed: {reason}")]
    Malformed {
        /// Why it is malformed.
        reason: String,
    },
    /// Written by a newer version in a way that this one cannot read.
    #[error("the stored value has schema {schema}, and this version reads schema {SCHEMA} only")]
    NewerSchema {
        /// The schema number found.
        schema: u64,
    },
}

impl DecodeError {
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed {
            reason: reason.into(),
        }
    }
}

/// A JSON object being read: fields are taken out one by one, and the rest is unknown.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads the object and its schema number. `newer` is what becomes of a higher schema.
    pub(crate) fn read(text: &str) -> Result<(Self, u64), DecodeError> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            DecodeError::malformed(if text.trim().is_empty() {
                "it is empty".to_owned()
            } else if error.is_eof() {
                "the JSON ends in the middle".to_owned()
            } else {
                "it is not JSON".to_owned()
            })
        })?;
        let mut fields =
            Self::of(value).ok_or_else(|| DecodeError::malformed("it is not a JSON object"))?;
        let schema = match fields.take("schema") {
            Some(Value::Number(n)) => n.as_u64().filter(|n| *n >= 1),
            _ => None,
        };
        let schema = schema
            .ok_or_else(|| DecodeError::malformed("it has no \"schema\" number of 1 or more"))?;
        Ok((fields, schema))
    }

    /// The fields of `value`, if it is an object.
    pub(crate) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        }
    }

    /// Takes a field; `null` is the same as none.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        remove(&mut self.0, key).filter(|value| !value.is_null())
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, DecodeError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(DecodeError::malformed(format!("{key:?} is not a text"))),
        }
    }

    /// Takes a text that `read` makes something of: a window.
    pub(crate) fn parsed<T>(
        &mut self,
        key: &str,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, DecodeError> {
        self.text(key)?
            .map(|text| {
                read(&text).ok_or_else(|| DecodeError::malformed(format!("{key:?} is not {what}")))
            })
            .transpose()
    }

    /// Takes a time.
    pub(crate) fn timestamp(&mut self, key: &str) -> Result<Option<Timestamp>, DecodeError> {
        self.parsed(key, "an RFC 3339 time", timestamp::read)
    }

    /// Takes `true` or `false`; none is `false`.
    pub(crate) fn boolean(&mut self, key: &str) -> Result<bool, DecodeError> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(DecodeError::malformed(format!(
                "{key:?} is not true or false"
            ))),
        }
    }

    /// Takes a whole number that fits `u32`.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<u32>, DecodeError> {
        self.take(key)
            .map(|value| {
                value
                    .as_u64()
                    .and_then(|n| u32::try_from(n).ok())
                    .ok_or_else(|| DecodeError::malformed(format!("{key:?} is not a whole number")))
            })
            .transpose()
    }

    /// The fields that were not taken.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.0
    }
}

/// Removes a field, and leaves the others in their order, if they have one: who writes documents asks
/// serde_json for that (`preserve_order`), who only reads them need not.
pub(crate) fn remove(map: &mut Map<String, Value>, key: &str) -> Option<Value> {
    let value = map.get_mut(key).map(Value::take)?;
    map.retain(|name, _| name != key);
    Some(value)
}

/// The fields of an object made by `json!`, but for those that are null.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(mut map) = value else {
        return Map::new();
    };
    map.retain(|_, value| !value.is_null());
    map
}

/// Writes a document.
pub(crate) fn write(map: Map<String, Value>) -> String {
    escape(Value::Object(map).to_string())
}

/// Makes JSON a value that Parameter Store takes: it refuses `{{`. In JSON two braces in a row stand
/// only inside a text, where the second may be written as an escape.
pub(crate) fn escape(json: String) -> String {
    json.replace("{{", "{\\u007b")
}
