//! What a gate knows: one word that every request reads, and beside it what only those need that do
//! not just pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use http::Method;
use http::header::UPGRADE;
use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode};

use crate::admission::{Admission, Admitted};
use crate::answer::{Answers, Usual};
use crate::asked::Asked;
use crate::clock::{Clock, timestamp};
use crate::config::{OnUnknown, Settings};
use crate::decision::{Judgement, is_open, is_safe};
use crate::events::{self, About, Identity};
use crate::metrics::{Metric, Metrics};
use crate::platform::{Platform, Socket};
use crate::refresh::Refresher;
use crate::served::Served;
use crate::word::{AtomicWord, Word};

/// What is known besides the mode.
pub(crate) struct State {
    flag: Option<Flag>,
    answers: Answers,
    bypass: Bypass,
    /// Whether nothing of a request makes a difference while the mode is on: nobody may pass, and every
    /// answer is the usual one.
    usual: bool,
}

impl State {
    fn new(flag: Option<Flag>, served: &'static Served) -> Self {
        let answers = Answers::new(served, flag.as_ref());
        let bypass = Bypass::read(flag.as_ref().and_then(|flag| flag.bypass.as_ref()));
        Self {
            usual: bypass.is_empty() && answers.is_usual(),
            answers,
            bypass,
            flag,
        }
    }

    fn window(&self) -> &str {
        self.flag
            .as_ref()
            .and_then(|flag| flag.window.as_ref())
            .map_or("", |window| window.as_str())
    }

    /// The mode at a moment: a flag may say that it ends by itself.
    fn mode_at(&self, now: Timestamp) -> Option<Mode> {
        Some(self.flag.as_ref()?.mode_at(now))
    }
}

/// What is known, looked at once. Two words, so that it is handed on in registers.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    word: Word,
    /// The moment, in milliseconds since the epoch.
    pub(crate) now_ms: u64,
}

impl Look {
    /// The last known mode.
    #[inline]
    pub(crate) fn known(self) -> Option<Mode> {
        self.word.known()
    }

    /// Whether every request gets the usual refusal.
    #[inline]
    pub(crate) fn is_usual(self) -> bool {
        self.word.is_usual()
    }

    /// Whether it may be relied on.
    #[inline]
    pub(crate) fn is_fresh(self) -> bool {
        self.word.is_fresh(self.now_ms)
    }
}

/// Whether a request asks a server of one's own for a WebSocket [RFC 6455, 4.1].
fn opens_a_socket(asked: Asked<'_>) -> bool {
    let protocols = asked.headers.get_all(UPGRADE).iter();
    protocols
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// What all clones of a gate share.
pub(crate) struct Inner {
    word: AtomicWord,
    pub(crate) clock: Clock,
    on_unknown: OnUnknown,
    admission: Admission,
    metrics: Option<Metrics>,
    /// When the flag was last read, in milliseconds since the epoch.
    read_at_ms: AtomicU64,
    state: ArcSwap<State>,
    served: &'static Served,
    /// What every request gets while that is all there is to say.
    usual: Option<&'static Usual>,
    pub(crate) identity: Identity,
    pub(crate) refresher: Refresher,
}

impl Inner {
    pub(crate) fn new(settings: Settings) -> Self {
        let identity = Identity {
            app: settings.app,
            role: settings.role,
        };
        Self {
            word: AtomicWord::new(Word::UNKNOWN),
            clock: settings.clock,
            on_unknown: settings.on_unknown,
            state: ArcSwap::from_pointee(State::new(None, settings.served)),
            served: settings.served,
            usual: Usual::new(settings.served),
            admission: Admission::new(&identity, settings.trusted_proxies),
            metrics: settings.metrics,
            read_at_ms: AtomicU64::new(0),
            identity,
            refresher: Refresher::new(
                settings.source,
                settings.timer,
                settings.parameter,
                settings.ttl,
                settings.budget,
            ),
        }
    }

    /// What is known now.
    #[inline]
    pub(crate) fn look(&self) -> Look {
        Look {
            word: self.word.load(),
            now_ms: self.clock.now_ms(),
        }
    }

    /// The last known mode, however old.
    #[inline]
    pub(crate) fn known(&self) -> Option<Mode> {
        self.word.load().known()
    }

    /// Whether every request passes, as far as `known` says.
    #[inline]
    pub(crate) fn is_open(&self, known: Option<Mode>) -> bool {
        is_open(known, self.on_unknown)
    }

    /// Whether a request is likely to be refused. A hint, for those who need not be exact.
    #[inline]
    pub(crate) fn is_likely_closed(&self) -> bool {
        self.known() == Some(Mode::On)
    }

    /// Whether every request passes, by what may be relied on.
    #[cold]
    pub(crate) fn is_surely_open(&self) -> bool {
        let look = self.look();
        look.is_fresh() && self.is_open(look.known())
    }

    /// The answer to a request, where nothing of it makes a difference: what [`judge`](Self::judge) comes
    /// to in many windows, at two thirds of its cost, and what it says of it. None for a HEAD.
    #[inline]
    pub(crate) fn usual(&self, look: Look, asked: Asked<'_>) -> Option<&'static Usual> {
        let usual = self.usual.filter(|_| look.is_usual())?;
        let platform = Platform::of(asked.extensions);
        if *asked.method == Method::HEAD || platform.socket == Socket::Open {
            return None;
        }
        let about = About {
            who: &self.identity,
            mode: look.known(),
            window: &|| self.state.load().window().to_owned(),
            asked,
            request_id: platform.request_id,
        };
        about.blocked();
        Some(usual)
    }

    /// What becomes of a request at a moment while the gate is not open.
    #[cold]
    pub(crate) fn judge(&self, asked: Asked<'_>, now_ms: u64) -> Judgement {
        let state = self.state.load();
        let now = timestamp(now_ms);
        let mode = state.mode_at(now);
        if self.is_open(mode) {
            return Judgement::Pass;
        }
        let platform = Platform::of(asked.extensions);
        if platform.socket == Socket::Open {
            return Judgement::Pass;
        }
        let about = About {
            who: &self.identity,
            mode,
            window: &|| state.window().to_owned(),
            asked,
            request_id: platform.request_id,
        };
        match self
            .admission
            .admit(&state.bypass, &self.identity, asked, &platform, now)
        {
            Some(Admitted::Pass(by)) => {
                about.passed(by);
                self.put(Metric::PassedByBypass, now_ms);
                return Judgement::Pass;
            }
            Some(Admitted::Link(answer)) => {
                about.link_opened();
                return Judgement::Answer(answer);
            }
            None => {}
        }
        // A WebSocket opens with a GET, but what comes over it may well write.
        if mode == Some(Mode::ReadOnly)
            && is_safe(asked.method)
            && platform.socket == Socket::None
            && !opens_a_socket(asked)
        {
            return Judgement::PassReadOnly;
        }
        if let Some(answer) = state.answers.preflight(asked) {
            return Judgement::Answer(answer);
        }
        about.blocked();
        self.put(Metric::Blocked, now_ms);
        Judgement::Answer(state.answers.to(asked, now_ms))
    }

    /// What was fetched at `at_ms` holds for `lifetime_ms` from then.
    pub(crate) fn learn(&self, flag: Flag, at_ms: u64, lifetime_ms: u64) {
        let before = self.state.load();
        // What was made of the same flag serves on.
        let state = if before.flag.as_ref() == Some(&flag) {
            Arc::clone(&before)
        } else {
            Arc::new(State::new(Some(flag), self.served))
        };
        let now_ms = self.clock.now_ms();
        let known = state.mode_at(timestamp(now_ms));
        if before.mode_at(timestamp(at_ms)) != known || before.window() != state.window() {
            events::changed(&self.identity, known, state.window());
        }
        let lifetime_ms = self.until_it_opens(&state, at_ms, lifetime_ms);
        let word = self.word(&state, known, at_ms, lifetime_ms);
        // In this order: whoever reads the word finds a state that is at least as new.
        self.state.store(state);
        self.read_at_ms.store(at_ms, Ordering::Relaxed);
        self.word.store(word);
        self.put(Metric::FlagAge(now_ms.saturating_sub(at_ms)), now_ms);
    }

    /// What is known stays, and nobody asks again for `lifetime_ms`.
    pub(crate) fn keep(&self, lifetime_ms: u64) {
        let state = self.state.load();
        let now_ms = self.clock.now_ms();
        let known = state.mode_at(timestamp(now_ms));
        let lifetime_ms = self.until_it_opens(&state, now_ms, lifetime_ms);
        self.word
            .store(self.word(&state, known, now_ms, lifetime_ms));
        if known.is_some() {
            let read_at_ms = self.read_at_ms.load(Ordering::Relaxed);
            self.put(Metric::FlagAge(now_ms.saturating_sub(read_at_ms)), now_ms);
        }
    }

    fn word(&self, state: &State, known: Option<Mode>, at_ms: u64, lifetime_ms: u64) -> Word {
        let usual = known == Some(Mode::On) && state.usual && self.metrics.is_none();
        Word::new(known, at_ms, lifetime_ms).and_usual(usual)
    }

    #[inline]
    fn put(&self, metric: Metric, now_ms: u64) {
        if let Some(metrics) = &self.metrics {
            metrics.put(&self.identity, metric, now_ms);
        }
    }

    /// A lifetime that ends when the role opens by itself, so that nobody is kept out for longer.
    fn until_it_opens(&self, state: &State, at_ms: u64, lifetime_ms: u64) -> u64 {
        let end = state.flag.as_ref().and_then(Flag::opens_at);
        let left = end
            .and_then(|end| u64::try_from(end.as_millisecond()).ok())
            .and_then(|end_ms| end_ms.checked_sub(at_ms))
            .filter(|left| *left > 0);
        left.map_or(lifetime_ms, |left| left.min(lifetime_ms))
    }
}

#[cfg(test)]
mod tests;
