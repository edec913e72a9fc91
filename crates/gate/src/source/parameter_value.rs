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
    /// The same, as the version of this number: for stores that count how often a parameter was
    /// written, and whose reads may lag behind the writes. The gate then leaves aside an answer that is
    /// older than the known state, for a minute. Without a number each answer counts at once.
    #[must_use]
    pub fn with_version(self, version: impl Into<Option<u64>>) -> Self {
        Self {
            version: version.into(),
            ..self
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number of its version, if the source said one.
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
