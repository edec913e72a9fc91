//! The result of a fetch: a stored text and, where the store counts versions, its version.

/// The stored text of the flag, as a source read it.
///
/// ```
/// use maintenance_gate::ParameterValue;
///
/// let value = ParameterValue::from("on").with_version(7);
/// assert_eq!((value.text(), value.version()), ("on", Some(7)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterValue {
    text: String,
    version: Option<u64>,
}

impl ParameterValue {
    /// Adds the version: for stores that count how often a parameter was written, and whose reads may lag behind
    /// the writes. The gate then ignores an answer older than the known flag, for a minute. Without a version it
    /// accepts every answer.
    #[must_use]
    pub fn with_version(self, version: impl Into<Option<u64>>) -> Self {
        Self {
            version: version.into(),
            ..self
        }
    }

    /// Returns the stored text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the version, if the source gave one.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }
}

impl From<String> for ParameterValue {
    fn from(text: String) -> Self {
        Self {
            text,
            version: None,
        }
    }
}

impl From<&str> for ParameterValue {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
