//! The gate: the known state, and whether a request passes.
//!
//! A request that passes reads one atomic integer and the clock: no lock, no allocation, no I/O. Only the
//! first request after a TTL waits, for the refresh.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{Request, Response};
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
        match self.shared.is_open(self.shared.last_known_mode()) {
            true => Decision::Pass,
            false => self.shared.decide(request.into()),
        }
    }

    /// The mode that was last known, however old; none if none ever was.
    #[must_use]
    pub fn last_known(&self) -> Option<Mode> {
        self.shared.last_known_mode()
    }
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
        let window = self.window.load();
        let context = RequestContext::of(head.extensions, self.in_lambda);
        #[cfg(feature = "lambda_http")]
        if context.kind == crate::request_context::EventKind::PassThrough {
            return self.decide_passed_through(head);
        }
        let now_ms = self.clock.now_ms();
        let now = timestamp(now_ms);
        let outcome = decide(&self.policy, &window, head, &context, now);
        let mode = window.mode_at(now);
        let request_id = context.request_id;
        let identity = &self.policy.identity;
        log::decided(identity, &window, mode, head, request_id, &outcome);
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

    fn apply(&self, update: Update) {
        if let Some((flag, asked_ms)) = update.flag {
            return self.set(flag, asked_ms, update.lifetime_ms);
        }
        let (window, now_ms) = (self.window.load(), self.clock.now_ms());
        let mode = window.mode_at(timestamp(now_ms));
        let lifetime_ms = window.lifetime(now_ms, update.lifetime_ms);
        self.state
            .store(PackedState::new(mode, now_ms, lifetime_ms));
        if let Some(event) = update.event {
            log::kept(&self.policy.identity, mode, &event);
        }
    }

    /// A flag that was asked for at `asked_ms` holds for `lifetime_ms` from then.
    fn set(&self, flag: Flag, asked_ms: u64, lifetime_ms: u64) {
        let before = self.window.load();
        // The answers made for the same flag serve on.
        let window = if before.is_known && before.flag == flag {
            Arc::clone(&before)
        } else {
            Arc::new(Window::new(Some(flag)))
        };
        let mode = window.mode_at(timestamp(self.clock.now_ms()));
        if before.mode_at(timestamp(asked_ms)) != mode || before.id() != window.id() {
            log::changed(&self.policy.identity, mode, window.id());
        }
        let lifetime_ms = window.lifetime(asked_ms, lifetime_ms);
        // In this order: a request that reads the mode finds a window that is at least as new.
        self.window.store(window);
        self.state
            .store(PackedState::new(mode, asked_ms, lifetime_ms));
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
