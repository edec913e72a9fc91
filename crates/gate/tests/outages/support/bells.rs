//! A timer whose waits end when the test says so.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

/// One bell for each wait that the gate began. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Bells(Arc<watch::Sender<Vec<Bell>>>);

struct Bell {
    duration: Duration,
    ring: Option<oneshot::Sender<()>>,
}

impl Bells {
    /// How long each wait was to be, in the order in which they began.
    pub(crate) fn asked(&self) -> Vec<Duration> {
        self.0.borrow().iter().map(|bell| bell.duration).collect()
    }

    /// Completes when this many waits have begun since the start.
    pub(crate) async fn begun(&self, count: usize) {
        let mut bells = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = bells.wait_for(|bells| bells.len() >= count).await;
    }

    /// Ends the wait of this number, counted from 0.
    pub(crate) fn ring(&self, number: usize) {
        self.0.send_modify(|bells| ring(&mut bells[number]));
    }

    /// Ends every wait that has begun.
    pub(crate) fn ring_all(&self) {
        self.0.send_modify(|bells| bells.iter_mut().for_each(ring));
    }
}

fn ring(bell: &mut Bell) {
    if let Some(ring) = bell.ring.take() {
        // The request may have got its answer.
        let _ = ring.send(());
    }
}

impl Bells {
    /// A wait that ends when its bell rings.
    pub(crate) fn sleep(
        &self,
        duration: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        let (ring, rung) = oneshot::channel();
        let bell = Bell {
            duration,
            ring: Some(ring),
        };
        self.0.send_modify(|bells| bells.push(bell));
        Box::pin(async move {
            let _ = rung.await;
        })
    }
}
