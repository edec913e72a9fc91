//! Whether a change may be made now: asked before every attempt of every write.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::clock::Clock;
use crate::stop::Stop;

/// Why an operation makes no further change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Somebody asked it to stop.
    #[error("stopped as asked")]
    Stopped,
    /// It does not hold the lease any more.
    #[error("the lease was lost")]
    LeaseLost,
}

/// Says before each change whether it may be made. Clones share the lease.
#[derive(Clone)]
pub struct Guard {
    pub(super) lease: Arc<Shared>,
    pub(super) stop: Stop,
}

impl Guard {
    /// Whether a change may be made now.
    ///
    /// # Errors
    /// [`Halt`], if it must not or shall not.
    pub fn check(&self) -> Result<(), Halt> {
        if !self.lease.is_held() {
            return Err(Halt::LeaseLost);
        }
        if self.stop.is_stopped() {
            return Err(Halt::Stopped);
        }
        Ok(())
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("held", &self.lease.is_held())
            .finish_non_exhaustive()
    }
}

/// The lease as its holder knows it.
pub(super) struct Shared {
    pub(super) clock: Clock,
    /// Until when the lease is held, milliseconds since 1970.
    pub(super) until: AtomicI64,
    pub(super) lost: AtomicBool,
}

impl Shared {
    pub(super) fn is_held(&self) -> bool {
        !self.lost.load(Ordering::SeqCst)
            && self.clock.now().as_millisecond() < self.until.load(Ordering::SeqCst)
    }
}
