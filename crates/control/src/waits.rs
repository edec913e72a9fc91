//! What the work waits for, counted: how many functions wait for AWS to finish something.
//!
//! It is for telling a person. Nothing is decided by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    /// Event source mappings that AWS is creating or updating, for somebody else.
    pub settling: usize,
    /// Provisioned concurrency, by qualifier, that is not ready yet.
    pub provisioned: usize,
    /// Calls that AWS refuses while an update of the function or mapping is in progress.
    pub updates: usize,
    /// AWS has refused calls for their number, and they are sent more slowly for a while.
    pub throttled: bool,
}
