//! The gate itself: whether a request may pass.
//!
//! The decision reads one word and the clock: no lock, no allocation, no I/O. Only what is refused
//! looks further, and only the first request after the end of a TTL waits for anything.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, Uri};
use maintenance_flag::{Flag, Mode};

use crate::answer::{Answer, retry_after};
use crate::clock::Clock;
use crate::config::{BuildError, Builder, OnUnknown, Settings};
use crate::events::{self, Identity};
use crate::pages::Loaded;
use crate::refresh::{Refresh, Refresher, Refreshing};
use crate::source::MemorySource;
use crate::word::{AtomicWord, Word};

/// Keeps requests out while its role is in maintenance. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Gate {
    pub(crate) inner: Arc<Inner>,
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// The app serves it.
    Pass,
    /// The app serves it, but must not write: the maintenance is read-only, and this is a GET, HEAD
    /// or OPTIONS. The tower layer says so to the app by the request extension [`ReadOnly`].
    PassReadOnly,
    /// The app never sees it.
    Block(Refusal),
}

impl Decision {
    /// The whole answer, if the request is refused.
    #[must_use]
    pub fn into_response(self) -> Option<Response<Bytes>> {
        match self {
            Self::Pass | Self::PassReadOnly => None,
            Self::Block(refusal) => Some(refusal.into_response()),
        }
    }
}

/// A refused request. Small, so that a decision to pass copies next to nothing.
pub struct Refusal {
    state: Arc<State>,
    is_head: bool,
}

impl Refusal {
    /// The whole answer: 503, its headers, and the page unless the request is a HEAD.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let response = self.state.answer.to(self.is_head);
        response.map(|page| Bytes::from_static(page.as_bytes()))
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("window", &self.state.window())
            .finish_non_exhaustive()
    }
}

/// The extension of a request that passes during a read-only maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnly;

/// A decision without its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    PassReadOnly,
    Block,
}

/// What is known besides the mode, for those who are refused.
pub(crate) struct State {
    pub(crate) flag: Option<Flag>,
    pub(crate) answer: Answer,
}

impl State {
    pub(crate) fn window(&self) -> &str {
        self.flag
            .as_ref()
            .and_then(|flag| flag.window.as_ref())
            .map_or("", |window| window.as_str())
    }
}

pub(crate) struct Inner {
    word: AtomicWord,
    pub(crate) clock: Clock,
    on_unknown: OnUnknown,
    state: ArcSwap<State>,
    page: Loaded,
    pub(crate) identity: Identity,
    pub(crate) refresher: Refresher,
}

impl Inner {
    /// The last known mode, and whether it may be relied on.
    #[inline]
    pub(crate) fn look(&self) -> (Option<Mode>, bool) {
        let word = self.word.load();
        (word.known(), word.is_fresh(self.clock.now_ms()))
    }

    /// The last known mode, however old.
    #[inline]
    pub(crate) fn known(&self) -> Option<Mode> {
        self.word.load().known()
    }

    #[inline]
    pub(crate) fn verdict(&self, known: Option<Mode>, method: &Method) -> Verdict {
        match (known, self.on_unknown) {
            (Some(Mode::Off), _) | (None, OnUnknown::Pass) => Verdict::Pass,
            (Some(Mode::ReadOnly), _)
                if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) =>
            {
                Verdict::PassReadOnly
            }
            (Some(Mode::On | Mode::ReadOnly), _) | (None, OnUnknown::Block) => Verdict::Block,
        }
    }

    /// Whether a request is likely to be refused. A hint, for those who need not be exact.
    #[inline]
    pub(crate) fn is_likely_closed(&self) -> bool {
        self.known() == Some(Mode::On)
    }

    /// The answer to a refused request, and the event that says so.
    #[cold]
    pub(crate) fn refuse(&self, method: &Method, uri: &Uri) -> Response<&'static str> {
        let state = self.state.load();
        self.say_refused(&state, method, uri);
        state.answer.to(*method == Method::HEAD)
    }

    /// As [`refuse`](Self::refuse), with the answer to be made later.
    #[cold]
    fn refusal(&self, method: &Method, uri: &Uri) -> Refusal {
        let state = self.state.load_full();
        self.say_refused(&state, method, uri);
        Refusal {
            state,
            is_head: *method == Method::HEAD,
        }
    }

    fn say_refused(&self, state: &State, method: &Method, uri: &Uri) {
        let mode = self.known();
        events::blocked(&self.identity, mode, state.window(), method, uri.path());
    }

    /// What was fetched at `at_ms` holds for `lifetime_ms` from then.
    pub(crate) fn learn(&self, flag: Flag, at_ms: u64, lifetime_ms: u64) {
        let known = Some(flag.mode);
        let state = self.state_of(Some(flag));
        let before = self.state.load();
        if before.flag.as_ref().map(|flag| flag.mode) != known || before.window() != state.window()
        {
            events::changed(&self.identity, known, state.window());
        }
        // In this order: whoever reads the word finds a state that is at least as new.
        self.state.store(Arc::new(state));
        self.word.store(Word::new(known, at_ms, lifetime_ms));
    }

    /// What is known stays, and nobody asks again for `lifetime_ms`.
    pub(crate) fn keep(&self, lifetime_ms: u64) {
        let flag = self.state.load().flag.clone();
        let known = flag.as_ref().map(|flag| flag.mode);
        // Anew, since the end that the flag announces has come closer.
        self.state.store(Arc::new(self.state_of(flag)));
        self.word
            .store(Word::new(known, self.clock.now_ms(), lifetime_ms));
    }

    fn state_of(&self, flag: Option<Flag>) -> State {
        let seconds = retry_after(flag.as_ref(), self.clock.now_ms());
        State {
            answer: Answer::new(self.page, seconds),
            flag,
        }
    }
}

impl Gate {
    /// Settings in code; [`Builder::from_env`] adds those of the environment.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A gate that the environment configures: see [`Builder::from_env`].
    ///
    /// # Errors
    /// [`BuildError`], if a setting is missing or wrong. A handler that returns it does not start,
    /// so a typo is found at the deployment and not at the first maintenance.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder().from_env().build()
    }

    /// As [`from_env`](Self::from_env), but never the reason that a site is down: with settings
    /// missing or wrong it logs an error (`M500`) and lets every request pass, for good. Choose it
    /// where coming up matters more than that maintenance mode works.
    #[must_use]
    pub fn from_env_or_pass() -> Self {
        Self::builder().from_env().build_or_pass()
    }

    pub(crate) fn assemble(settings: Settings) -> Self {
        let page = settings.page;
        let state = State {
            answer: Answer::new(page, retry_after(None, 0)),
            flag: None,
        };
        Self {
            inner: Arc::new(Inner {
                word: AtomicWord::new(Word::UNKNOWN),
                clock: settings.clock,
                on_unknown: settings.on_unknown,
                state: ArcSwap::from_pointee(state),
                page,
                identity: Identity {
                    app: settings.app,
                    role: settings.role,
                },
                refresher: Refresher::new(
                    settings.source,
                    settings.timer,
                    settings.parameter,
                    settings.ttl,
                    settings.budget,
                ),
            }),
        }
    }

    /// Decides by what is known now, however old it is; asks nobody. [`check`](Self::check) is what a
    /// handler wants: it refreshes first, if it is time.
    #[inline]
    pub fn decide(&self, request: &Parts) -> Decision {
        self.decision(self.last_known(), request)
    }

    /// Decides by what is known and not older than the TTL; waits for a refresh, if need be, for no
    /// longer than the budget.
    pub fn check<'a>(&'a self, request: &'a Parts) -> Check<'a> {
        Check {
            gate: self,
            request,
            refresh: None,
        }
    }

    #[inline]
    fn decision(&self, known: Option<Mode>, request: &Parts) -> Decision {
        match self.inner.verdict(known, &request.method) {
            Verdict::Pass => Decision::Pass,
            Verdict::PassReadOnly => Decision::PassReadOnly,
            Verdict::Block => Decision::Block(self.inner.refusal(&request.method, &request.uri)),
        }
    }

    /// The mode that was last known, if any ever was. However old it is.
    #[must_use]
    pub fn last_known(&self) -> Option<Mode> {
        self.inner.known()
    }
}

/// The decision to come: see [`Gate::check`]. Ready at once, unless a refresh is due.
#[must_use = "futures do nothing unless polled"]
pub struct Check<'a> {
    gate: &'a Gate,
    request: &'a Parts,
    refresh: Option<Refreshing>,
}

impl Future for Check<'_> {
    type Output = Decision;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Decision> {
        if self.refresh.is_none() {
            let (known, fresh) = self.gate.inner.look();
            if fresh {
                return Poll::Ready(self.gate.decision(known, self.request));
            }
            if let Refresh::Wait(refresh) = self.gate.inner.refresh() {
                self.refresh = Some(refresh);
            }
        }
        if let Some(refresh) = &mut self.refresh {
            ready!(refresh.as_mut().poll(cx));
        }
        Poll::Ready(self.gate.decide(self.request))
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl Builder {
    /// As [`build`](Self::build), but wrong settings make a gate that lets everything pass: see
    /// [`Gate::from_env_or_pass`].
    #[must_use]
    pub fn build_or_pass(self) -> Gate {
        self.build().unwrap_or_else(|error| {
            events::passes_everything(&error);
            Gate::assemble(Settings::pass())
        })
    }
}

impl Settings {
    /// A gate whose flag does not exist, which means off.
    fn pass() -> Self {
        Self {
            app: String::new(),
            role: String::new(),
            parameter: String::new(),
            source: Box::new(MemorySource::default()),
            ttl: crate::config::DEFAULT_TTL,
            budget: crate::config::DEFAULT_BUDGET,
            on_unknown: OnUnknown::Pass,
            page: Loaded::built_in(),
            clock: Clock::default(),
            timer: Box::new(crate::timer::ThreadTimer),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("app", &self.inner.identity.app)
            .field("role", &self.inner.identity.role)
            .field("last_known", &self.last_known())
            .finish_non_exhaustive()
    }
}
