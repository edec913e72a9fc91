//! The gate: the known state, and whether a request passes.
//!
//! A request that passes reads one atomic integer and the clock: no lock, no allocation, no I/O. Only the
//! first request after a TTL waits, for the refresh.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use http::{Request, Response};
use jiff::Timestamp;
use maintenance_flag::{Flag, Mode};

use crate::body::PageBody;
use crate::clock::{Clock, Sleep, Sleeper, timestamp};
use crate::decision::{Decision, Outcome, ReadOnly, decide};
#[cfg(feature = "lambda_http")]
use crate::lambda_event;
use crate::log;
use crate::page::Responder;
use crate::policy::Policy;
use crate::refresh::{Refresher, Update};
use crate::request::RequestHead;
use crate::request_context::RequestContext;
use crate::snapshot::{AtomicPackedState, PackedState, Snapshot};
use crate::window::Window;

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
    pub(crate) window: ArcSwap<Window>,
    pub(crate) clock: Clock,
    pub(crate) policy: Policy,
    pub(crate) responder: Responder,
    pub(crate) refresher: Refresher,
    pub(crate) sleeper: Sleeper,
    pub(crate) in_lambda: bool,
}

impl Gate {
    /// Decides by the known state and not older than the TTL. Waits for a refresh if one is due, for no
    /// longer than the [budget](crate::Builder::refresh_budget).
    #[inline]
    pub fn check<'a, B: 'static>(
        &'a self,
        request: &'a Request<B>,
    ) -> impl Future<Output = Decision> + Send + use<'a, B> {
        Check {
            shared: &self.shared,
            // Not the body, which need not be shareable between threads.
            head: request.into(),
            refresh: None,
        }
    }

    /// Decides by the known state, however old it is, and never waits. [`check`](Self::check) is what
    /// a handler wants: it refreshes first, if that is due.
    #[inline]
    pub fn decide<B: 'static>(&self, request: &Request<B>) -> Decision {
        let state = self.shared.state.load();
        match self.shared.is_open(state.mode()) && !state.is_changing() {
            true => Decision::Pass,
            false => self.shared.decide(request.into()),
        }
    }

    /// The mode that was last known, however old, as it is at this time; none if none ever was.
    #[must_use]
    pub fn last_known(&self) -> Option<Mode> {
        let now = timestamp(self.shared.clock.now_ms());
        self.shared.window.load().mode_at(now)
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
    /// let _ = gate.check(&http::Request::new(())).await;
    ///
    /// let next = gate.announcement().ok_or("nothing is scheduled")?;
    /// assert_eq!(next.until.duration_since(next.starts_at)?.as_secs(), 2 * 60 * 60);
    /// assert_eq!(next.message.as_deref(), Some("We move to a new database."));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn announcement(&self) -> Option<Announcement> {
        let window = self.shared.window.load();
        let now = timestamp(self.shared.clock.now_ms());
        let next = window.stored().schedule.to_come(now).next()?;
        Some(Announcement {
            starts_at: next.starts_at.into(),
            until: next.until.into(),
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

/// The decision to come. Not an `async` block, which the compiler does not inline: it would cost more
/// than the decision.
struct Check<'a> {
    shared: &'a Arc<Shared>,
    head: RequestHead<'a>,
    refresh: Option<Refreshing>,
}

impl Future for Check<'_> {
    type Output = Decision;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Decision> {
        if self.refresh.is_none() {
            let snapshot = self.shared.snapshot();
            if snapshot.is_fresh() {
                return Poll::Ready(match self.shared.is_open(snapshot.mode()) {
                    true => Decision::Pass,
                    false => self.shared.decide(self.head),
                });
            }
            self.refresh = Some(self.shared.refreshing());
        }
        if let Some(refresh) = &mut self.refresh {
            ready!(refresh.as_mut().poll(cx));
        }
        Poll::Ready(self.shared.decide(self.head))
    }
}

impl Shared {
    #[inline]
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.state.load(), self.clock.now_ms())
    }

    #[inline]
    pub(crate) fn last_known_mode(&self) -> Option<Mode> {
        self.state.load().mode()
    }

    /// Whether every request passes in this mode.
    #[inline]
    pub(crate) fn is_open(&self, mode: Option<Mode>) -> bool {
        self.policy.is_open(mode)
    }

    /// Decides by the known state, however old.
    #[cold]
    pub(crate) fn decide(&self, head: RequestHead<'_>) -> Decision {
        let known = self.window.load();
        let context = RequestContext::of(head.extensions, self.in_lambda);
        #[cfg(feature = "lambda_http")]
        if context.kind == crate::request_context::EventKind::PassThrough {
            return self.decide_passed_through(head);
        }
        let now_ms = self.clock.now_ms();
        let now = timestamp(now_ms);
        let advanced;
        let window: &Window = match known.is_current(now) {
            true => &known,
            false => {
                advanced = self.advance(&known, now);
                &advanced
            }
        };
        let outcome = decide(&self.policy, window, head, &context, now);
        let mode = window.mode_at(now);
        let request_id = context.request_id;
        let identity = &self.policy.identity;
        log::decided(identity, window, mode, head, request_id, &outcome);
        match outcome {
            Outcome::Open | Outcome::NotHttp | Outcome::Bypass(_) => Decision::Pass,
            Outcome::ReadOnly => Decision::PassReadOnly,
            Outcome::OpenLink(redirect) => Decision::Block(Box::new(redirect)),
            Outcome::Block(_) => {
                let (responses, flag) = (&window.responses, &window.flag);
                let response = responses.respond(&self.responder, flag, head, now_ms);
                Decision::Block(Box::new(response))
            }
        }
    }

    /// Decides about a request that lambda_http made of an event which it did not recognise. If the event
    /// reader does not recognise it either, it is no HTTP request, and passes.
    #[cfg(feature = "lambda_http")]
    fn decide_passed_through(&self, head: RequestHead<'_>) -> Decision {
        let event = head.event.and_then(|text| serde_json::from_str(text).ok());
        let event: serde_json::Value = event.unwrap_or_default();
        let Some((request, source)) = lambda_event::recognise(&event) else {
            return Decision::Pass;
        };
        match self.decide((&request).into()) {
            // lambda_http returns the body as it is: it has to be the whole answer to the event.
            Decision::Block(response) => {
                let answer = lambda_event::respond(&response, source).to_string();
                Decision::Block(Box::new(response.map(|_| answer.into())))
            }
            decision => decision,
        }
    }

    /// The response to a request that does not pass. One that may only read is told so.
    pub(crate) fn refuse<B: 'static, R: PageBody>(
        &self,
        request: &mut Request<B>,
    ) -> Option<Response<R>> {
        match self.decide((&*request).into()) {
            Decision::Block(response) => return Some(response.map(R::from_page)),
            Decision::PassReadOnly => {
                request.extensions_mut().insert(ReadOnly);
            }
            Decision::Pass => {}
        }
        None
    }

    /// Makes the known state fresh, if the source answers within the budget.
    #[cold]
    pub(crate) fn refreshing(self: &Arc<Self>) -> Refreshing {
        let shared = Arc::clone(self);
        Box::pin(async move {
            let refresh = shared.refresher.refresh(
                &shared.clock,
                || shared.last_known_mode().is_some(),
                || shared.snapshot().is_fresh(),
            );
            if let Some((update, _guard)) = refresh.await {
                shared.apply(update);
            }
        })
    }

    /// Completes when the known state is stale, but not before a tenth of a second; never, if there is no
    /// timer.
    pub(crate) fn until_stale(&self) -> Sleep {
        let ms = self.snapshot().fresh_for_ms().max(100);
        let sleep = self.sleeper.sleep(Duration::from_millis(ms));
        sleep.unwrap_or_else(|| Box::pin(pending()))
    }

    /// A scheduled window has begun or ended since this was known.
    #[cold]
    fn advance(&self, known: &Arc<Window>, now: Timestamp) -> Arc<Window> {
        let window = Arc::new(Window::new(known.stored().clone(), now));
        // A flag that was read meanwhile counts for more.
        let before = self.window.compare_and_swap(known, Arc::clone(&window));
        if Arc::ptr_eq(&before, known) {
            let mode = window.mode_at(now);
            log::changed(&self.policy.identity, mode, window.id());
        }
        window
    }

    fn apply(&self, update: Update) {
        if let Some((flag, asked_ms)) = update.flag {
            return self.set(flag, asked_ms, update.lifetime_ms);
        }
        let now_ms = self.clock.now_ms();
        let now = timestamp(now_ms);
        let mut window = self.window.load_full();
        if !window.is_current(now) {
            window = self.advance(&window, now);
        }
        let mode = window.mode_at(now);
        self.state
            .store(packed(&window, now_ms, now_ms, update.lifetime_ms));
        if let Some(event) = update.event {
            log::kept(&self.policy.identity, mode, &event);
        }
    }

    /// A flag that was asked for at `asked_ms` holds for `lifetime_ms` from then.
    fn set(&self, flag: Flag, asked_ms: u64, lifetime_ms: u64) {
        let before = self.window.load();
        let now_ms = self.clock.now_ms();
        let now = timestamp(now_ms);
        // The answers made for the same flag serve on.
        let is_same = before.is_known && *before.stored() == flag && before.is_current(now);
        let window = match is_same {
            true => Arc::clone(&before),
            false => Arc::new(Window::new(flag, now)),
        };
        let mode = window.mode_at(now);
        if before.mode_at(timestamp(asked_ms)) != mode || before.id() != window.id() {
            log::changed(&self.policy.identity, mode, window.id());
        }
        let state = packed(&window, now_ms, asked_ms, lifetime_ms);
        // In this order: a request that reads the mode finds a window that is at least as new.
        self.window.store(window);
        self.state.store(state);
    }
}

/// The mode of a window now, asked for at `asked_ms`.
fn packed(window: &Window, now_ms: u64, asked_ms: u64, lifetime_ms: u64) -> PackedState {
    let now = timestamp(now_ms);
    let lifetime_ms = window.lifetime(asked_ms, lifetime_ms);
    let state = PackedState::new(window.mode_at(now), asked_ms, lifetime_ms);
    match window.changes_at(now).is_some() {
        true => state.changing(),
        false => state,
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
