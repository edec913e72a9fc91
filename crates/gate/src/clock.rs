//! Wall-clock time, in milliseconds since the epoch.
//!
//! `Instant` would not do: a frozen execution environment may stop the monotonic clock, and after a SnapStart
//! restore that clock is inconsistent, so that a flag could look fresh for hours. On Linux the gate reads the
//! coarse clock, at a fifth of the cost of the fine one; its 4 ms are precise enough for a TTL in seconds.

use std::future::Future;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(any(feature = "test-util", test))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// The clock of a gate: the wall clock, or a test's [`ManualClock`].
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    #[default]
    Wall,
    #[cfg(any(feature = "test-util", test))]
    Manual(ManualClock),
}

impl Clock {
    /// Returns the time in milliseconds since the epoch.
    #[inline]
    pub(crate) fn now_ms(&self) -> u64 {
        match self {
            Self::Wall => wall_ms(),
            #[cfg(any(feature = "test-util", test))]
            Self::Manual(clock) => clock.0.load(Ordering::Relaxed),
        }
    }
}

#[cfg(target_os = "linux")]
#[inline]
fn wall_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    // A time before 1970 counts as 1970: an age is then too long, and the flag is refreshed too often.
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds.wrapping_mul(1_000).wrapping_add(nanos / 1_000_000)
}

#[cfg(not(target_os = "linux"))]
fn wall_ms() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Converts a wall-clock time to a timestamp, UTC. A time out of range becomes the epoch.
pub(crate) fn timestamp(now_ms: u64) -> Timestamp {
    let ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Completes at the end of a wait.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// The timer of every wait: tokio's, or a test's.
#[derive(Clone, Default)]
pub(crate) struct Sleeper(Option<Arc<dyn Fn(Duration) -> Sleep + Send + Sync>>);

impl Sleeper {
    #[cfg(feature = "test-util")]
    pub(crate) fn new(sleep: impl Fn(Duration) -> Sleep + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sleep)))
    }

    /// Returns `None` if there is no timer here: no tokio runtime, or one without time.
    pub(crate) fn sleep(&self, duration: Duration) -> Option<Sleep> {
        if let Some(sleep) = &self.0 {
            return Some(sleep(duration));
        }
        tokio::runtime::Handle::try_current().ok()?;
        // tokio panics in a runtime without time, and offers no way to find out.
        let sleep = catch_unwind(|| tokio::time::sleep(duration)).ok()?;
        Some(Box::pin(sleep))
    }
}

/// A clock that a test sets, to reach the end of a TTL. It does not run by itself.
#[cfg(any(feature = "test-util", test))]
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

#[cfg(any(feature = "test-util", test))]
impl ManualClock {
    /// Creates a clock that shows `unix_millis`, milliseconds since the epoch.
    #[must_use]
    pub fn new(unix_millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(unix_millis)))
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, unix_millis: u64) {
        self.0.store(unix_millis, Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

#[cfg(any(feature = "test-util", test))]
impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self::Manual(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_agrees_with_the_systems() {
        let system = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let ours = u128::from(Clock::default().now_ms());
        assert!(system.abs_diff(ours) < 1_000, "{system} and {ours}");
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let manual = ManualClock::new(10);
        let clock = Clock::from(manual.clone());
        assert_eq!(clock.now_ms(), 10);
        manual.advance(Duration::from_secs(1));
        assert_eq!(clock.now_ms(), 1_010);
        manual.set(3);
        assert_eq!(clock.now_ms(), 3);
    }
}
