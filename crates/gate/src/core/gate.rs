//! The gate: keeps the cached flag fresh, and asks `decision` whether a request passes.
//!
//! A request that passes reads one atomic integer and the clock: no lock, no allocation, no I/O. Only the
//! first request after a TTL waits, for the refresh.

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use http::{HeaderValue, Request, Response};
use maintenance_flag::Mode;
use tokio::runtime::Handle;

use super::body::PageBody;
use super::cached_flag::{CachedFlag, Snapshot};
use super::decision::{Decision, Outcome, ReadOnly, decide};
use super::log;
use super::packed_state::{AtomicPackedState, PackedState};
use super::refresh::{Refresher, Update};
use super::response::X_MAINTENANCE;
use crate::clock::{Clock, Sleep, Sleeper, timestamp};
#[cfg(feature = "lambda_http")]
use crate::lambda_event;
use crate::page::Responder;
use crate::policy::Policy;
use crate::request::RequestHead;
use crate::request_context::RequestContext;

/// A refresh of the cached flag. Does nothing before it is polled.
pub(crate) type RefreshFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps requests out while its role is in maintenance. Cheap to clone; clones share the known state.
#[derive(Clone)]
pub struct Gate {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones of a gate share.
pub(crate) struct Shared {
    pub(crate) state: AtomicPackedState,
    pub(crate) flag: ArcSwap<CachedFlag>,
    /// The mode and the window that were logged last.
    pub(crate) logged: Mutex<(Option<Mode>, String)>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    pub(crate) responder: Responder,
    pub(crate) refresher: Refresher,
    pub(crate) sleeper: Sleeper,
    pub(crate) in_lambda: bool,
}

/// Whether the cached flag alone decides about a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheState {
    /// Every request passes. The gate does not look at it.
    AllowAll,
    /// The decision depends on the request.
    CheckRequest,
    /// The cached flag has outlived its lifetime: refresh it first.
    Expired,
}

impl Gate {
    /// Decides from the cached flag, refreshing it first if it has expired. Waits at most the
    /// [refresh budget](crate::Builder::refresh_budget); if no answer comes in time, uses the last known flag.
    ///
    /// Inserts the extension [`ReadOnly`] into a request that passes but must not write.
    #[inline]
    pub async fn check<B: 'static>(&self, request: &mut Request<B>) -> Decision {
        match self.shared.cache_state() {
            CacheState::AllowAll => return Decision::Pass,
            CacheState::CheckRequest => {}
            CacheState::Expired => self.shared.refresh_future().await,
        }
        self.shared.decide(request)
    }

    /// Decides from the last known flag, however old, and never waits. A handler should call
    /// [`check`](Self::check), which first refreshes a flag that has expired.
    #[inline]
    pub fn decide<B: 'static>(&self, request: &mut Request<B>) -> Decision {
        match self.shared.cache_state() {
            CacheState::AllowAll => Decision::Pass,
            CacheState::CheckRequest | CacheState::Expired => self.shared.decide(request),
        }
    }

    /// Returns the mode by the last known flag, however old that is, at the current time. `None` until a flag has
    /// been read.
    #[must_use]
    pub fn last_known(&self) -> Option<Mode> {
        let now = timestamp(self.shared.clock.now_ms());
        self.shared.flag.load().at(now).mode
    }

    /// Returns the next scheduled maintenance, for a banner that announces it. `None` while no window is
    /// scheduled.
    ///
    /// Sees a window that was scheduled, moved or cancelled once a request has refreshed the cached flag.
    ///
    /// ```
    /// # use maintenance_gate::{Gate, MemorySource};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let flag = MemorySource::new(
    ///     r#"{"schema": 1, "mode": "off", "scheduled": [{
    ///         "window": "20991201T210000Z-0a1b2c3d", "mode": "on",
    ///         "starts_at": "2099-12-01T22:00:00Z", "until": "2099-12-02T00:00:00Z",
    ///         "owner": {"kind": "manual", "name": "ana"}, "message": "We move to a new database."
    ///     }]}"#,
    /// );
    /// let gate = Gate::builder().app("demo").env("dev").source(flag).build()?;
    /// // A layer does this with each request.
    /// let _ = gate.check(&mut http::Request::new(())).await;
    ///
    /// let next = gate.announcement().ok_or("nothing is scheduled")?;
    /// assert_eq!(next.until.duration_since(next.starts_at)?.as_secs(), 2 * 60 * 60);
    /// assert_eq!(next.message.as_deref(), Some("We move to a new database."));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn announcement(&self) -> Option<Announcement> {
        let known = self.shared.flag.load();
        let now = timestamp(self.shared.clock.now_ms());
        let schedule = &known.flag().schedule;
        let next = schedule.to_come(now).next()?;
        Some(Announcement {
            starts_at: next.starts_at.into(),
            until: schedule.serves_at(next.until, next.mode).into(),
            read_only: next.mode == Mode::ReadOnly,
            message: next.message.clone(),
        })
    }
}

/// A scheduled maintenance that has not begun: see [`Gate::announcement`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announcement {
    /// When the maintenance begins.
    pub starts_at: SystemTime,
    /// When the maintenance ends.
    pub until: SystemTime,
    /// Whether the maintenance is read-only, so that reads still pass.
    pub read_only: bool,
    /// The operator's message to visitors.
    pub message: Option<String>,
}

impl Shared {
    #[inline]
    pub(crate) fn cache_state(&self) -> CacheState {
        let state = self.state.load();
        match state.is_fresh(self.clock.now_ms()) {
            false => CacheState::Expired,
            true if self.policy.allows_all(state.mode()) => CacheState::AllowAll,
            true => CacheState::CheckRequest,
        }
    }

    /// Decides from the last known flag, however old. Marks a request that must not write with [`ReadOnly`].
    #[cold]
    pub(crate) fn decide<B: 'static>(&self, request: &mut Request<B>) -> Decision {
        let context = RequestContext::of(request.extensions(), self.in_lambda);
        #[cfg(feature = "lambda_http")]
        if context.kind == crate::request_context::EventKind::PassThrough {
            return self.decide_passed_through(request.body());
        }
        let decision = self.decide_head((&*request).into(), &context);
        if matches!(decision, Decision::PassReadOnly) {
            request.extensions_mut().insert(ReadOnly);
        }
        decision
    }

    pub(crate) fn decide_head(
        &self,
        head: RequestHead<'_>,
        context: &RequestContext<'_>,
    ) -> Decision {
        let flag = self.flag.load();
        let now_ms = self.clock.now_ms();
        let now = timestamp(now_ms);
        let known = flag.at(now);
        let outcome = decide(&self.policy, known, head, context, now);
        log::decided(&self.policy.identity, known, head, context, &outcome);
        match outcome {
            Outcome::Pass | Outcome::Bypass(_) => Decision::Pass,
            Outcome::ReadOnly => Decision::PassReadOnly,
            Outcome::RedeemLink(mut redirect) => {
                let on = HeaderValue::from_static("on");
                redirect.headers_mut().insert(X_MAINTENANCE, on);
                Decision::Block(Box::new(redirect))
            }
            Outcome::Block(_) => {
                let (responses, flag) = (&known.effective.responses, &known.effective.flag);
                let response = responses.respond(&self.responder, flag, head, now_ms);
                Decision::Block(Box::new(response))
            }
        }
    }

    /// Decides about an event that lambda_http did not recognise and passes through as the body of a request.
    /// Lets it pass if [`recognise`](lambda_event::recognise) finds no HTTP request in it either.
    #[cfg(feature = "lambda_http")]
    fn decide_passed_through<B: 'static>(&self, body: &B) -> Decision {
        let event = match (body as &dyn std::any::Any).downcast_ref() {
            Some(lambda_http::Body::Text(text)) => serde_json::from_str(text).unwrap_or_default(),
            _ => serde_json::Value::Null,
        };
        let Some((request, context, source)) = lambda_event::recognise(&event) else {
            return Decision::Pass;
        };
        match self.decide_head((&request).into(), &context) {
            // lambda_http returns the body unchanged, so the body must be the whole answer to the event.
            Decision::Block(response) => {
                let answer = lambda_event::respond(&response, source);
                let answer = serde_json::to_vec(&answer).unwrap_or_default();
                Decision::Block(Box::new(response.map(|_| answer.into())))
            }
            decision => decision,
        }
    }

    /// Returns the response to a request that does not pass; `None` for one that passes.
    pub(crate) fn refuse<B: 'static, R: PageBody>(
        &self,
        request: &mut Request<B>,
    ) -> Option<Response<R>> {
        let response = self.decide(request).into_response()?;
        Some(response.map(R::from_page))
    }

    /// Returns a future that refreshes the cached flag, if the source answers within the budget. A refresh that
    /// has to wait becomes a task of its own: other requests wait for it, so it must not stop when the request
    /// that began it is no longer polled.
    #[cold]
    pub(crate) fn refresh_future(self: &Arc<Self>) -> RefreshFuture {
        let shared = Arc::clone(self);
        let mut refresh: RefreshFuture = Box::pin(async move {
            let refresh = shared.refresher.refresh(
                &shared.clock,
                || shared.state.load().mode().is_some(),
                || shared.cache_state() != CacheState::Expired,
            );
            if let Some((update, _guard)) = refresh.await {
                shared.apply(update);
            }
        });
        Box::pin(async move {
            if poll_fn(|cx| Poll::Ready(refresh.as_mut().poll(cx).is_ready())).await {
                return;
            }
            match Handle::try_current() {
                // An error means that the runtime is shutting down. The request goes on with the last known flag.
                Ok(runtime) => drop(runtime.spawn(refresh).await),
                Err(_) => refresh.await,
            }
        })
    }

    /// Completes when the cached flag expires, but not before a tenth of a second. Never completes without a
    /// timer.
    pub(crate) fn until_expired(&self) -> Sleep {
        let ms = self.state.load().fresh_for_ms(self.clock.now_ms());
        let sleep = self.sleeper.sleep(Duration::from_millis(ms.max(100)));
        sleep.unwrap_or_else(|| Box::pin(pending()))
    }

    fn apply(&self, update: Update) {
        let now_ms = self.clock.now_ms();
        let known = match update.flag {
            Some(flag) => Arc::new(CachedFlag::new(flag)),
            // Keep the responses that were prepared for this flag.
            None => self.flag.load_full(),
        };
        let now = timestamp(now_ms);
        let Snapshot { mode, effective } = known.at(now);
        let window = effective.window();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if (logged.0, logged.1.as_str()) != (mode, window) {
            *logged = (mode, window.to_owned());
            log::changed(&self.policy.identity, mode, window);
        }
        let at_ms = update.asked_ms.unwrap_or(now_ms);
        let state = PackedState::new(mode, at_ms, known.lifetime(at_ms, update.lifetime_ms));
        // Store the flag first: a request that reads the mode then finds a flag that is at least as new.
        self.flag.store(known);
        self.state.store(state);
        if let Some(event) = update.event {
            log::kept(&self.policy.identity, mode, &event);
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("app", &self.shared.policy.identity.app)
            .field("role", &self.shared.policy.identity.role)
            .field("last_known", &self.last_known())
            .finish_non_exhaustive()
    }
}
