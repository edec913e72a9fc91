//! Why AWS Lambda failed.

use crate::aws::Silence;
use crate::aws::{AccessError, allow};
use crate::fence::AbortReason;

/// A failure of AWS Lambda's control plane, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LambdaError {
    /// The credentials lack a permission.
    #[error("not allowed to {action} on {function}")]
    AccessDenied {
        /// The missing IAM action: `lambda:PutFunctionConcurrency`.
        action: String,
        /// The function or mapping.
        function: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service kept throttling, kept saying that an update is in progress, or could not be reached.
    #[error("{action} on {function} did not go through in time")]
    Unavailable {
        /// The call.
        action: String,
        /// The function or mapping.
        function: String,
        /// What the service said last.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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
    /// AWS cannot be called at all.
    #[error(transparent)]
    NotConfigured(AccessError),
    /// The service refuses the value.
    #[error("{action} on {function} was refused")]
    Refused {
        /// The call.
        action: String,
        /// The function or mapping.
        function: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something asynchronous ended elsewhere than it should.
    #[error("{what} of {function} {ended}")]
    Ended {
        /// The function.
        function: String,
        /// What was waited for.
        what: String,
        /// How it ended, in words.
        ended: String,
    },
    /// Nothing was sent, since the operation must not or shall not go on.
    #[error(transparent)]
    Halted(#[from] AbortReason),
    /// Anything else.
    #[error("{action} on {function} failed")]
    Failed {
        /// The call.
        action: String,
        /// The function or mapping.
        function: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LambdaError {
    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AccessDenied { action, source, .. } => Some(allow(action, source.as_ref())),
            Self::Unavailable { source, .. } if source.is::<Silence>() => {
                Some("check the network, the region and the endpoint URL, then try again".to_owned())
            }
            Self::Unavailable { .. } => Some("try again".to_owned()),
            Self::UnreservedMinimum { .. } => Some(
                "free reserved concurrency elsewhere or raise the account's limit, then try again"
                    .to_owned(),
            ),
            Self::NotConfigured(access) => Some(access.hint()),
            Self::Unexplained { .. } => Some(
                "set the reserved concurrency that it should have (aws lambda put-function-concurrency, or delete-function-concurrency for none)"
                    .to_owned(),
            ),
            Self::WouldLoseEvents { .. } => Some(
                "give it a dead-letter queue or an on-failure destination, or accept the loss where the window is scheduled"
                    .to_owned(),
            ),
            Self::Refused { source, .. } if source.to_string().contains("Alias with weights") => Some(
                "the alias shifts its traffic: finish that deploy or roll it back, then try again"
                    .to_owned(),
            ),
            Self::Refused { .. } => None,
            Self::Halted(_) | Self::Gone { .. } | Self::Ended { .. } | Self::Failed { .. } => None,
        }
    }
}
