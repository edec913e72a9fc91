//! How long a gate waits before it asks the store again. Pure: no clock, no source.
//!
//! After a success the gate waits for the TTL. After a failure it backs off from one second to thirty, but
//! never asks sooner than the TTL: many gates of one store must not ask it more often because it is in
//! trouble. When the store throttles, the interval doubles to twice the TTL, four times, and so on up to a
//! minute; each success halves it, until it is the TTL again.
//!
//! While a fetch has no answer yet, the gate polls that fetch again, after the backoff alone: that asks the store
//! nothing, so it may be sooner than the TTL.

use std::time::Duration;

use super::packed_state::MAX_LIFETIME_MS;

/// The backoff after a first failure; it doubles with each further one.
const FIRST_STEP: Duration = Duration::from_secs(1);
/// The longest backoff. Only the TTL, or throttling, can make the interval longer.
const LAST_STEP: Duration = Duration::from_secs(30);
/// The longest interval while the store throttles, unless the TTL is longer.
const LONGEST_STRETCH: Duration = Duration::from_secs(60);
/// The interval that throttling doubles if the TTL is shorter: twice zero would be zero.
const LEAST_STRETCHED: Duration = Duration::from_secs(1);

/// Why a fetch brought no new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The wait ended before the fetch, which goes on: polling it again costs the store nothing.
    TimedOut,
    /// The fetch ended with an error, or with an invalid value.
    Failed,
    /// The store refused because it is asked too often.
    Throttled,
}

/// The state of the backoff.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    ttl: Duration,
    /// The backoff after the last failure; `None` after a success.
    step: Option<Duration>,
    /// How many times the interval is doubled, because the store throttles or did lately.
    throttle_exponent: u32,
    /// The interval in the last event that was logged; `None` after a success.
    last_logged: Option<Duration>,
}

/// When to try again after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// The interval, without jitter.
    pub(crate) after: Duration,
    /// Whether to log an event: for the first failure, and whenever the interval has grown.
    pub(crate) is_news: bool,
}

impl Backoff {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            step: None,
            throttle_exponent: 0,
            last_logged: None,
        }
    }

    /// Records an answer; returns how long to rely on it, without jitter.
    pub(crate) fn succeeded(&mut self) -> Duration {
        self.step = None;
        self.last_logged = None;
        self.throttle_exponent = self.throttle_exponent.saturating_sub(1);
        self.poll_interval()
    }

    /// Records a failed or unfinished fetch; returns when to try again.
    pub(crate) fn failed(&mut self, failure: Failure) -> Next {
        let step = match self.step {
            None => FIRST_STEP,
            Some(step) => step.saturating_mul(2).min(LAST_STEP),
        };
        self.step = Some(step);
        if failure == Failure::Throttled && self.poll_interval() < self.longest() {
            self.throttle_exponent = self.throttle_exponent.saturating_add(1);
        }
        let after = match failure {
            Failure::TimedOut => step,
            Failure::Failed | Failure::Throttled => step.max(self.poll_interval()),
        };
        let is_news = self.last_logged.is_none_or(|last| after > last);
        self.last_logged = self.last_logged.max(Some(after));
        Next { after, is_news }
    }

    /// The shortest interval between two fetches, without jitter: the TTL, doubled once or more while the store
    /// throttles.
    pub(crate) fn poll_interval(&self) -> Duration {
        if self.throttle_exponent == 0 {
            return self.ttl;
        }
        let factor = 2_u32
            .checked_pow(self.throttle_exponent)
            .unwrap_or(u32::MAX);
        self.ttl
            .max(LEAST_STRETCHED)
            .saturating_mul(factor)
            .min(self.longest())
    }

    fn longest(&self) -> Duration {
        self.ttl.max(LONGEST_STRETCH)
    }
}

/// Converts to milliseconds with 20 % of jitter either way, so that gates which start or fail together do not ask
/// together.
pub(crate) fn jittered(duration: Duration, random: u64) -> u64 {
    let ms =
        u64::try_from(duration.as_millis()).map_or(MAX_LIFETIME_MS, |ms| ms.min(MAX_LIFETIME_MS));
    let (least, width) = (ms.saturating_mul(4) / 5, ms.saturating_mul(2) / 5);
    let extra = random
        .checked_rem(width.saturating_add(1))
        .unwrap_or_default();
    least.saturating_add(extra)
}

#[cfg(test)]
mod tests {
    use super::Failure::{Failed, Throttled, TimedOut};
    use super::*;

    fn backoff(ttl: u64) -> Backoff {
        Backoff::new(Duration::from_secs(ttl))
    }

    fn fails(backoff: &mut Backoff, failure: Failure, times: usize) -> Vec<u64> {
        (0..times)
            .map(|_| backoff.failed(failure).after.as_secs())
            .collect()
    }

    fn succeeds(backoff: &mut Backoff, times: usize) -> Vec<u64> {
        (0..times).map(|_| backoff.succeeded().as_secs()).collect()
    }

    #[test]
    fn a_failure_backs_off_from_one_second_to_thirty_and_is_never_quicker_than_the_ttl() {
        assert_eq!(
            fails(&mut backoff(0), Failed, 8),
            [1, 2, 4, 8, 16, 30, 30, 30]
        );
        assert_eq!(fails(&mut backoff(5), Failed, 7), [5, 5, 5, 8, 16, 30, 30]);
        assert_eq!(fails(&mut backoff(3_600), Failed, 2), [3_600, 3_600]);
    }

    #[test]
    fn looking_again_at_a_slow_fetch_is_no_question_and_may_be_quicker() {
        let mut slow = backoff(60);
        assert_eq!(fails(&mut slow, TimedOut, 7), [1, 2, 4, 8, 16, 30, 30]);
        // But to begin another one is.
        assert_eq!(slow.poll_interval().as_secs(), 60);
    }

    #[test]
    fn throttling_stretches_the_interval_up_to_a_minute_and_successes_halve_it() {
        let mut throttled = backoff(5);
        assert_eq!(
            fails(&mut throttled, Throttled, 6),
            [10, 20, 40, 60, 60, 60]
        );
        assert_eq!(succeeds(&mut throttled, 6), [40, 20, 10, 5, 5, 5]);
    }

    #[test]
    fn throttled_again_while_recovering_it_stretches_from_there() {
        let mut throttled = backoff(5);
        fails(&mut throttled, Throttled, 3);
        assert_eq!(succeeds(&mut throttled, 2), [20, 10]);
        assert_eq!(fails(&mut throttled, Throttled, 2), [20, 40]);
    }

    #[test]
    fn a_failure_of_another_kind_neither_stretches_nor_relaxes() {
        let mut throttled = backoff(5);
        fails(&mut throttled, Throttled, 2);
        assert_eq!(fails(&mut throttled, Failed, 2), [20, 20]);
        assert_eq!(succeeds(&mut throttled, 3), [10, 5, 5]);
    }

    #[test]
    fn the_backoff_counts_where_it_is_longer_than_the_stretch() {
        let mut store = backoff(1);
        fails(&mut store, Failed, 5);
        assert_eq!(fails(&mut store, Throttled, 1), [30]);
    }

    #[test]
    fn a_ttl_of_zero_is_stretched_from_a_second_and_comes_back() {
        let mut throttled = backoff(0);
        assert_eq!(
            fails(&mut throttled, Throttled, 8),
            [2, 4, 8, 16, 32, 60, 60, 60]
        );
        assert_eq!(succeeds(&mut throttled, 7), [32, 16, 8, 4, 2, 0, 0]);
    }

    #[test]
    fn a_ttl_of_more_than_a_minute_is_not_stretched() {
        for ttl in [60, 61, 3_600] {
            let mut throttled = backoff(ttl);
            assert_eq!(fails(&mut throttled, Throttled, 3), [ttl; 3]);
            assert_eq!(succeeds(&mut throttled, 1), [ttl]);
        }
    }

    #[test]
    fn each_longer_interval_is_news_once() {
        let mut store = backoff(5);
        let mut news = |failure| store.failed(failure).is_news;
        let all: Vec<_> = (0..8).map(|_| news(Failed)).collect();
        assert_eq!(
            all,
            [true, false, false, true, true, true, false, false],
            "5, 5, 5, 8, 16, 30, 30, 30"
        );
        // A slow one after it looks again sooner, which is nothing new.
        assert!(!news(TimedOut));
        store.succeeded();
        assert!(store.failed(Failed).is_news);
    }

    proptest::proptest! {
        #[test]
        fn asks_no_more_often_than_the_ttl_and_in_the_end_as_often(
            ttl in 0_u64..=3_600,
            answers in proptest::collection::vec(0_u8..4, 0..40),
        ) {
            let mut store = backoff(ttl);
            let ttl = Duration::from_secs(ttl);
            let longest = ttl.max(LONGEST_STRETCH);
            for answer in answers {
                let after = match answer {
                    0 => store.succeeded(),
                    1 => store.failed(Failed).after,
                    2 => store.failed(Throttled).after,
                    _ => {
                        proptest::prop_assert!(store.failed(TimedOut).after <= LAST_STEP);
                        store.poll_interval()
                    }
                };
                proptest::prop_assert!((ttl..=longest).contains(&after), "{after:?}");
            }
            for _ in 0..10 {
                store.succeeded();
            }
            proptest::prop_assert_eq!(store.succeeded(), ttl);
        }
    }

    #[test]
    fn jitter_stays_within_a_fifth_and_uses_all_of_it() {
        let ttl = Duration::from_secs(5);
        let all: Vec<u64> = (0..=2_000).map(|random| jittered(ttl, random)).collect();
        assert_eq!(all.iter().min(), Some(&4_000));
        assert_eq!(all.iter().max(), Some(&6_000));
        assert!((4_000..=6_000).contains(&jittered(ttl, u64::MAX)));
        assert_eq!(jittered(Duration::ZERO, u64::MAX), 0, "zero stays zero");
        for ttl in [Duration::from_nanos(1), Duration::MAX] {
            jittered(ttl, u64::MAX);
        }
    }
}
