//! Pacing: calls are spread below a budget that the account shares with its deploys.
//!
//! A rate limiter of a fixed rate is not enough: when AWS throttles, somebody else is using the budget,
//! and the pace has to give way and come back. So the rate halves on a throttle and climbs again with
//! every call that goes through.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The slowest pace, calls per second, however much AWS throttles.
const SLOWEST: f64 = 0.5;
/// How much of the full rate a successful call gives back.
const RECOVERY: f64 = 0.02;
/// Throttles within this time of one another count once: they come from calls sent together.
const SAME_THROTTLE: Duration = Duration::from_millis(500);

/// A budget of calls per second. Clones share it.
#[derive(Debug, Clone)]
pub struct Pace(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    full: f64,
    rate: f64,
    burst: f64,
    /// When the next call may start.
    next: Option<Instant>,
    throttled: Option<Instant>,
}

impl Pace {
    /// At most `rate` calls per second, one at a time.
    #[must_use]
    pub fn per_second(rate: f64) -> Self {
        Self::with_burst(rate, 1.0)
    }

    /// At most `rate` calls per second in the long run, and `burst` at once after a pause.
    #[must_use]
    pub fn with_burst(rate: f64, burst: f64) -> Self {
        let full = if rate.is_finite() {
            rate.max(SLOWEST)
        } else {
            SLOWEST
        };
        let burst = if burst.is_finite() {
            burst.max(1.0)
        } else {
            1.0
        };
        Self(Arc::new(Mutex::new(State {
            full,
            rate: full,
            burst,
            next: None,
            throttled: None,
        })))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held; and if it did, the numbers would still be usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rate now, calls per second: the full one unless throttled.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.state().rate
    }

    /// Waits for the turn of one call.
    pub(crate) async fn turn(&self) {
        let at = {
            let mut state = self.state();
            let now = Instant::now();
            let gap = Duration::from_secs_f64(1.0 / state.rate);
            // After a pause up to `burst` turns have gathered.
            let earliest = now
                .checked_sub(gap.mul_f64(state.burst - 1.0))
                .unwrap_or(now);
            let at = state.next.map_or(earliest, |next| next.max(earliest));
            state.next = Some(at + gap);
            at
        };
        tokio::time::sleep_until(at).await;
    }

    /// AWS throttled a call: give way.
    pub(crate) fn throttled(&self) {
        let mut state = self.state();
        let now = Instant::now();
        if state
            .throttled
            .is_some_and(|at| now.duration_since(at) < SAME_THROTTLE)
        {
            return;
        }
        state.throttled = Some(now);
        state.rate = (state.rate / 2.0).max(SLOWEST);
    }

    /// A call went through: come back, slowly.
    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        state.rate = (state.rate + state.full * RECOVERY).min(state.full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_spread_over_the_rate() {
        let pace = Pace::per_second(10.0);
        let start = Instant::now();
        for _ in 0..11 {
            pace.turn().await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((took - 1.0).abs() < 0.02, "11 calls at 10/s took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_is_paid_back() {
        let pace = Pace::with_burst(2.0, 4.0);
        let start = Instant::now();
        for _ in 0..4 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.turn().await;
        assert_eq!(start.elapsed().as_millis() / 10, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_halves_the_rate_and_successes_bring_it_back() {
        let pace = Pace::per_second(8.0);
        pace.throttled();
        pace.throttled();
        assert!(
            (pace.rate() - 4.0).abs() < 1e-9,
            "throttles of one moment count once"
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        pace.throttled();
        assert!((pace.rate() - 2.0).abs() < 1e-9);
        for _ in 0..100 {
            pace.succeeded();
        }
        assert!((pace.rate() - 8.0).abs() < 1e-9);
    }
}
