//! Draining: how long code of a role may still run after it was put into maintenance.

use std::time::Duration;

use jiff::Timestamp;

/// Beyond its TTL, jittered by a fifth, a gate waits at most this long for the flag.
const BUDGET: Duration = Duration::from_millis(250);
/// The longest that AWS lets a function run.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(900);

/// What decides how long the handlers of a role may go on after its flag has turned on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// The TTL of the role's gates.
    pub ttl: Duration,
    /// The longest timeout of the role's handlers. None: not known, so AWS's own limit of 900 s.
    pub timeout: Option<Duration>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(5),
            timeout: None,
        }
    }
}

impl Drain {
    /// From the flag's turning on until the last request that passed has ended, at the latest.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.ttl.mul_f64(1.2) + BUDGET + self.timeout.unwrap_or(LONGEST_TIMEOUT)
    }
}

/// `duration` after `time`, rounded up to a whole second.
pub(crate) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let at = time.checked_add(duration).unwrap_or(Timestamp::MAX);
    let seconds = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(seconds).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_may_be_a_ttl_a_fifth_and_a_look_behind() {
        let drain = Drain {
            timeout: Some(Duration::from_secs(30)),
            ..Drain::default()
        };
        assert_eq!(drain.longest(), Duration::from_millis(36_250));
        assert_eq!(Drain::default().longest(), Duration::from_millis(906_250));
    }

    #[test]
    fn moments_are_rounded_up() {
        let at = |s: &str| -> Timestamp { s.parse().unwrap() };
        let start = at("2026-11-21T08:00:00Z");
        assert_eq!(
            after(start, Duration::from_millis(1)),
            at("2026-11-21T08:00:01Z")
        );
        assert_eq!(
            after(start, Duration::from_secs(2)),
            at("2026-11-21T08:00:02Z")
        );
    }
}
