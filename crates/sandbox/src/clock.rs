//! The clock of every transition, rate limit and date in the sandbox.
//!
//! On tokio's paused clock, a test waits five seconds for provisioned concurrency in no time. The clock itself
//! never sleeps; only [`Fault::delay`](crate::Fault::delay) does.

use std::time::Duration;

use jiff::Timestamp;

/// Where the sandbox gets its time from.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Tokio {
        origin: Timestamp,
        start: tokio::time::Instant,
    },
}

/// 2026-01-01T00:00:00Z, the default start of a virtual clock.
const VIRTUAL_ORIGIN_SECONDS: i64 = 1_767_225_600;

impl Clock {
    /// The machine's wall clock.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Follows [`tokio::time::Instant`], so that under `#[tokio::test(start_paused = true)]` it runs
    /// on virtual time. It begins at 2026-01-01T00:00:00Z, so that dates are the same in every run.
    pub fn tokio() -> Self {
        let origin =
            Timestamp::from_second(VIRTUAL_ORIGIN_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
        Self::tokio_from(origin)
    }

    /// As [`Clock::tokio`], beginning at `origin`.
    pub fn tokio_from(origin: Timestamp) -> Self {
        Self(Kind::Tokio {
            origin,
            start: tokio::time::Instant::now(),
        })
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Tokio { origin, start } => later(*origin, start.elapsed()),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// `at` plus `by`, saturating at the largest timestamp.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The time from `earlier` to `at`; zero if `at` is not later.
pub(crate) fn since(earlier: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// Seconds since 1970 with milliseconds, as AWS's JSON protocols carry a timestamp.
pub(crate) fn epoch_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
