//! What a gate knows: one word that every request reads, and beside it what only those who are
//! refused need.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Method, Response, Uri};
use maintenance_flag::{Flag, Mode};

use crate::answer::{Answer, retry_after};
use crate::clock::Clock;
use crate::config::{OnUnknown, Settings};
use crate::decision::{Refusal, Verdict, verdict};
use crate::events::{self, Identity};
use crate::pages::Loaded;
use crate::refresh::Refresher;
use crate::word::{AtomicWord, Word};

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

/// What all clones of a gate share.
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
    pub(crate) fn new(settings: Settings) -> Self {
        let answer = Answer::new(settings.page, retry_after(None, 0));
        Self {
            word: AtomicWord::new(Word::UNKNOWN),
            clock: settings.clock,
            on_unknown: settings.on_unknown,
            state: ArcSwap::from_pointee(State { flag: None, answer }),
            page: settings.page,
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
        }
    }

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
        verdict(known, self.on_unknown, method)
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
    pub(crate) fn refusal(&self, method: &Method, uri: &Uri) -> Refusal {
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
