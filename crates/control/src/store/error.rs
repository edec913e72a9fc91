//! Why a parameter store failed.

use crate::aws::{AccessError, allow};
use crate::fence::AbortReason;

/// A failure of a parameter store, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The credentials lack a permission.
    #[error("not allowed to {action} on {name}")]
    AccessDenied {
        /// The missing IAM action: `ssm:PutParameter`, or `kms:Decrypt` where a parameter is a
        /// `SecureString`; for a file store, the file operation.
        action: String,
        /// The parameter or path.
        name: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service kept throttling.
    #[error("the parameter store keeps throttling {action} on {name}")]
    Throttled {
        /// The call: `ssm:PutParameter`.
        action: String,
        /// The parameter or path.
        name: String,
        /// What the service said last.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The value is larger than the store takes.
    #[error("{name} would take {bytes} bytes, and a parameter holds 4096")]
    TooLarge {
        /// The parameter.
        name: String,
        /// How many bytes.
        bytes: usize,
    },
    /// The parameter is a `SecureString` whose KMS key is disabled, about to be deleted, or gone.
    #[error("the KMS key of {name} cannot be used")]
    KeyUnusable {
        /// The parameter.
        name: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The parameter has an allowed pattern, which the value does not match.
    #[error("the allowed pattern of {name} refuses what is to be stored there")]
    PatternMismatch {
        /// The parameter.
        name: String,
        /// What the service said, with the pattern.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something else is where a file store has its folder or a file.
    #[error("{path} cannot be used: {why}")]
    Unusable {
        /// The path.
        path: String,
        /// What is there.
        why: String,
    },
    /// The folder of a file store was there, and is gone or was emptied.
    #[error("{path} is gone, with what was stored in it")]
    Gone {
        /// The path.
        path: String,
    },
    /// The disk of a file store is full.
    #[error("there is no room left for {path}")]
    DiskFull {
        /// The path.
        path: String,
        /// What the file system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// AWS cannot be called at all.
    #[error(transparent)]
    NotConfigured(AccessError),
    /// The store cannot be reached.
    #[error("the parameter store cannot be reached ({action} on {name})")]
    Unreachable {
        /// The call.
        action: String,
        /// The parameter or path.
        name: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing was sent, since the operation must not or shall not go on.
    #[error(transparent)]
    Halted(#[from] AbortReason),
    /// Anything else that the store refused.
    #[error("{action} on {name} failed")]
    Failed {
        /// The call.
        action: String,
        /// The parameter or path.
        name: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same call would fail again.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::AccessDenied { .. }
                | Self::NotConfigured(_)
                | Self::KeyUnusable { .. }
                | Self::Unusable { .. }
                | Self::Gone { .. }
        )
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AccessDenied { action, source, .. } if action.starts_with("ssm:") => {
                Some(allow(action, source.as_ref()))
            }
            // The next call needs the next of them.
            Self::AccessDenied { action, .. } if action.starts_with("kms:") => Some(
                "it is a SecureString: allow kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on its KMS key, in the key's policy and in the IAM policy of your user or role"
                    .to_owned(),
            ),
            Self::AccessDenied { .. } => Some("check who owns the folder of the store".to_owned()),
            Self::Unusable { .. } => Some(
                "move away what is there, or create the folder above it"
                    .to_owned(),
            ),
            Self::Gone { .. } => Some(
                "mount the share again, or put the folder back; if it was emptied on purpose, start anew"
                    .to_owned(),
            ),
            Self::DiskFull { .. } => Some(
                "free a few kilobytes on that disk, then try again".to_owned(),
            ),
            Self::KeyUnusable { .. } => Some(
                "enable the key in KMS or cancel its deletion, then try again"
                    .to_owned(),
            ),
            Self::PatternMismatch { name, .. } => Some(format!(
                "take the pattern away (aws ssm put-parameter --overwrite --allowed-pattern '.*' --name {name}, with the value that it has), then try again"
            )),
            Self::Throttled { .. } => {
                Some("Parameter Store is busy in this region; try again in a minute".to_owned())
            }
            Self::TooLarge { .. } => Some("shorten what is stored there".to_owned()),
            Self::NotConfigured(access) => Some(access.hint()),
            Self::Unreachable { .. } => {
                Some("check the network, the region and the endpoint URL, then try again".to_owned())
            }
            Self::Halted(_) | Self::Failed { .. } => None,
        }
    }
}
