//! The functions of an app one by one, as `maintenance workers` shows them.

use std::collections::BTreeMap;

use maintenance_flag::{App, Capacity, Reserved, Role};
use serde::{Serialize, Serializer};

use super::{Failure, display};

/// All functions of the asked roles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workers {
    /// The app, as in `demo-dev`.
    #[serde(serialize_with = "display")]
    pub app: App,
    /// One entry a function that could be read, by role and name.
    pub workers: Vec<Worker>,
    /// Functions that could not be read, and why. Nothing is known of them but that their role has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Failure>,
}

/// How a function stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// Nothing is saved of it: it runs as it is set.
    Running,
    /// It is at zero, with nothing provisioned and no event source that delivers.
    Paused,
    /// It is saved, and not yet or no longer wholly paused.
    Pausing,
    /// It is saved, and maintenance is off: `off` has not finished.
    Restoring,
    /// Somebody else changed it while it was paused.
    Drifted,
    /// It is saved, and does not exist any more.
    Gone,
    /// It is at 0, and nothing is saved of it: `off` gives it nothing back.
    Unexplained,
}

/// What pausing takes away from a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Its reserved concurrency: a number, or `unset`.
    #[serde(serialize_with = "reserved")]
    pub reserved: Reserved,
    /// Its provisioned concurrency by qualifier.
    pub provisioned: BTreeMap<String, u32>,
    /// Its event source mappings that are enabled, by UUID.
    pub event_sources: Vec<String>,
}

impl From<Capacity> for Settings {
    fn from(capacity: Capacity) -> Self {
        Self {
            reserved: capacity.reserved,
            provisioned: capacity.provisioned,
            event_sources: capacity.mappings,
        }
    }
}

/// One function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its role.
    #[serde(serialize_with = "display")]
    pub role: Role,
    /// Its name.
    pub function: String,
    /// How it stands.
    pub state: WorkerState,
    /// What it has now. None if it does not exist any more.
    pub now: Option<Settings>,
    /// How many event source mappings it has now, enabled or not.
    pub mappings: usize,
    /// What is saved of it, and what `off` gives it back.
    pub saved: Option<Settings>,
    /// The longest timeout of any of its versions, seconds.
    pub timeout: Option<u32>,
}

fn reserved<S: Serializer>(reserved: &Reserved, serializer: S) -> Result<S::Ok, S::Error> {
    match reserved {
        Reserved::Unset => serializer.serialize_str("unset"),
        Reserved::Limit(n) => serializer.serialize_u32(*n),
    }
}
