//! The tokens and sessions that this server knows, read all at once and kept for a moment.
//!
//! So a request with a token that does not exist costs no call of its own, however many there are.
//! What is kept is used for 5 seconds; a token that is not among it may be new, so then it is read again once
//! it is two seconds old. If the store does not answer, what is known lets in for a minute. What is
//! not known never does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{AccessId, AccessToken, Session};
use tokio::time::timeout;

use super::stored::AccessStore;

/// How old what is known may be: after so long, a token that was revoked elsewhere is refused.
const FRESH: Duration = Duration::from_secs(5);
/// The same for what is not among it.
const NEW: Duration = Duration::from_secs(2);
/// How old it may be while the store does not answer.
const STALE: Duration = Duration::from_secs(60);
/// How long one look at the store may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a session that was begun or ended here counts, though a read has shown it so: the next one may lag.
const LAG: Duration = Duration::from_secs(5);
/// How long a session that was begun here counts, though no read has shown it: three reads. It may have been ended at
/// another server since.
const UNREAD: Duration = Duration::from_secs(15);

/// Everything that lets in, as it was read.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) tokens: HashMap<AccessId, AccessToken>,
    pub(super) sessions: HashMap<AccessId, Session>,
}

/// The store does not answer, and what is known is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unavailable;

#[derive(Debug)]
struct Read {
    known: Arc<Known>,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct State {
    read: Option<Read>,
    /// When the store last did not answer.
    failed: Option<Timestamp>,
    /// Sessions that were begun or ended here.
    here: HashMap<AccessId, Here>,
}

/// A session that was begun or ended here. It counts, whatever is read, until a read has shown it so.
#[derive(Debug)]
struct Here {
    /// None: it was ended.
    session: Option<Session>,
    at: Timestamp,
    is_read: bool,
}

impl Here {
    /// Takes note of whether a read has the session. Whether this counts still.
    fn counts(&mut self, has_it: bool, now: Timestamp) -> bool {
        self.is_read |= has_it == self.session.is_some();
        let age = match (self.is_read, &self.session) {
            (true, _) => LAG,
            (false, Some(_)) => UNREAD,
            (false, None) => STALE,
        };
        is_within(self.at, now, age)
    }
}

/// Reads what is stored, and keeps it.
#[derive(Debug)]
pub(super) struct Cache {
    stored: AccessStore,
    state: Mutex<State>,
    /// One read at a time.
    reading: tokio::sync::Mutex<()>,
}

impl Cache {
    pub(super) fn new(stored: AccessStore) -> Self {
        Self {
            stored,
            state: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `find` finds among what is known.
    pub(super) async fn find<T>(
        &self,
        find: impl Fn(&Known) -> Option<T>,
    ) -> Result<Option<T>, Unavailable> {
        let found = find(&*self.known(FRESH).await?);
        match found {
            Some(found) => Ok(Some(found)),
            None => Ok(find(&*self.known(NEW).await?)),
        }
    }

    async fn known(&self, age: Duration) -> Result<Arc<Known>, Unavailable> {
        if let Some(known) = self.kept(age) {
            return Ok(known);
        }
        let _one = self.reading.lock().await;
        // It was read while this waited for its turn.
        if let Some(known) = self.kept(age) {
            return Ok(known);
        }
        if !self.has_just_failed() {
            self.read().await;
        }
        self.kept(STALE).ok_or(Unavailable)
    }

    /// What is known, if it is not older than this. A clock that was set back makes it too old.
    fn kept(&self, age: Duration) -> Option<Arc<Known>> {
        let now = self.stored.clock.now();
        let state = self.state();
        let read = state.read.as_ref()?;
        is_within(read.at, now, age).then(|| read.known.clone())
    }

    fn has_just_failed(&self) -> bool {
        let now = self.stored.clock.now();
        let failed = self.state().failed;
        failed.is_some_and(|failed| is_within(failed, now, PATIENCE))
    }

    async fn read(&self) {
        let at = self.stored.clock.now();
        let reads = async { tokio::try_join!(self.stored.tokens(), self.stored.sessions()) };
        let read = match timeout(PATIENCE, reads).await {
            Ok(Ok(read)) => Some(read),
            Ok(Err(error)) => {
                let error = maintenance_control::Error::from(error);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the tokens cannot be read"
                );
                None
            }
            Err(_) => {
                tracing::warn!("the tokens cannot be read: the parameter store does not answer");
                None
            }
        };
        let mut state = self.state();
        let Some((tokens, sessions)) = read else {
            state.failed = Some(self.stored.clock.now());
            return;
        };
        let tokens = tokens.into_iter().map(|it| (it.id, it.token));
        let mut known = Known {
            tokens: tokens.filter_map(readable).collect(),
            sessions: sessions.into_iter().filter_map(readable).collect(),
        };
        state
            .here
            .retain(|id, here| here.counts(known.sessions.contains_key(id), at));
        for (id, here) in &state.here {
            known.set(id, here.session.as_ref());
        }
        state.failed = None;
        let known = Arc::new(known);
        state.read = Some(Read { known, at });
    }

    /// A session has begun here, or ended: what is known says so at once.
    pub(super) fn set(&self, id: &AccessId, session: Option<&Session>) {
        let now = self.stored.clock.now();
        let mut state = self.state();
        let here = Here {
            session: session.cloned(),
            at: now,
            is_read: false,
        };
        state.here.insert(id.clone(), here);
        if let Some(read) = &mut state.read {
            let mut known = Known {
                tokens: read.known.tokens.clone(),
                sessions: read.known.sessions.clone(),
            };
            known.set(id, session);
            read.known = Arc::new(known);
        }
    }
}

impl Known {
    fn set(&mut self, id: &AccessId, session: Option<&Session>) {
        match session {
            Some(session) => self.sessions.insert(id.clone(), session.clone()),
            None => self.sessions.remove(id),
        };
    }
}

fn readable<T, E: std::fmt::Display>(
    (id, read): (AccessId, Result<T, E>),
) -> Option<(AccessId, T)> {
    read.inspect_err(|error| tracing::debug!(%id, %error, "it lets in no caller"))
        .ok()
        .map(|read| (id, read))
}

/// Whether `now` is at most `age` after `at`, and not before it.
fn is_within(at: Timestamp, now: Timestamp, age: Duration) -> bool {
    Duration::try_from(at.duration_until(now)).is_ok_and(|passed| passed <= age)
}
