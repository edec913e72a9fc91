//! Names of observers.

use std::fmt;
use std::str::FromStr;

use super::{NameError, check_segment};

/// What an observer is called: `database`. It owns the windows that the observer opens, and is the last level
/// of a parameter name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObserverName(String);

impl ObserverName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObserverName {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        check_segment("observer", value)?;
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for ObserverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
