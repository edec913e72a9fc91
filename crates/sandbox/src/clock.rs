//! The clock every transition, rate limit and date of the sandbox runs on.
//!
//! It exists so that a test can put five seconds of "provisioned concurrency is being allocated"
//! behind it in no time at all. It does not sleep; only an injected delay does, on tokio's timer.

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

/// 2026-01-01T00:00:00Z: where a virtual clock begins unless told otherwise.
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

    /// The present moment.
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

/// `at` plus `by`, held at the end of representable time rather than overflowing.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long after `earlier` the moment `at` is; zero if it is not after it.
pub(crate) fn since(earlier: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// Seconds since 1970 with milliseconds, as AWS's JSON protocols carry a timestamp.
pub(crate) fn epoch_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
