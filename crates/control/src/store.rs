//! Where flags, leases and saved capacity are: one seam, the verbs that the operations need.

mod error;
mod file;
mod ssm;

pub use error::StoreError;
pub use file::{FileHooks, FileStore};
pub use ssm::SsmStore;

use std::time::Duration;

use maintenance_flag::FlagVersion;

use crate::fence::Fence;

/// A value as a store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The value.
    pub value: String,
    /// Which writing of it this is.
    pub revision: Revision,
}

/// Tells one writing of a parameter from another: Parameter Store's version, or a checksum of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub(crate) u64);

/// What came of creating a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is new, and ours.
    New,
    /// It was there, with this value. Nothing was changed.
    Exists(Stored),
}

/// What came of writing a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Which writing of it this is.
    pub revision: Revision,
    /// What another client had written since we looked, and is overwritten now.
    pub between: Option<Stored>,
    /// There was nothing at that name.
    pub created: bool,
}

/// A parameter store.
#[derive(Debug, Clone)]
pub enum Store {
    /// AWS Systems Manager Parameter Store.
    Ssm(SsmStore),
    /// A folder, for apps on one machine.
    File(FileStore),
}

impl Store {
    /// Whether a read may miss what was written a moment ago. Then revisions are version numbers.
    pub(crate) fn may_lag(&self) -> bool {
        match self {
            Self::Ssm(_) => true,
            Self::File(_) => false,
        }
    }

    /// Whether it is one of AWS.
    pub(crate) fn is_of_aws(&self) -> bool {
        matches!(self, Self::Ssm(_))
    }

    /// The same store for what must not wait in line behind other calls.
    pub(crate) fn apart(&self) -> Self {
        match self {
            Self::Ssm(store) => Self::Ssm(store.apart()),
            Self::File(store) => Self::File(store.clone()),
        }
    }

    /// The same store, whose reads outside an operation are given up after so long without an answer.
    #[must_use]
    pub fn with_answer_limit(&self, limit: Duration) -> Self {
        match self {
            Self::Ssm(store) => Self::Ssm(store.with_answer_limit(limit)),
            Self::File(store) => Self::File(store.clone()),
        }
    }

    /// Reads one parameter; none if it does not exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        match self {
            Self::Ssm(store) => store.get(name).await,
            Self::File(store) => store.get(name).await,
        }
    }

    /// Reads all parameters below `path`, by name, in order of their names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, path: &str) -> Result<Vec<(String, Stored)>, StoreError> {
        let mut found = match self {
            Self::Ssm(store) => store.list(path).await,
            Self::File(store) => store.list(path).await,
        }?;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// The versions of a flag that are kept, by number; none if it does not exist. The file store keeps those of
    /// flags alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history(&self, name: &str) -> Result<Vec<FlagVersion>, StoreError> {
        match self {
            Self::Ssm(store) => store.history(name).await,
            Self::File(store) => store.history(name).await,
        }
    }

    /// Creates a parameter if it does not exist: the only compare-and-set there is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create(
        &self,
        name: &str,
        value: &str,
        fence: Option<&Fence>,
    ) -> Result<Created, StoreError> {
        match self {
            Self::Ssm(store) => store.create(name, value, fence).await,
            Self::File(store) => store.create(name, value, fence).await,
        }
    }

    /// Writes a parameter whether it exists or not, and says what another client had written since
    /// `seen`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace(
        &self,
        name: &str,
        value: &str,
        seen: Option<&Stored>,
        fence: Option<&Fence>,
    ) -> Result<Written, StoreError> {
        match self {
            Self::Ssm(store) => store.replace(name, value, seen, fence).await,
            Self::File(store) => store.replace(name, value, seen, fence).await,
        }
    }

    /// A value as it is stored by the call that creates it.
    pub(crate) fn as_created(&self, value: &str) -> Stored {
        match self {
            Self::Ssm(_) => Stored {
                value: value.to_owned(),
                revision: Revision(1),
            },
            Self::File(_) => file::stored(value.as_bytes()),
        }
    }

    /// Deletes parameters; one that does not exist is no error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, names: &[String], fence: Option<&Fence>) -> Result<(), StoreError> {
        match self {
            Self::Ssm(store) => store.delete(names, fence).await,
            Self::File(store) => store.delete(names, fence).await,
        }
    }
}
