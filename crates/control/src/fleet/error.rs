//! Why AWS Lambda failed.

use crate::aws::{AwsError, AwsErrorKind};
use crate::fence::AbortReason;

/// A failure of AWS Lambda's control plane, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LambdaError {
    /// A call failed.
    #[error(transparent)]
    Aws(AwsError),
    /// The function, mapping or qualifier does not exist.
    #[error("{function} does not exist")]
    Gone {
        /// The function or mapping.
        function: String,
    },
    /// The function is at 0, and its previous settings are no longer saved.
    #[error("{function} is at 0, and its previous settings are no longer saved")]
    Unexplained {
        /// The function.
        function: String,
    },
    /// Pausing the function would lose events, and that was not accepted for this window.
    #[error("pausing {function} would lose events, so it is not paused")]
    WouldLoseEvents {
        /// The function.
        function: String,
    },
    /// The account has too little unreserved concurrency left for this reservation.
    #[error(
        "{function} cannot reserve {wanted}: the account must keep {minimum} unreserved{}",
        missing.map_or_else(String::new, |missing| format!(", and {missing} are missing"))
    )]
    UnreservedMinimum {
        /// The function.
        function: String,
        /// The reservation wanted.
        wanted: u32,
        /// How much the account must keep unreserved.
        minimum: u32,
        /// How much is missing, if known.
        missing: Option<u32>,
    },
    /// Something asynchronous ended elsewhere than it should.
    #[error("{what} of {function} {ended}")]
    Ended {
        /// The function.
        function: String,
        /// What was waited for.
        what: &'static str,
        /// How it ended, in words.
        ended: String,
    },
    /// Nothing was sent, since the operation must not or shall not go on.
    #[error(transparent)]
    Halted(#[from] AbortReason),
}

impl From<AwsError> for LambdaError {
    fn from(error: AwsError) -> Self {
        match error.kind {
            AwsErrorKind::NotFound | AwsErrorKind::Missing => Self::Gone {
                function: error.resource,
            },
            AwsErrorKind::Halted(halt) => Self::Halted(halt),
            _ => Self::Aws(error),
        }
    }
}

/// What was read; none if it does not exist.
pub(crate) fn existing<T>(read: Result<T, AwsError>) -> Result<Option<T>, LambdaError> {
    match read.map_err(LambdaError::from) {
        Ok(read) => Ok(Some(read)),
        Err(LambdaError::Gone { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl LambdaError {
    /// Something asynchronous ended elsewhere than it should.
    pub(crate) fn ended(function: &str, what: &'static str, ended: impl Into<String>) -> Self {
        Self::Ended {
            function: function.to_owned(),
            what,
            ended: ended.into(),
        }
    }

    pub(crate) fn gone(function: &str) -> Self {
        Self::Gone {
            function: function.to_owned(),
        }
    }

    /// Whether the same call may go through later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_unavailable())
    }

    /// Whether no other call would go through either: AWS cannot be called, or the operation is not to go on.
    pub(crate) fn is_of_all_calls(&self) -> bool {
        match self {
            Self::Aws(error) => error.kind == AwsErrorKind::Access,
            Self::Halted(_) => true,
            _ => false,
        }
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Aws(error) => return error.hint(),
            Self::UnreservedMinimum { .. } => {
                "free reserved concurrency elsewhere or raise the account's limit, then try again"
            }
            Self::Unexplained { .. } => {
                "set the reserved concurrency that it should have (aws lambda put-function-concurrency, or delete-function-concurrency for none)"
            }
            Self::WouldLoseEvents { .. } => {
                "give it a dead-letter queue or an on-failure destination, or accept the loss where the window is scheduled"
            }
            Self::Halted(_) | Self::Gone { .. } | Self::Ended { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
