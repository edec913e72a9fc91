//! Fetches the flag from the source, one fetch at a time, and returns the update of the cached flag. A request waits
//! no longer than the refresh budget.
//!
//! The first request that finds the cached flag expired fetches it. Concurrent requests go on with the last known
//! flag or, before the first answer, wait for the same one. A future that was not polled holds no lock.
//! `backoff` decides how long to wait after a failure; `version_guard`, whether an answer is older than the known
//! flag.
//!
//! If the store hangs, the fetch stays pending, and later refreshes poll it again. No timer ends it: the first
//! refresh after [`MAX_FETCH_AGE`] drops it and fetches anew, unless `backoff` says that it is too early.

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

/// The age at which a pending fetch is dropped: its connection is probably dead.
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
    /// The fetch that an earlier request began and that has not ended.
    pending: Option<Pending>,
    backoff: Backoff,
    versions: VersionGuard,
    /// The stored text of the last known flag.
    text: Option<String>,
}

struct Pending {
    fetch: Fetch,
    since_ms: u64,
}

/// What a refresh changes.
pub(crate) struct Update {
    /// When the fetch began that brought the current state; `None` if the refresh brought none.
    pub(crate) asked_ms: Option<u64>,
    /// The new flag; `None` if it has not changed.
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

/// Why the cached flag stays, where that is logged.
pub(crate) enum Event {
    /// The answer is older than the known flag.
    Ignored {
        version: Option<u64>,
        known_version: Option<u64>,
    },
    Failed {
        reason: String,
        next_secs: u64,
    },
}

/// Held by the refresh until its update has been applied, so that no other begins.
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

    /// Fetches the flag. `None` if that is not needed: another request is fetching it and a flag is known
    /// (`is_known`), or another request has just refreshed it.
    pub(crate) async fn refresh<'a>(
        &'a self,
        clock: &Clock,
        is_known: impl Fn() -> bool,
        is_fresh: impl Fn() -> bool,
    ) -> Option<(Update, RefreshGuard<'a>)> {
        // The timer starts when something waits, so that a source which answers at once costs none.
        let mut end = pin!(self.out_of_time());
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(_) if is_known() => return None,
            Err(_) => {
                let state = or_timeout(pin!(self.state.lock()), end.as_mut()).await;
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
            fetch: catch_panic(|| self.source.fetch(&self.parameter))
                .unwrap_or_else(|error| Box::pin(ready(Err(error)))),
            since_ms: now_ms,
        });
        let asked_ms = pending.since_ms;
        let fetch = poll_fn(|cx| {
            catch_panic(|| pending.fetch.as_mut().poll(cx))
                .unwrap_or_else(|error| Poll::Ready(Err(error)))
        });
        let answer = match or_timeout(pin!(fetch), end).await {
            Ok(answer) => answer,
            Err(waited) => return state.failed(Failure::TimedOut, waited),
        };
        state.pending = None;
        match answer {
            Ok(answer) => state.answered(answer.as_ref(), asked_ms, clock.now_ms()),
            Err(error) => state.failed(kind(error.as_ref()), error.to_string()),
        }
    }

    /// Completes when the refresh budget is used up, or at once where no timer runs. Returns the reason.
    async fn out_of_time(&self) -> String {
        match self.sleeper.sleep(self.budget) {
            Some(sleep) => sleep.await,
            None => return "waiting for an answer needs a tokio runtime with time".to_owned(),
        }
        format!("no answer within {} ms", self.budget.as_millis())
    }
}

/// Returns the result of the work, or what `end` returns if that completes first.
async fn or_timeout<T, E>(
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
    /// Drops a pending fetch that is too old. Returns how long to keep the last known flag, in milliseconds, if it is too
    /// early for the next fetch.
    fn drop_old_fetch(&mut self, now_ms: u64) -> Option<u64> {
        let since_ms = self.pending.as_ref()?.since_ms;
        // If the clock jumped backwards, the age is unknown.
        let age = now_ms.checked_sub(since_ms).map(Duration::from_millis);
        if age.is_some_and(|age| age < MAX_FETCH_AGE) {
            return None;
        }
        self.pending = None;
        let early = self.backoff.poll_interval().checked_sub(age?)?;
        u64::try_from(early.as_millis()).ok().filter(|ms| *ms > 0)
    }

    /// Handles the answer to a fetch that began at `asked_ms`. `None` means that the parameter does not exist.
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

/// Runs code of the source. Turns a panic into a failed fetch, so that it does not fail every request.
fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, BoxError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the source panicked".into())
}

/// Whether the store throttles: then [`Throttled`] is the error, or among its causes.
fn kind(error: &(dyn std::error::Error + 'static)) -> Failure {
    match successors(Some(error), |error| error.source()).any(|error| error.is::<Throttled>()) {
        true => Failure::Throttled,
        false => Failure::Failed,
    }
}

/// How long to rely on an answer: the interval with jitter, in milliseconds.
fn lifetime(interval: Duration) -> u64 {
    jittered(interval, random(&RandomState::new(), SystemTime::now()))
}

/// Hashes the time, to the nanosecond: processes restored from one snapshot share their random keys, and must not
/// ask together from then on.
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
