//! Asks the source, one request at a time and no longer than the budget, and returns how that changes
//! the known state.
//!
//! The first request that finds the state stale asks. Requests beside it go on with the last known state
//! or, if there never was one, wait for the same answer. Nothing is held by a future that was not polled.
//! How long a failure puts off the next try is `backoff`'s business; whether an answer is older than
//! the known state, `version_guard`'s.

use std::future::{Future, poll_fn, ready};
use std::hash::{BuildHasher, RandomState};
use std::iter::successors;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use maintenance_flag::Flag;
use tokio::sync::{Mutex, MutexGuard};

use super::backoff::{Backoff, Failure, jittered};
use super::version_guard::VersionGuard;
use crate::clock::{Clock, Sleeper};
use crate::source::{BoxError, Fetch, FlagSource, ParameterValue, Throttled};

/// A fetch that is older is not polled again: its connection is probably dead.
const MAX_FETCH_AGE: Duration = Duration::from_secs(10);

pub(crate) struct Refresher {
    source: Box<dyn FlagSource>,
    parameter: String,
    budget: Duration,
    sleeper: Sleeper,
    state: Mutex<RefreshState>,
}

/// State between one refresh and the next.
pub(crate) struct RefreshState {
    /// A fetch that an earlier request did not wait for to its end.
    pending: Option<Pending>,
    backoff: Backoff,
    versions: VersionGuard,
    /// The text of the known flag.
    text: Option<String>,
}

struct Pending {
    fetch: Fetch,
    since_ms: u64,
}

/// The effect of a refresh on the known state.
pub(crate) struct Update {
    /// When the store was asked for the state that is known now. None: it did not say.
    pub(crate) asked_ms: Option<u64>,
    /// The flag, if it is another than before.
    pub(crate) flag: Option<Flag>,
    pub(crate) lifetime_ms: u64,
    pub(crate) event: Option<Event>,
}

impl Update {
    fn kept(lifetime_ms: u64, event: Option<Event>) -> Self {
        Self {
            asked_ms: None,
            flag: None,
            lifetime_ms,
            event,
        }
    }
}

/// Why the known state stays, where that is worth an event.
pub(crate) enum Event {
    /// The answer is older.
    Ignored {
        version: Option<u64>,
        known_version: Option<u64>,
    },
    Failed {
        reason: String,
        next_secs: u64,
    },
}

/// The turn of the request that refreshes, until it has used the update.
pub(crate) type RefreshGuard<'a> = MutexGuard<'a, RefreshState>;

impl Refresher {
    pub(crate) fn new(
        source: Box<dyn FlagSource>,
        parameter: String,
        ttl: Duration,
        budget: Duration,
        sleeper: Sleeper,
    ) -> Self {
        Self {
            source,
            parameter,
            budget,
            sleeper,
            state: Mutex::new(RefreshState {
                pending: None,
                backoff: Backoff::new(ttl),
                versions: VersionGuard::default(),
                text: None,
            }),
        }
    }

    /// Asks the source. None if that is not needed: another request is asking and a state is known
    /// (`is_known`), or another one was faster and the state is fresh again.
    pub(crate) async fn refresh<'a>(
        &'a self,
        clock: &Clock,
        is_known: impl Fn() -> bool,
        is_fresh: impl Fn() -> bool,
    ) -> Option<(Update, RefreshGuard<'a>)> {
        // It begins once something is waited for, so that a source which answers at once costs no timer.
        let mut end = pin!(self.out_of_time());
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(_) if is_known() => return None,
            Err(_) => {
                let state = first(pin!(self.state.lock()), end.as_mut()).await;
                state.ok().filter(|_| !is_known())?
            }
        };
        if is_fresh() {
            return None;
        }
        let update = self.ask(&mut state, clock, end).await;
        Some((update, state))
    }

    async fn ask(
        &self,
        state: &mut RefreshState,
        clock: &Clock,
        end: Pin<&mut impl Future<Output = String>>,
    ) -> Update {
        let now_ms = clock.now_ms();
        if let Some(lifetime_ms) = state.drop_old_fetch(now_ms) {
            return Update::kept(lifetime_ms, None);
        }
        let pending = state.pending.get_or_insert_with(|| Pending {
            fetch: guarded(|| self.source.fetch(&self.parameter))
                .unwrap_or_else(|error| Box::pin(ready(Err(error)))),
            since_ms: now_ms,
        });
        let asked_ms = pending.since_ms;
        let fetch = poll_fn(|cx| {
            guarded(|| pending.fetch.as_mut().poll(cx))
                .unwrap_or_else(|error| Poll::Ready(Err(error)))
        });
        let answer = match first(pin!(fetch), end).await {
            Ok(answer) => answer,
            Err(waited) => return state.failed(Failure::Slow, waited),
        };
        state.pending = None;
        match answer {
            Ok(answer) => state.answered(answer.as_ref(), asked_ms, clock.now_ms()),
            Err(error) => state.failed(kind(error.as_ref()), error.to_string()),
        }
    }

    /// Ends when a request has waited for long enough, or if nothing can be waited for here. Says which.
    async fn out_of_time(&self) -> String {
        match self.sleeper.sleep(self.budget) {
            Some(sleep) => sleep.await,
            None => return "waiting for an answer needs a tokio runtime with time".to_owned(),
        }
        format!("no answer within {} ms", self.budget.as_millis())
    }
}

/// The result of some work, unless the other future ends first.
async fn first<T, E>(
    mut work: Pin<&mut impl Future<Output = T>>,
    mut end: Pin<&mut impl Future<Output = E>>,
) -> Result<T, E> {
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Ok(result)),
        Poll::Pending => end.as_mut().poll(cx).map(Err),
    })
    .await
}

impl RefreshState {
    /// Drops a fetch that is not to be polled again. Some, if it is too early for the next one: how
    /// long the known state stays.
    fn drop_old_fetch(&mut self, now_ms: u64) -> Option<u64> {
        let since_ms = self.pending.as_ref()?.since_ms;
        // A clock that jumped backwards says nothing about the age.
        let age = now_ms.checked_sub(since_ms).map(Duration::from_millis);
        if age.is_some_and(|age| age < MAX_FETCH_AGE) {
            return None;
        }
        self.pending = None;
        let early = self.backoff.stretched().checked_sub(age?)?;
        u64::try_from(early.as_millis()).ok().filter(|ms| *ms > 0)
    }

    /// The source answered a question of `asked_ms`; none: there is no such parameter.
    fn answered(&mut self, answer: Option<&ParameterValue>, asked_ms: u64, now_ms: u64) -> Update {
        if self.versions.is_stale(answer, asked_ms) {
            let event = Event::Ignored {
                version: answer.and_then(ParameterValue::version),
                known_version: self.versions.version(),
            };
            return Update::kept(lifetime(self.backoff.succeeded()), Some(event));
        }
        let text = answer.map_or("off", ParameterValue::text);
        let is_same = self.text.as_deref() == Some(text);
        let flag = match (!is_same).then(|| Flag::decode(text)).transpose() {
            Ok(flag) => flag,
            Err(error) => return self.failed(Failure::Failed, error.to_string()),
        };
        self.text = Some(text.to_owned());
        self.versions.update(answer, now_ms);
        Update {
            asked_ms: Some(asked_ms),
            flag,
            lifetime_ms: lifetime(self.backoff.succeeded()),
            event: None,
        }
    }

    fn failed(&mut self, failure: Failure, reason: String) -> Update {
        let next = self.backoff.failed(failure);
        let next_secs = next.after.as_secs();
        let event = next.is_news.then_some(Event::Failed { reason, next_secs });
        Update::kept(lifetime(next.after), event)
    }
}

/// Runs code of the source. A panic in it is a failed fetch: it must not take every request with it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, BoxError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the source panicked".into())
}

/// Whether the store throttles: the source says so by an error type, its own or a cause of its own.
fn kind(error: &(dyn std::error::Error + 'static)) -> Failure {
    match successors(Some(error), |error| error.source()).any(|error| error.is::<Throttled>()) {
        true => Failure::Throttled,
        false => Failure::Failed,
    }
}

/// How long an answer holds, in milliseconds.
fn lifetime(interval: Duration) -> u64 {
    jittered(interval, random(&RandomState::new(), SystemTime::now()))
}

/// By the time, to the nanosecond: processes restored from one snapshot have the same random keys, and must
/// not ask together ever after.
fn random(keys: &RandomState, now: SystemTime) -> u64 {
    keys.hash_one(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_one_process_with_the_same_keys_draw_different_jitters() {
        let (keys, ttl) = (RandomState::new(), Duration::from_secs(5));
        let mut drawn: Vec<u64> = (0..1_000)
            .map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
            .map(|now| jittered(ttl, random(&keys, now)))
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
        assert_eq!(kind(&throttled), Failure::Throttled);
        assert_eq!(kind(&Wrapped(throttled)), Failure::Throttled);
        assert_eq!(kind(&std::fmt::Error), Failure::Failed);
    }
}
