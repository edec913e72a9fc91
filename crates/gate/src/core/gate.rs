//! The gate: the known state, and whether a request passes.
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
use super::decision::{Decision, Outcome, ReadOnly, decide};
use super::known_flag::{KnownFlag, Snapshot};
use super::log;
use super::refresh::{Refresher, Update};
use super::response::X_MAINTENANCE;
use super::snapshot::{AtomicPackedState, PackedState};
use crate::clock::{Clock, Sleep, Sleeper, timestamp};
#[cfg(feature = "lambda_http")]
use crate::lambda_event;
use crate::page::Responder;
use crate::policy::Policy;
use crate::request::RequestHead;
use crate::request_context::RequestContext;

/// A refresh of the known state. It does nothing before it is polled.
pub(crate) type Refreshing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps requests out while its role is in maintenance. Cheap to clone; clones share the known state.
#[derive(Clone)]
pub struct Gate {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones of a gate share.
pub(crate) struct Shared {
    pub(crate) state: AtomicPackedState,
    pub(crate) flag: ArcSwap<KnownFlag>,
    /// The mode and the window that were logged last.
    pub(crate) logged: Mutex<(Option<Mode>, String)>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    pub(crate) responder: Responder,
    pub(crate) refresher: Refresher,
    pub(crate) sleeper: Sleeper,
    pub(crate) in_lambda: bool,
}

/// What the known state says of all requests alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Each passes.
    Open,
    /// It depends on the request.
    Restricted,
    /// It is too old to be relied on.
    Stale,
}

impl Gate {
    /// Decides by the known state and not older than the TTL. Waits for a refresh if one is due, for no
    /// longer than the [budget](crate::Builder::refresh_budget).
    ///
    /// A request that passes but must not write has the extension [`ReadOnly`] afterwards.
    #[inline]
    pub async fn check<B: 'static>(&self, request: &mut Request<B>) -> Decision {
        match self.shared.known() {
            Known::Open => return Decision::Pass,
            Known::Restricted => {}
            Known::Stale => self.shared.refreshing().await,
        }
        self.shared.decide(request)
    }

    /// Decides by the known state, however old it is, and never waits. [`check`](Self::check) is what
    /// a handler wants: it refreshes first, if that is due.
    #[inline]
    pub fn decide<B: 'static>(&self, request: &mut Request<B>) -> Decision {
        match self.shared.known() {
            Known::Open => Decision::Pass,
            Known::Restricted | Known::Stale => self.shared.decide(request),
        }
    }

    /// The mode that was last known, however old, as it is at this time; none if none ever was.
    #[must_use]
    pub fn last_known(&self) -> Option<Mode> {
        let now = timestamp(self.shared.clock.now_ms());
        self.shared.flag.load().at(now).mode
    }

    /// The next scheduled maintenance, by the known state: for a banner that announces it. None while no window is
    /// to come.
    ///
    /// It is known as soon as a request has refreshed the state after the window was scheduled, moved or cancelled.
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

/// A maintenance that will begin by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announcement {
    /// When it begins.
    pub starts_at: SystemTime,
    /// When it ends.
    pub until: SystemTime,
    /// Whether the app can be read meanwhile.
    pub read_only: bool,
    /// What visitors will be told.
    pub message: Option<String>,
}

impl Shared {
    #[inline]
    pub(crate) fn known(&self) -> Known {
        let state = self.state.load();
        match state.is_fresh(self.clock.now_ms()) {
            false => Known::Stale,
            true if self.policy.is_open(state.mode()) => Known::Open,
            true => Known::Restricted,
        }
    }

    /// Decides by the known state, however old. A request that may only read is told so.
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
            Outcome::OpenLink(mut redirect) => {
                let on = HeaderValue::from_static("on");
                redirect.headers_mut().insert(X_MAINTENANCE, on);
                Decision::Block(Box::new(redirect))
            }
            Outcome::Block(_) => {
                let (responses, flag) = (&known.window.responses, &known.window.flag);
                let response = responses.respond(&self.responder, flag, head, now_ms);
                Decision::Block(Box::new(response))
            }
        }
    }

    /// Decides about a request that lambda_http made of an event which it did not recognise: its body. If the
    /// event reader does not recognise it either, it is no HTTP request, and passes.
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
            // lambda_http returns the body as it is: it has to be the whole answer to the event.
            Decision::Block(response) => {
                let answer = lambda_event::respond(&response, source);
                let answer = serde_json::to_vec(&answer).unwrap_or_default();
                Decision::Block(Box::new(response.map(|_| answer.into())))
            }
            decision => decision,
        }
    }

    /// The response to a request that does not pass.
    pub(crate) fn refuse<B: 'static, R: PageBody>(
        &self,
        request: &mut Request<B>,
    ) -> Option<Response<R>> {
        let response = self.decide(request).into_response()?;
        Some(response.map(R::from_page))
    }

    /// Makes the known state fresh, if the source answers within the budget. A refresh that has to wait becomes a
    /// task: it holds up all others, and must not depend on a request that may be polled no more.
    #[cold]
    pub(crate) fn refreshing(self: &Arc<Self>) -> Refreshing {
        let shared = Arc::clone(self);
        let mut refresh: Refreshing = Box::pin(async move {
            let refresh = shared.refresher.refresh(
                &shared.clock,
                || shared.state.load().mode().is_some(),
                || shared.known() != Known::Stale,
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
                // An error is the end of the runtime. The request goes on with the known state.
                Ok(runtime) => drop(runtime.spawn(refresh).await),
                Err(_) => refresh.await,
            }
        })
    }

    /// Completes when the known state is stale, but not before a tenth of a second; never, if there is no
    /// timer.
    pub(crate) fn until_stale(&self) -> Sleep {
        let ms = self.state.load().fresh_for_ms(self.clock.now_ms());
        let sleep = self.sleeper.sleep(Duration::from_millis(ms.max(100)));
        sleep.unwrap_or_else(|| Box::pin(pending()))
    }

    fn apply(&self, update: Update) {
        let now_ms = self.clock.now_ms();
        let known = match update.flag {
            Some(flag) => Arc::new(KnownFlag::new(flag)),
            // The answers that were made for it serve on.
            None => self.flag.load_full(),
        };
        let now = timestamp(now_ms);
        let Snapshot { mode, window } = known.at(now);
        let window = window.id();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if (logged.0, logged.1.as_str()) != (mode, window) {
            *logged = (mode, window.to_owned());
            log::changed(&self.policy.identity, mode, window);
        }
        let at_ms = update.asked_ms.unwrap_or(now_ms);
        let state = PackedState::new(mode, at_ms, known.lifetime(at_ms, update.lifetime_ms));
        // In this order: a request that reads the mode finds a flag that is at least as new.
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
