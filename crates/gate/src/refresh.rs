//! Asks the source, one request at a time and no longer than the budget, and returns what that means
//! for the known state.
//!
//! The first request that finds the state stale asks. Requests beside it go on with the last known state
//! or, if there never was one, wait for the same answer. Nothing is held by a future that was not polled.
//! How long a failure puts off the next try is `backoff`'s business; whether an answer is older than
//! the known state, `version_guard`'s.

use std::future::{Future, poll_fn, ready};
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use maintenance_flag::Flag;
use tokio::sync::{Mutex, MutexGuard};

use crate::backoff::{Backoff, Failure, jittered};
use crate::clock::{Clock, Sleep, Sleeper};
use crate::source::{BoxError, Fetch, FlagSource, ParameterValue, Throttled};
use crate::version_guard::VersionGuard;

/// A fetch that is older is not polled again: its connection is probably dead.
const MAX_FETCH_AGE: Duration = Duration::from_secs(10);

pub(crate) struct Refresher {
    source: Box<dyn FlagSource>,
    parameter: String,
    budget: Duration,
    sleeper: Sleeper,
    state: Mutex<RefreshState>,
}

/// What one refresh leaves to the next.
pub(crate) struct RefreshState {
    /// A fetch that an earlier request did not wait for to its end.
    pending: Option<Pending>,
    backoff: Backoff,
    versions: VersionGuard,
}

struct Pending {
    fetch: Fetch,
    since_ms: u64,
}

/// What a refresh means for the known state.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is used at once"
)]
pub(crate) enum Update {
    /// The store said this when it was asked at `asked_ms`.
    Set {
        flag: Flag,
        asked_ms: u64,
        lifetime_ms: u64,
    },
    /// The known state stays.
    Keep {
        lifetime_ms: u64,
        event: Option<Event>,
    },
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
        let mut budget = Budget::new(&self.sleeper, self.budget);
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(_) if is_known() => return None,
            Err(_) => {
                let state = budget.limit(pin!(self.state.lock())).await?;
                if is_known() {
                    return None;
                }
                state
            }
        };
        if is_fresh() {
            return None;
        }
        let update = self.ask(&mut state, clock, &mut budget).await;
        Some((update, state))
    }

    async fn ask(
        &self,
        state: &mut RefreshState,
        clock: &Clock,
        budget: &mut Budget<'_>,
    ) -> Update {
        let now_ms = clock.now_ms();
        if let Some(lifetime_ms) = state.drop_old_fetch(now_ms) {
            return Update::Keep {
                lifetime_ms,
                event: None,
            };
        }
        let pending = state.pending.get_or_insert_with(|| Pending {
            fetch: guarded(|| self.source.fetch(&self.parameter))
                .unwrap_or_else(|error| Box::pin(ready(Err(error)))),
            since_ms: now_ms,
        });
        let asked_ms = pending.since_ms;
        let answer = budget
            .limit(poll_fn(|cx| {
                guarded(|| pending.fetch.as_mut().poll(cx))
                    .unwrap_or_else(|error| Poll::Ready(Err(error)))
            }))
            .await;
        let Some(answer) = answer else {
            let waited = match budget.is_possible() {
                true => format!("no answer within {} ms", self.budget.as_millis()),
                false => "waiting for an answer needs a tokio runtime with time".to_owned(),
            };
            return state.failed(Failure::Slow, waited, now_ms);
        };
        state.pending = None;
        match answer {
            Ok(answer) => state.answered(answer.as_ref(), asked_ms, clock.now_ms()),
            Err(error) => state.failed(kind(&error), error.to_string(), now_ms),
        }
    }
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
            return Update::Keep {
                lifetime_ms: jittered(self.backoff.succeeded(), random(now_ms)),
                event: Some(Event::Ignored {
                    version: answer.and_then(ParameterValue::version),
                    known_version: self.versions.version(),
                }),
            };
        }
        let decoded = answer.map_or_else(|| Ok(Flag::off()), |value| Flag::decode(value.text()));
        match decoded {
            Ok(flag) => {
                self.versions.update(answer, now_ms);
                let lifetime_ms = jittered(self.backoff.succeeded(), random(now_ms));
                Update::Set {
                    flag,
                    asked_ms,
                    lifetime_ms,
                }
            }
            Err(error) => self.failed(Failure::Failed, error.to_string(), now_ms),
        }
    }

    fn failed(&mut self, failure: Failure, reason: String, now_ms: u64) -> Update {
        let next = self.backoff.failed(failure);
        let next_secs = next.after.as_secs();
        Update::Keep {
            lifetime_ms: jittered(next.after, random(now_ms)),
            event: next.is_news.then_some(Event::Failed { reason, next_secs }),
        }
    }
}

/// What is left of the time that a request may wait.
struct Budget<'a> {
    sleeper: &'a Sleeper,
    duration: Duration,
    /// Made only once something is waited for, so that a source which answers at once costs no timer.
    /// None within: nothing can end a wait here.
    end: Option<Option<Sleep>>,
}

impl<'a> Budget<'a> {
    fn new(sleeper: &'a Sleeper, duration: Duration) -> Self {
        Self {
            sleeper,
            duration,
            end: None,
        }
    }

    /// Whether anything could be waited for.
    fn is_possible(&self) -> bool {
        !matches!(self.end, Some(None))
    }

    /// The result of some work, unless the budget ends first.
    async fn limit<T>(&mut self, mut work: impl Future<Output = T> + Unpin) -> Option<T> {
        poll_fn(|cx| {
            if let Poll::Ready(result) = Pin::new(&mut work).poll(cx) {
                return Poll::Ready(Some(result));
            }
            match self
                .end
                .get_or_insert_with(|| self.sleeper.sleep(self.duration))
            {
                Some(end) => end.as_mut().poll(cx).map(|()| None),
                None => Poll::Ready(None),
            }
        })
        .await
    }
}

/// Runs code of the source. A panic in it is a failed fetch: it must not take every request with it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, BoxError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the source panicked".into())
}

/// Whether the store throttles: the source says so by an error type, its own or a cause of its own.
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

/// With the time in it, to the nanosecond: processes restored from one snapshot have the same random
/// keys, and must not ask together ever after.
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
