//! Time, passed in: wall-clock time for what is stored, and sleeping for what is waited for.

use std::time::Duration;

use jiff::Timestamp;

/// Where an operation takes the time from.
///
/// Sleeping is always tokio's, so that a test on tokio's paused clock waits for nothing; with
/// [`Clock::virtual_from`] the wall clock follows it.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// A wall clock that starts at a given time and follows tokio's clock.
    Virtual {
        /// The wall-clock time at `origin`.
        start: Timestamp,
        /// tokio's time at `start`.
        origin: tokio::time::Instant,
    },
}

impl Clock {
    /// A clock that follows tokio's from now on, and says `start` now.
    #[must_use]
    pub fn virtual_from(start: Timestamp) -> Self {
        Self::Virtual {
            start,
            origin: tokio::time::Instant::now(),
        }
    }

    /// The time, UTC, to the millisecond.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Virtual { start, origin } => start
                .checked_add(origin.elapsed())
                .unwrap_or(Timestamp::MAX),
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
