//! Whether an operation may go on: asked before every attempt of every call.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Why an operation makes no further change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AbortReason {
    /// It was asked to stop.
    #[error("stopped as asked")]
    Stopped,
    /// It does not hold the lease any more.
    #[error("the lease was lost")]
    LeaseLost,
}

/// Says before each change whether it may be made. Clones share the lease.
#[derive(Clone)]
pub struct Fence {
    lease: Option<Arc<dyn LeaseCheck>>,
    stop: CancellationToken,
    /// Whether a change was let through.
    has_let_through: Arc<AtomicBool>,
}

impl Fence {
    pub(crate) fn new(lease: Arc<dyn LeaseCheck>, stop: CancellationToken) -> Self {
        Self {
            lease: Some(lease),
            stop,
            has_let_through: Arc::default(),
        }
    }

    /// One that hears of a stop and knows no lease: for what comes before there is one.
    pub(crate) fn without_lease(stop: CancellationToken) -> Self {
        Self {
            lease: None,
            stop,
            has_let_through: Arc::default(),
        }
    }

    /// See [`until_stopped`].
    pub(crate) async fn until_stopped<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, AbortReason> {
        until_stopped(&self.stop, work).await
    }

    /// The request to stop that it hears of.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Whether to go on, as far as is known without asking the store: enough for a read.
    ///
    /// # Errors
    /// [`AbortReason`], if not.
    pub fn check_known(&self) -> Result<(), AbortReason> {
        if self.lease.as_ref().is_some_and(|lease| !lease.is_held()) {
            return Err(AbortReason::LeaseLost);
        }
        if self.stop.is_cancelled() {
            return Err(AbortReason::Stopped);
        }
        Ok(())
    }

    /// Whether a change may be made now. Looks at the lease in the store, unless that was done a moment
    /// ago.
    ///
    /// # Errors
    /// [`AbortReason`], if it must not be made.
    // Boxed, since a look is itself a call to the store.
    pub fn check(&self) -> BoxFuture<'_, Result<(), AbortReason>> {
        Box::pin(async {
            self.check_known()?;
            if let Some(lease) = &self.lease {
                self.until_stopped(lease.confirm()).await?;
            }
            self.check_known()?;
            self.has_let_through.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Whether the operation may have changed something: the fence has let a change through.
    pub(crate) fn may_have_changed(&self) -> bool {
        self.has_let_through.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence")
            .field("known", &self.check_known())
            .finish_non_exhaustive()
    }
}

/// What must be held while changes are made: the lease.
pub(crate) trait LeaseCheck: Send + Sync {
    /// Whether it is held, as far as is known.
    fn is_held(&self) -> bool;

    /// Returns once it was seen a moment ago that it is held, or that it is not.
    fn confirm(&self) -> BoxFuture<'_, ()>;
}

/// What `work` comes to, unless a stop is asked for first: then `work` is dropped. Only for what changes
/// nothing.
pub(crate) async fn until_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, AbortReason> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(AbortReason::Stopped),
        done = work => Ok(done),
    }
}
