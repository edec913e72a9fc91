//! What the work waits for, counted: how many functions wait for AWS to finish something.
//!
//! It is for telling a person, but for how long each may take. Nothing is decided by the counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a mapping may take to be enabled or disabled. AWS takes seconds, at worst a few minutes.
pub(crate) const MAPPING_PATIENCE: Duration = Duration::from_secs(300);
/// How long provisioned concurrency may take to be ready. AWS takes a few minutes.
pub(crate) const PROVISIONED_PATIENCE: Duration = Duration::from_secs(900);
/// How long to go on while AWS says that an update of the function is in progress, or while it throttles
/// every call of a budget. As long as some get through, ours will too.
pub(crate) const CALL_PATIENCE: Duration = Duration::from_secs(180);

/// How many wait for one kind of thing. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// One more, until what is returned goes.
    pub(crate) fn one_more(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.0.clone())
    }

    /// How many.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One that waits.
#[derive(Debug)]
#[must_use = "it counts for as long as it is held"]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What functions that are read or worked on wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Event source mappings that AWS is disabling or enabling.
    pub mappings: usize,
    /// Event source mappings that AWS is creating or updating, for another client.
    pub settling: usize,
    /// Provisioned concurrency, by qualifier, that is not ready yet.
    pub provisioned: usize,
    /// Calls that AWS refuses while an update of the function or mapping is in progress.
    pub updates: usize,
    /// AWS has refused calls for their number, and they are sent more slowly for a while.
    pub throttled: bool,
}

impl Waiting {
    /// How long each of it may take at most before it is given up. Being throttled has no end of its own.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        let limits = [
            (self.provisioned, PROVISIONED_PATIENCE),
            (self.mappings + self.settling, MAPPING_PATIENCE),
            (self.updates, CALL_PATIENCE),
        ];
        let longest = limits.into_iter().find(|(count, _)| *count > 0);
        longest.map(|(_, longest)| longest)
    }
}
