//! Keeping the flag fresh: who asks, how long others wait, and what a failure does.
//!
//! The request that finds the state too old asks, by itself, and goes on within the budget whatever
//! happens. Requests beside it go on with the last known state at once or, if none ever was, wait for
//! the same answer. A failure keeps the last known state, on or off, and puts off the next try; by how
//! much is the business of `interval`. So does an answer that is older than what is known, which is the
//! business of `newest`; the next try is then as after any answer.

use std::future::{Future, poll_fn, ready};
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use maintenance_flag::Flag;

use crate::events;
use crate::interval::{Failure, Interval, jittered};
use crate::newest::Newest;
use crate::source::{BoxError, Fetch, FlagSource, Reading, Throttled};
use crate::state::Inner;
use crate::timer::{Sleep, Timer};
use crate::turn::{Taken, Turn};

/// A fetch that is older is not waited for again: its connection is probably dead.
const GIVE_UP: Duration = Duration::from_secs(10);

/// A refresh under way.
pub(crate) type Refreshing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether a request has to wait before it can be decided.
pub(crate) enum Refresh {
    /// Decide by what is known.
    GoOn,
    /// Decide when this is done.
    Wait(Refreshing),
}

pub(crate) struct Refresher {
    source: Box<dyn FlagSource>,
    timer: Box<dyn Timer>,
    parameter: String,
    budget: Duration,
    turn: Arc<Turn>,
    desk: Mutex<Desk>,
}

/// What one refresh leaves to the next. Only whoever has the turn touches it.
struct Desk {
    unfinished: Option<Fetching>,
    interval: Interval,
    newest: Newest,
}

struct Fetching {
    fetch: Fetch,
    since_ms: u64,
}

impl Refresher {
    pub(crate) fn new(
        source: Box<dyn FlagSource>,
        timer: Box<dyn Timer>,
        parameter: String,
        ttl: Duration,
        budget: Duration,
    ) -> Self {
        Self {
            source,
            timer,
            parameter,
            budget,
            turn: Arc::default(),
            desk: Mutex::new(Desk {
                unfinished: None,
                interval: Interval::new(ttl),
                newest: Newest::default(),
            }),
        }
    }

    fn with_desk<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        work(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fetch that an earlier refresh did not wait for to the end, else a new one.
    fn fetching(&self, now_ms: u64) -> Fetching {
        let unfinished = self.with_desk(|desk| {
            let patience = desk.interval.patience(GIVE_UP);
            desk.unfinished.take().filter(|fetching| {
                now_ms
                    .checked_sub(fetching.since_ms)
                    .is_some_and(|age| Duration::from_millis(age) < patience)
            })
        });
        unfinished.unwrap_or_else(|| Fetching {
            fetch: guarded(|| self.source.fetch(&self.parameter))
                .unwrap_or_else(|error| Box::pin(ready(Err(error)))),
            since_ms: now_ms,
        })
    }
}

impl Inner {
    /// What a request does that found the state too old.
    #[cold]
    pub(crate) fn refresh(self: &Arc<Self>) -> Refresh {
        match self.refresher.turn.try_take() {
            // Somebody may have been faster between the look and the turn.
            Some(_turn) if self.look().is_fresh() => Refresh::GoOn,
            Some(turn) => Refresh::Wait(Box::pin(lead(Arc::clone(self), turn, None))),
            None if self.known().is_some() => Refresh::GoOn,
            None => Refresh::Wait(Box::pin(follow(Arc::clone(self)))),
        }
    }

    /// The source answered a question of `asked_ms`; none: there is no such parameter.
    fn answered(&self, answer: Option<&Reading>, asked_ms: u64) {
        let refresher = &self.refresher;
        let now_ms = self.clock.now_ms();
        if refresher.with_desk(|desk| desk.newest.outdates(answer, asked_ms)) {
            return self.left_aside(answer, now_ms);
        }
        let decoded = answer.map_or_else(|| Ok(Flag::off()), |it| Flag::decode(it.text()));
        match decoded {
            Ok(flag) => {
                let good_for = refresher.with_desk(|desk| {
                    desk.newest.learn(answer, now_ms);
                    desk.interval.succeeded()
                });
                self.learn(flag, asked_ms, jittered(good_for, random(asked_ms)));
            }
            Err(error) => self.failed(Failure::Failed, &error.to_string()),
        }
    }

    /// The store is well; only what it said is older than what is known.
    fn left_aside(&self, answer: Option<&Reading>, now_ms: u64) {
        let (good_for, newest) = self
            .refresher
            .with_desk(|desk| (desk.interval.succeeded(), desk.newest.version()));
        self.keep(jittered(good_for, random(now_ms)));
        let version = answer.and_then(Reading::version);
        events::left_aside(&self.identity, self.known(), version, newest);
    }

    fn failed(&self, failure: Failure, reason: &str) {
        let next = self
            .refresher
            .with_desk(|desk| desk.interval.failed(failure));
        self.keep(jittered(next.after, random(self.clock.now_ms())));
        if next.is_news {
            let next_secs = next.after.as_secs();
            events::refresh_failed(&self.identity, self.known(), reason, next_secs);
        }
    }
}

/// Asks the source, for no longer than the budget; `end` is the end of one that has begun already.
async fn lead(inner: Arc<Inner>, turn: Taken, mut end: Option<Sleep>) {
    let refresher = &inner.refresher;
    let mut asked = Asked {
        fetching: Some(refresher.fetching(inner.clock.now_ms())),
        refresher,
        _turn: turn,
    };
    let answer = poll_fn(|cx| {
        if let Some(fetching) = &mut asked.fetching
            && let Poll::Ready(result) = guarded(|| fetching.fetch.as_mut().poll(cx))
                .unwrap_or_else(|error| Poll::Ready(Err(error)))
        {
            let since_ms = fetching.since_ms;
            asked.fetching = None;
            return Poll::Ready(Some((result, since_ms)));
        }
        // Only now, so that a source which answers at once costs no timer.
        end.get_or_insert_with(|| refresher.timer.sleep(refresher.budget))
            .as_mut()
            .poll(cx)
            .map(|()| None)
    })
    .await;
    match answer {
        None => {
            let budget = refresher.budget.as_millis();
            inner.failed(Failure::Slow, &format!("no answer within {budget} ms"));
        }
        Some((Ok(answer), since_ms)) => inner.answered(answer.as_ref(), since_ms),
        Some((Err(error), _)) => inner.failed(kind(&error), &error.to_string()),
    }
}

/// Does something of the source's. One that panics is one that fails: it must not take every request
/// with it. It is not touched again after that.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, BoxError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the source panicked".into())
}

/// Waits for the refresh of another request, because nothing is known yet. If that request goes away,
/// this one asks.
async fn follow(inner: Arc<Inner>) {
    let refresher = &inner.refresher;
    let mut end = refresher.timer.sleep(refresher.budget);
    loop {
        let mut over = refresher.turn.over();
        let in_time = poll_fn(|cx| {
            if Pin::new(&mut over).poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            end.as_mut().poll(cx).map(|()| false)
        })
        .await;
        if !in_time || inner.look().is_fresh() || inner.known().is_some() {
            return;
        }
        if let Some(turn) = refresher.turn.try_take() {
            return lead(Arc::clone(&inner), turn, Some(end)).await;
        }
    }
}

/// A fetch under way. If its request goes away or out of time, the next refresh goes on with it.
struct Asked<'a> {
    fetching: Option<Fetching>,
    refresher: &'a Refresher,
    _turn: Taken,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        // One that panicked must not be polled again.
        if let Some(fetching) = self.fetching.take()
            && !std::thread::panicking()
        {
            self.refresher
                .with_desk(|desk| desk.unfinished = Some(fetching));
        }
    }
}

/// Whether the store refused because it is asked too often: the source says so by an error type,
/// its own or the cause of its own.
fn kind(error: &BoxError) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if error.is::<Throttled>() {
            return Failure::Throttled;
        }
        cause = error.source();
    }
    Failure::Failed
}

fn random(seed: u64) -> u64 {
    mixed(&RandomState::new(), seed, SystemTime::now())
}

/// With the moment in it, to the nanosecond: processes restored from one snapshot have the same
/// random keys, and must not ask together for ever after.
fn mixed(keys: &RandomState, seed: u64, now: SystemTime) -> u64 {
    keys.hash_one((seed, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_one_process_with_the_same_keys_draw_different_jitters() {
        let (keys, ttl) = (RandomState::new(), Duration::from_secs(5));
        let mut drawn: Vec<u64> = (0..1_000)
            .map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
            .map(|now| jittered(ttl, mixed(&keys, 0, now)))
            .collect();
        drawn.sort_unstable();
        drawn.dedup();
        // A thousand out of two thousand and one: some 790 differ.
        assert!(drawn.len() > 600, "{}", drawn.len());
    }

    #[test]
    fn throttling_is_found_also_as_a_cause() {
        #[derive(Debug, thiserror::Error)]
        #[error("the store said no")]
        struct Wrapped(#[source] Throttled);

        let throttled = Throttled::new("Rate exceeded");
        assert_eq!(kind(&throttled.clone().into()), Failure::Throttled);
        assert_eq!(kind(&Wrapped(throttled).into()), Failure::Throttled);
        assert_eq!(kind(&"Rate exceeded".into()), Failure::Failed);
    }
}
