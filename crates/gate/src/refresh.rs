//! Keeping the flag fresh: who asks, how long others wait, and what a failure does.
//!
//! The request that finds the state too old asks, by itself, and goes on within the budget whatever
//! happens. Requests beside it go on with the last known state at once or, if none ever was, wait for
//! the same answer. A failure keeps the last known state, on or off, and puts off the next try.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use maintenance_flag::Flag;

use crate::events;
use crate::source::{BoxError, Fetch, FlagSource};
use crate::state::Inner;
use crate::timer::{Sleep, Timer};
use crate::turn::{Taken, Turn};
use crate::word::MAX_LIFETIME_MS;

/// After a first failure the next try is a second later, then two, and so on.
const FIRST_STEP: Duration = Duration::from_secs(1);
/// No try is put off for longer.
const LAST_STEP: Duration = Duration::from_secs(30);
/// A fetch that is older is not waited for again: its connection is probably dead.
const GIVE_UP_MS: u64 = 10_000;

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
    ttl: Duration,
    budget: Duration,
    turn: Arc<Turn>,
    desk: Mutex<Desk>,
}

/// What one refresh leaves to the next. Only whoever has the turn touches it.
#[derive(Default)]
struct Desk {
    unfinished: Option<Fetching>,
    /// How long the last failure put off the next try; none after a success.
    step: Option<Duration>,
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
            ttl,
            budget,
            turn: Arc::default(),
            desk: Mutex::default(),
        }
    }

    fn with_desk<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        work(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fetch that an earlier refresh did not wait for to the end, else a new one.
    fn fetching(&self, now_ms: u64) -> Fetching {
        let young = |fetching: &Fetching| {
            now_ms
                .checked_sub(fetching.since_ms)
                .is_some_and(|age| age < GIVE_UP_MS)
        };
        self.with_desk(|desk| desk.unfinished.take())
            .filter(young)
            .unwrap_or_else(|| Fetching {
                fetch: self.source.fetch(&self.parameter),
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
            Some(_turn) if self.look().1 => Refresh::GoOn,
            Some(turn) => Refresh::Wait(Box::pin(lead(Arc::clone(self), turn))),
            None if self.known().is_some() => Refresh::GoOn,
            None => Refresh::Wait(Box::pin(follow(Arc::clone(self)))),
        }
    }

    fn succeeded(&self, flag: Flag, at_ms: u64) {
        self.refresher.with_desk(|desk| desk.step = None);
        let random = RandomState::new().hash_one(at_ms);
        self.learn(flag, at_ms, jittered(self.refresher.ttl, random));
    }

    fn failed(&self, reason: &str) {
        let (step, longer) = self.refresher.with_desk(|desk| {
            let step = next_step(desk.step);
            (step, desk.step.replace(step) != Some(step))
        });
        self.keep(millis(step));
        if longer {
            events::refresh_failed(&self.identity, self.known(), reason, step.as_secs());
        }
    }
}

/// Asks the source, for no longer than the budget.
async fn lead(inner: Arc<Inner>, turn: Taken) {
    let refresher = &inner.refresher;
    let mut asked = Asked {
        fetching: Some(refresher.fetching(inner.clock.now_ms())),
        refresher,
        _turn: turn,
    };
    let mut end: Option<Sleep> = None;
    let answer = poll_fn(|cx| {
        if let Some(fetching) = &mut asked.fetching
            && let Poll::Ready(result) = fetching.fetch.as_mut().poll(cx)
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
        None => inner.failed(&format!(
            "no answer within {} ms",
            refresher.budget.as_millis()
        )),
        Some((result, since_ms)) => match read(result) {
            Ok(flag) => inner.succeeded(flag, since_ms),
            Err(error) => inner.failed(&error.to_string()),
        },
    }
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
        if !in_time || inner.look().1 || inner.known().is_some() {
            return;
        }
        if let Some(turn) = refresher.turn.try_take() {
            return lead(Arc::clone(&inner), turn).await;
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

fn read(fetched: Result<Option<String>, BoxError>) -> Result<Flag, BoxError> {
    match fetched? {
        None => Ok(Flag::off()),
        Some(text) => Ok(Flag::decode(&text)?),
    }
}

fn next_step(step: Option<Duration>) -> Duration {
    match step {
        None => FIRST_STEP,
        Some(step) => step.saturating_mul(2).min(LAST_STEP),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(MAX_LIFETIME_MS, |ms| ms.min(MAX_LIFETIME_MS))
}

/// The TTL in milliseconds, between 80 % and 120 % of it.
fn jittered(ttl: Duration, random: u64) -> u64 {
    let ms = millis(ttl);
    let (least, width) = (ms.saturating_mul(4) / 5, ms.saturating_mul(2) / 5);
    let extra = random
        .checked_rem(width.saturating_add(1))
        .unwrap_or_default();
    least.saturating_add(extra)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn steps_double_from_one_second_to_thirty() {
        let mut step = None;
        let mut steps = Vec::new();
        for _ in 0..8 {
            step = Some(next_step(step));
            steps.extend(step.map(|step| step.as_secs()));
        }
        assert_eq!(steps, [1, 2, 4, 8, 16, 30, 30, 30]);
    }
}
