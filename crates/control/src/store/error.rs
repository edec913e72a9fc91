//! Why a parameter store failed.

use std::io::{self, ErrorKind};

use crate::aws::{AwsError, AwsErrorKind};
use crate::fence::AbortReason;

/// A failure of a parameter store, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A call to Parameter Store failed.
    #[error(transparent)]
    Aws(AwsError),
    /// A file store could not do something with a file or folder.
    #[error("{}", match source {
        it if is_full(it) => format!("there is no room left for {path}"),
        it if is_denied(it) => format!("not allowed to {action} on {path}"),
        _ => format!("{action} on {path} failed"),
    })]
    File {
        /// What: `read`.
        action: &'static str,
        /// The path.
        path: String,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The value is larger than the store takes.
    #[error("{name} would take {bytes} bytes, and a parameter holds 4096")]
    TooLarge {
        /// The parameter.
        name: String,
        /// How many bytes.
        bytes: usize,
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
    /// Nothing was sent, since the operation must not or shall not go on.
    #[error(transparent)]
    Halted(#[from] AbortReason),
}

impl StoreError {
    /// Whether the caller lacks a permission.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Aws(error) => error.kind == AwsErrorKind::Denied,
            Self::File { source, .. } => is_denied(source),
            _ => false,
        }
    }

    /// Whether the same call would fail again.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Aws(error) => matches!(
                error.kind,
                AwsErrorKind::Denied | AwsErrorKind::Access | AwsErrorKind::KeyUnusable
            ),
            Self::File { source, .. } => is_denied(source),
            Self::Unusable { .. } | Self::Gone { .. } => true,
            Self::TooLarge { .. } | Self::Halted(_) => false,
        }
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Aws(error) => return error.hint(),
            Self::File { source, .. } if is_denied(source) => {
                "check who owns the folder of the store"
            }
            Self::File { source, .. } if is_full(source) => {
                "free a few kilobytes on that disk, then try again"
            }
            Self::Unusable { .. } => "move away what is there, or create the folder above it",
            Self::Gone { .. } => {
                "mount the share again, or put the folder back; if it was emptied on purpose, start anew"
            }
            Self::TooLarge { .. } => "shorten what is stored there",
            Self::File { .. } | Self::Halted(_) => return None,
        };
        Some(hint.to_owned())
    }
}

fn is_denied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    )
}

/// Whether an error says that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}
