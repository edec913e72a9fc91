//! The end of the refresh budget, without an async runtime: one thread, started at the first refresh,
//! that wakes whoever waits.
//!
//! It is no general timer: it serves one short wait per refresh and never more than the budget.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// A wait that ends by itself.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What ends a refresh that takes too long. The default needs no async runtime; hand the gate your
/// own to use the runtime's timer, or to steer time in a test.
pub trait Timer: Send + Sync + 'static {
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The default [`Timer`]: a thread of the process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ThreadTimer;

impl Timer for ThreadTimer {
    fn sleep(&self, duration: Duration) -> Sleep {
        let alarm = Arc::new(Alarm::default());
        let entry = Entry {
            // A duration beyond all time is no budget; it ends at once rather than never.
            at: Instant::now()
                .checked_add(duration)
                .unwrap_or_else(Instant::now),
            alarm: Arc::downgrade(&alarm),
        };
        match Alarms::get() {
            Some(alarms) => alarms.set(entry),
            // Without a thread nothing could end the wait. A source that answers at once still serves.
            None => alarm.ring(),
        }
        Box::pin(Waiting(alarm))
    }
}

#[derive(Debug, Default)]
struct Alarm(Mutex<AlarmState>);

#[derive(Debug, Default)]
struct AlarmState {
    rung: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn ring(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.rung = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Waiting(Arc<Alarm>);

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.rung {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The alarms that are set. Few: one for each refresh under way.
#[derive(Default)]
struct Alarms {
    set: Mutex<Vec<Entry>>,
    /// Whether there is one more.
    another: Condvar,
}

struct Entry {
    at: Instant,
    alarm: Weak<Alarm>,
}

impl Alarms {
    /// Those of the process, and the thread that rings them; none if it could not be started.
    fn get() -> Option<&'static Self> {
        static ALARMS: OnceLock<Option<&'static Alarms>> = OnceLock::new();
        *ALARMS.get_or_init(|| {
            let alarms: &Self = Box::leak(Box::default());
            thread::Builder::new()
                .name("maintenance-gate".to_owned())
                .spawn(|| {
                    loop {
                        let due = alarms.wait();
                        for alarm in due.iter().filter_map(Weak::upgrade) {
                            // Whoever is woken may panic; the others must be rung all the same.
                            let _ = catch_unwind(AssertUnwindSafe(|| alarm.ring()));
                        }
                    }
                })
                .ok()
                .map(|_| alarms)
        })
    }

    fn set(&self, entry: Entry) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.push(entry);
        self.another.notify_one();
    }

    /// Waits until some are due, and takes them.
    fn wait(&self) -> Vec<Weak<Alarm>> {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let due: Vec<_> = set
                // Also those for which nobody waits any more.
                .extract_if(.., |entry| {
                    entry.at <= now || entry.alarm.strong_count() == 0
                })
                .map(|entry| entry.alarm)
                .collect();
            if !due.is_empty() {
                return due;
            }
            set = match set.iter().map(|entry| entry.at).min() {
                None => self
                    .another
                    .wait(set)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let left = next.saturating_duration_since(now);
                    let waited = self.another.wait_timeout(set, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    #[tokio::test]
    async fn ends_after_the_duration_and_not_before() {
        let start = Instant::now();
        let (long, short) = (Duration::from_millis(30), Duration::from_millis(5));
        let (long_one, short_one) = (ThreadTimer.sleep(long), ThreadTimer.sleep(short));
        short_one.await;
        assert!(start.elapsed() >= short);
        long_one.await;
        assert!(start.elapsed() >= long);
    }

    #[tokio::test]
    async fn who_panics_when_woken_keeps_no_other_waiting() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("a test of what a panic does");
            }
        }
        let mut unlucky = ThreadTimer.sleep(Duration::from_millis(1));
        let waker = Arc::new(Panics).into();
        let polled = unlucky.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        ThreadTimer.sleep(Duration::from_millis(2)).await;
        ThreadTimer.sleep(Duration::from_millis(2)).await;
    }

    #[tokio::test]
    async fn no_duration_makes_it_panic_or_hang() {
        ThreadTimer.sleep(Duration::ZERO).await;
        ThreadTimer.sleep(Duration::MAX).await;
    }
}
