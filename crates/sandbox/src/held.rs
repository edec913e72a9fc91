//! Calls that a fault holds and never answers, so that a test can kill the caller at that point.

use tokio::sync::{Notify, watch};

/// The calls that are being held.
#[derive(Debug, Default)]
pub(crate) struct HeldCalls {
    count: watch::Sender<usize>,
    release: Notify,
}

impl HeldCalls {
    /// Holds a call until it is released or its caller is gone.
    pub(crate) async fn hold(&self) {
        let released = self.release.notified();
        self.count.send_modify(|count| *count += 1);
        let _held = Held(&self.count);
        released.await;
    }

    /// Waits until a call is held.
    pub(crate) async fn wait(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.count.subscribe().wait_for(|count| *count > 0).await;
    }

    pub(crate) fn release(&self) {
        self.release.notify_waiters();
    }
}

/// Counts a held call until it is released or its caller is gone.
struct Held<'a>(&'a watch::Sender<usize>);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
