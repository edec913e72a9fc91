//! A request to stop after the step in hand: what Ctrl-C becomes.

use tokio_util::sync::CancellationToken;

use crate::lease::Halt;

/// A switch that is thrown once, and wakes whatever waits. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A switch that nobody has thrown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Returns once a stop is asked for.
    pub async fn stopped(&self) {
        self.0.cancelled().await;
    }

    /// What `work` comes to, unless a stop is asked for first: then `work` is dropped. Only for what
    /// changes nothing.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            () = self.stopped() => Err(Halt::Stopped),
            done = work => Ok(done),
        }
    }
}
