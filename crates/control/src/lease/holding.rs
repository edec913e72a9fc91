//! The lease as its holder knows it: held until it is lost, and looked at before every change.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use maintenance_flag::{Lease, Parameters};
use tokio::time::Instant;

use super::{FRESH, LOOK_TIMEOUT, TERM, numbered};
use crate::clock::Clock;
use crate::fence::Lock;
use crate::store::{Store, StoreError, Stored};

/// How often to look for a lease that must be there, before it counts as deleted: reads lag.
const LOOKS: u32 = 8;
/// The pause between two such looks.
const PAUSE: Duration = Duration::from_millis(250);
/// The pause after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A moment on both clocks. Either may stand still or jump: the monotonic one stops while a laptop sleeps,
/// and the wall clock is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) wall: Timestamp,
    monotonic: Instant,
}

impl Moment {
    pub(super) fn now(clock: Clock) -> Self {
        Self {
            wall: clock.now(),
            monotonic: Instant::now(),
        }
    }

    /// How long ago it was, by the clock that says more.
    fn age(&self, clock: Clock) -> Duration {
        let wall = clock.now().duration_since(self.wall);
        let wall = Duration::try_from(wall).unwrap_or_default();
        self.monotonic.elapsed().max(wall)
    }
}

/// The lease as its holder knows it.
pub(super) struct Holding {
    pub(super) clock: Clock,
    /// With a budget of its own: a look must not wait in line behind other calls.
    pub(super) store: Store,
    pub(super) names: Parameters,
    pub(super) n: u64,
    pub(super) id: String,
    state: Mutex<State>,
    /// One look at a time serves all that wait for it.
    looking: tokio::sync::Mutex<()>,
}

struct State {
    lost: bool,
    /// When the last renewal that took effect was begun.
    renewed: Moment,
    /// When the last look that found all as it should be was begun.
    looked: Moment,
    /// Why it could not be looked at, if it was lost by that.
    failure: Option<StoreError>,
}

impl Holding {
    pub(super) fn new(
        clock: Clock,
        store: Store,
        names: Parameters,
        (n, id): (u64, String),
        acquired: Moment,
    ) -> Self {
        Self {
            clock,
            store,
            names,
            n,
            id,
            state: Mutex::new(State {
                lost: false,
                renewed: acquired,
                looked: acquired,
                failure: None,
            }),
            looking: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> String {
        self.names.lease(self.n)
    }

    pub(super) fn lose(&self) {
        self.state().lost = true;
    }

    /// Why it was lost, if that is because it could not be looked at.
    pub(super) fn take_failure(&self) -> Option<StoreError> {
        self.state().failure.take()
    }

    pub(super) fn renewed(&self, begun: Moment) {
        self.state().renewed = begun;
    }

    fn looked(&self) -> Moment {
        self.state().looked
    }

    /// Returns once a look has shown a moment ago that the lease is held, or that it is not.
    async fn look_unless_fresh(&self) {
        let arrived = Instant::now();
        while self.is_held() {
            // A look into a folder costs nothing.
            if self.store.may_lag() && self.looked().age(self.clock) < FRESH {
                return;
            }
            let _one_at_a_time = self.looking.lock().await;
            // Another one looked meanwhile, and began after this one had come.
            if self.looked().monotonic >= arrived {
                return;
            }
            match tokio::time::timeout(LOOK_TIMEOUT, self.look()).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) if error.is_lasting() => {
                    let mut state = self.state();
                    state.lost = true;
                    state.failure = Some(error);
                }
                Ok(Err(error)) => tracing::warn!(%error, "could not look at the lease"),
                Err(_) => tracing::warn!("no answer to a look at the lease"),
            }
            self.clock.sleep(AFTER_FAILURE).await;
        }
    }

    /// Whether the lease in the store is still this one, and no other came after it.
    pub(super) async fn look(&self) -> Result<bool, StoreError> {
        for look in 0..LOOKS {
            if look > 0 {
                self.clock.sleep(PAUSE).await;
            }
            let begun = Moment::now(self.clock);
            let leases = numbered(&self.store, &self.names).await?;
            if leases.last().is_some_and(|(newest, _)| *newest > self.n) {
                break;
            }
            // One that does not show may be hidden by a read that lags.
            if let Some((_, stored)) = leases.iter().find(|(n, _)| *n == self.n) {
                if !self.is_ours(stored) {
                    break;
                }
                self.state().looked = begun;
                return Ok(true);
            }
        }
        self.lose();
        Ok(false)
    }

    pub(super) fn is_ours(&self, stored: &Stored) -> bool {
        Lease::decode(&stored.value).is_ok_and(|lease| lease.id == self.id)
    }
}

impl Lock for Holding {
    /// A holder that could neither renew nor look at its lease for as long as a lease lasts does not hold it.
    fn is_held(&self) -> bool {
        let state = self.state();
        let newest = |moment: &Moment| moment.age(self.clock) < TERM;
        !state.lost && newest(&state.renewed) && newest(&state.looked)
    }

    fn confirm(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.look_unless_fresh())
    }
}
