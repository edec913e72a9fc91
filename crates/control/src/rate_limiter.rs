//! Pacing: calls are spread below a budget that the account shares with its deploys.
//!
//! A rate limiter of a fixed rate is not enough: when AWS throttles, another client is using the budget,
//! and the pace has to give way and come back. So the rate halves on a throttle and climbs again with
//! every call that goes through. Turns are handed out one at a time: what waits in line goes at the rate
//! of the moment in which it is its turn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::waits::{Count, Counted};

/// The least full rate, calls per second.
const SLOWEST: f64 = 0.5;
/// The part of the full rate that stays however much AWS throttles: who always gives way never ends.
const LEAST: f64 = 0.2;
/// How much of the full rate a successful call gives back.
const RECOVERY: f64 = 0.02;
/// Throttles within this time of one another count once: they come from calls sent together.
const SAME_THROTTLE: Duration = Duration::from_millis(500);

/// A budget of calls per second. Clones share it.
#[derive(Debug, Clone)]
pub struct RateLimiter {
    state: Arc<Mutex<State>>,
    /// Who holds it is next; it is fair.
    line: Arc<tokio::sync::Mutex<()>>,
    /// Calls that wait for an update to end.
    conflicts: Count,
    /// How long a read outside an operation may go without an answer.
    answer_limit: Option<Duration>,
}

#[derive(Debug)]
struct State {
    full: f64,
    rate: f64,
    burst: f64,
    /// The rate that stays however much AWS throttles.
    least: f64,
    /// When the next call may start.
    next: Option<Instant>,
    throttled: Option<Instant>,
    /// When a call last got through.
    passed: Option<Instant>,
}

impl RateLimiter {
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
        Self {
            state: Arc::new(Mutex::new(State {
                full,
                rate: full,
                burst,
                least: full * LEAST,
                next: None,
                throttled: None,
                passed: None,
            })),
            line: Arc::default(),
            conflicts: Count::default(),
            answer_limit: None,
        }
    }

    /// The same budget, whose reads outside an operation are given up after so long without an answer.
    pub(crate) fn with_answer_limit(&self, limit: Duration) -> Self {
        Self {
            answer_limit: Some(limit),
            ..self.clone()
        }
    }

    pub(crate) fn answer_limit(&self) -> Option<Duration> {
        self.answer_limit
    }

    /// Another budget, as large as this one, that gives way to no other: for the few calls that must get
    /// through in time.
    pub(crate) fn without_backoff(&self) -> Self {
        let (full, burst) = {
            let state = self.state();
            (state.full, state.burst)
        };
        let other = Self::with_burst(full, burst);
        other.state().least = full;
        other
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held; and if it did, the numbers would still be usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rate now, calls per second: the full one unless throttled.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.state().rate
    }

    /// Waits for the turn of one call.
    pub(crate) async fn acquire(&self) {
        let _first = self.line.lock().await;
        let at = {
            let state = self.state();
            let now = Instant::now();
            // After a pause up to `burst` turns have gathered.
            let gathered = Duration::from_secs_f64((state.burst - 1.0) / state.rate);
            let earliest = now.checked_sub(gathered).unwrap_or(now);
            state.next.map_or(earliest, |next| next.max(earliest))
        };
        tokio::time::sleep_until(at).await;
        let mut state = self.state();
        state.next = Some(at + Duration::from_secs_f64(1.0 / state.rate));
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
        state.rate = (state.rate / 2.0).max(state.least);
    }

    /// AWS refused a call, since what it would change is being updated. It counts until what is returned
    /// goes.
    pub(crate) fn conflicted(&self) -> Counted {
        self.conflicts.one_more()
    }

    /// How many calls wait for an update to end.
    pub(crate) fn conflicts(&self) -> usize {
        self.conflicts.get()
    }

    /// Whether it gives way just now.
    pub(crate) fn is_throttled(&self) -> bool {
        let state = self.state();
        state.rate < state.full
    }

    /// A call went through: come back, slowly.
    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        state.rate = (state.rate + state.full * RECOVERY).min(state.full);
        state.passed = Some(Instant::now());
    }

    /// The longest pause before a call that was refused is tried again.
    pub(crate) fn longest_pause(&self) -> Duration {
        let state = self.state();
        if state.least < state.full {
            Duration::from_secs(1)
        } else {
            Duration::from_millis(300)
        }
    }

    /// Whether a call of this budget has got through in the last `patience`, or since `started` less
    /// than that has gone by.
    pub(crate) fn is_moving(&self, started: Instant, patience: Duration) -> bool {
        let since = self.state().passed.map_or(started, |at| at.max(started));
        since.elapsed() < patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_spread_over_the_rate() {
        let rate_limiter = RateLimiter::per_second(10.0);
        let start = Instant::now();
        for _ in 0..11 {
            rate_limiter.acquire().await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((took - 1.0).abs() < 0.02, "11 calls at 10/s took {took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_is_paid_back() {
        let rate_limiter = RateLimiter::with_burst(2.0, 4.0);
        let start = Instant::now();
        for _ in 0..4 {
            rate_limiter.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        rate_limiter.acquire().await;
        assert_eq!(start.elapsed().as_millis() / 10, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_halves_the_rate_and_successes_bring_it_back() {
        let rate_limiter = RateLimiter::per_second(8.0);
        rate_limiter.throttled();
        rate_limiter.throttled();
        assert!(
            (rate_limiter.rate() - 4.0).abs() < 1e-9,
            "throttles of one moment count once"
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        rate_limiter.throttled();
        assert!((rate_limiter.rate() - 2.0).abs() < 1e-9);
        for _ in 0..100 {
            rate_limiter.succeeded();
        }
        assert!((rate_limiter.rate() - 8.0).abs() < 1e-9);
    }
}
