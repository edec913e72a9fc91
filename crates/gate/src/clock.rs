//! Wall-clock time, in milliseconds since the epoch.
//!
//! Not `Instant`: a frozen execution environment may stop the monotonic clock, and after a SnapStart
//! restore it is inconsistent, so that a flag could look fresh for hours. On Linux the coarse clock is
//! read, which costs a fifth of the fine one; its 4 ms are plenty for a TTL in seconds.

use std::future::Future;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(any(feature = "test-util", test))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Where a gate takes the time from: the wall clock, unless a test hands it a [`ManualClock`].
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    #[default]
    Wall,
    #[cfg(any(feature = "test-util", test))]
    Manual(ManualClock),
}

impl Clock {
    /// Milliseconds since the epoch.
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
    // Before 1970 counts as 1970: an age is then too long, and a flag is refreshed once too often.
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

/// A wall-clock time as a timestamp, UTC. One that no calendar has counts as the epoch.
pub(crate) fn timestamp(now_ms: u64) -> Timestamp {
    let ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The end of a wait.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// What ends a wait: tokio's timer, unless a test has one of its own.
#[derive(Clone, Default)]
pub(crate) struct Sleeper(Option<Arc<dyn Fn(Duration) -> Sleep + Send + Sync>>);

impl Sleeper {
    #[cfg(feature = "test-util")]
    pub(crate) fn new(sleep: impl Fn(Duration) -> Sleep + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sleep)))
    }

    /// None if there is no timer here: no runtime of tokio's, or one without time.
    pub(crate) fn sleep(&self, duration: Duration) -> Option<Sleep> {
        if let Some(sleep) = &self.0 {
            return Some(sleep(duration));
        }
        tokio::runtime::Handle::try_current().ok()?;
        // It panics in a runtime without time, and there is no way to ask.
        let sleep = catch_unwind(|| tokio::time::sleep(duration)).ok()?;
        Some(Box::pin(sleep))
    }
}

/// A clock that stands still until it is told: for tests of what happens at the end of a TTL.
#[cfg(any(feature = "test-util", test))]
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

#[cfg(any(feature = "test-util", test))]
impl ManualClock {
    /// A clock that shows `unix_millis`, milliseconds since the epoch.
    #[must_use]
    pub fn new(unix_millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(unix_millis)))
    }

    /// Sets it, also backwards.
    pub fn set(&self, unix_millis: u64) {
        self.0.store(unix_millis, Ordering::Relaxed);
    }

    /// Moves it on.
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
