//! The end of the refresh budget, without an async runtime: one thread, started at the first refresh,
//! that wakes whoever waits.
//!
//! It is no general timer: it serves one short wait per refresh and never more than the budget.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak, mpsc};
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
        let handed_over = thread_of_alarms().is_some_and(|thread| thread.send(entry).is_ok());
        if !handed_over {
            // Without a thread nothing could end the wait. A source that answers at once still serves.
            alarm.ring();
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

struct Entry {
    at: Instant,
    alarm: Weak<Alarm>,
}

fn thread_of_alarms() -> Option<&'static mpsc::Sender<Entry>> {
    static THREAD: OnceLock<Option<mpsc::Sender<Entry>>> = OnceLock::new();
    THREAD
        .get_or_init(|| {
            let (sender, receiver) = mpsc::channel();
            thread::Builder::new()
                .name("maintenance-gate".to_owned())
                .spawn(move || ring_in_time(&receiver))
                .ok()
                .map(|_| sender)
        })
        .as_ref()
}

fn ring_in_time(entries: &mpsc::Receiver<Entry>) {
    // The counter tells apart two alarms of the same instant.
    let mut waiting: BTreeMap<(Instant, u64), Weak<Alarm>> = BTreeMap::new();
    let mut count: u64 = 0;
    loop {
        let received = match waiting.first_key_value() {
            None => entries
                .recv()
                .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(((at, _), _)) => {
                entries.recv_timeout(at.saturating_duration_since(Instant::now()))
            }
        };
        match received {
            Ok(entry) => {
                count = count.wrapping_add(1);
                waiting.insert((entry.at, count), entry.alarm);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while let Some(first) = waiting.first_entry() {
            if first.key().0 > now {
                break;
            }
            if let Some(alarm) = first.remove().upgrade() {
                alarm.ring();
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
    async fn no_duration_makes_it_panic_or_hang() {
        ThreadTimer.sleep(Duration::ZERO).await;
        ThreadTimer.sleep(Duration::MAX).await;
    }
}
