//! Calls that are held and never answered, so that a test can kill their caller at that very point.

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
        // The sender lives as long as `self`, so this ends only with a call.
        let _ = self.count.subscribe().wait_for(|count| *count > 0).await;
    }

    pub(crate) fn release(&self) {
        self.release.notify_waiters();
    }
}

/// A held call; it no longer is when this is dropped, whether it was released or its caller went away.
struct Held<'a>(&'a watch::Sender<usize>);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
