//! The functions of an app one by one, as `maintenance workers` shows them.

use std::collections::BTreeMap;

use maintenance_flag::{App, Capacity, Reserved, Role};
use serde::Serialize;

use super::Failure;

/// All functions of the asked roles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workers {
    /// The app, as in `demo-dev`.
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
    /// It is saved, and partly paused.
    Pausing,
    /// It is saved and partly paused, and maintenance is off: `off` has not finished.
    Restoring,
    /// It is saved, and has what was saved: `off` gave it back, or `on` has not paused it yet.
    Restored,
    /// It is paused but for `invoke`, which lets it run once, or died at that.
    Invoking,
    /// Another client changed it while it was paused.
    Drifted,
    /// It is saved, and does not exist any more.
    Gone,
    /// It is at 0, and nothing is saved for it: `off` gives it nothing back.
    Unexplained,
}

/// What was saved of something that does not exist any more, and so was not given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenUp {
    /// The function, or the part of one, as it is named in
    /// [`WorkersReport::gone`](super::WorkersReport::gone).
    pub what: String,
    /// What a function had reserved: a number, or `unset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// The provisioned concurrency by qualifier.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub provisioned: BTreeMap<String, u32>,
    /// The event source mappings that were enabled, by UUID.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_sources: Vec<String>,
}

impl GivenUp {
    /// Of what is gone: a function, one of its qualifiers (`name:live`), or one of its mappings.
    pub(crate) fn of(what: &str, saved: &BTreeMap<String, Capacity>) -> Option<Self> {
        let mut given_up = Self {
            what: what.to_owned(),
            reserved: None,
            provisioned: BTreeMap::new(),
            event_sources: Vec::new(),
        };
        let function = what.split([':', ' ']).next()?;
        let capacity = saved.get(function)?;
        if what == function {
            given_up.reserved = Some(capacity.reserved);
            given_up.provisioned.clone_from(&capacity.provisioned);
            given_up.event_sources.clone_from(&capacity.mappings);
        } else if let Some((_, qualifier)) = what.split_once(':') {
            let wanted = capacity.provisioned.get(qualifier)?;
            given_up.provisioned = [(qualifier.to_owned(), *wanted)].into();
        } else {
            let mut mappings = capacity.mappings.iter();
            let uuid = mappings.find(|uuid| what.contains(uuid.as_str()))?;
            given_up.event_sources = vec![uuid.clone()];
        }
        Some(given_up)
    }
}

/// One function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its role.
    pub role: Role,
    /// Its name.
    pub function: String,
    /// How it stands.
    pub state: WorkerState,
    /// What it has now. None if it does not exist any more.
    pub now: Option<Capacity>,
    /// How many event source mappings it has now, enabled or not.
    pub mappings: usize,
    /// What is saved of it, and what `off` gives it back.
    pub saved: Option<Capacity>,
    /// The longest timeout of any of its versions, seconds.
    pub timeout: Option<u32>,
}
