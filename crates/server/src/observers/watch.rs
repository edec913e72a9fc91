//! One observer at work: it looks, remembers, decides, and acts by the operations of the server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use maintenance_control::{CancellationToken, Clock, Error, in_full};
use maintenance_flag::{App, Flag, ObserverName, Role, Verdict};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::decide::{Decision, Known, RoleNow, changed_by_others, decide};
use super::memory::Memory;
use super::stored::{ObservationStore, Unread};
use super::{CheckResult, Configured, Observer, Place};
use crate::access::{AUDIT_TARGET, Caller};
use crate::operations::{Ended, Operation, Operations, Request, Success};
use crate::problem::{Code, Problem};
use crate::statuses::Statuses;

/// The longest pause between two attempts of what keeps failing.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What observers share.
#[derive(Debug, Clone)]
pub struct Setup {
    /// By which they act.
    pub operations: Operations,
    /// How things stand.
    pub statuses: Statuses,
    /// Where what they saw survives a restart.
    pub store: ObservationStore,
    /// Where the time comes from.
    pub clock: Clock,
}

/// What an observer did last about what it saw, or why it does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Since when that is so, UTC.
    pub at: Timestamp,
    /// In a sentence.
    pub text: String,
    /// What came of it.
    pub kind: NoteKind,
}

/// What came of what an observer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// It turned maintenance on or off, or is doing it.
    Acted,
    /// It waits: a person holds what it would act on.
    Waits,
    /// Another observer holds it.
    Conflict,
    /// Another operation was running; it tries again.
    Busy,
    /// Not everything is where it should be; it tries again.
    Partial,
    /// It could not act; it tries again.
    Failed,
}

impl NoteKind {
    /// As it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acted => "acted",
            Self::Waits => "waits",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// An observer as the API, the pages and the command see it.
#[derive(Debug, Clone)]
pub struct View {
    /// What it is called.
    pub name: ObserverName,
    /// What it looks at, in a word: `http`.
    pub kind_name: &'static str,
    /// What it acts on.
    pub place: Place,
    /// Why it is disabled.
    pub disabled: Option<String>,
    /// What the last check came to, and when it ended, UTC.
    pub last: Option<(Timestamp, CheckResult)>,
    /// How many results in a row were equal to the last one, at most `confirm`; 0 of unknown ones.
    pub streak: u32,
    /// How many it takes to change something.
    pub confirm: u32,
    /// The time from the end of a check to the next.
    pub interval: Option<Duration>,
    /// When it checks next, UTC, while it does so by itself.
    pub next_check: Option<Timestamp>,
    /// What it did last, or why it does nothing.
    pub note: Option<Note>,
    /// The id of its last operation.
    pub operation: Option<String>,
}

/// An observer at work.
#[derive(Debug)]
pub(super) struct Watched {
    observer: Observer,
    setup: Setup,
    state: tokio::sync::Mutex<State>,
    view: watch::Sender<View>,
    /// When it checks next.
    next: Mutex<Instant>,
    changes: broadcast::Sender<View>,
}

#[derive(Debug, Default)]
struct State {
    memory: Memory,
    /// What is stored was read. Until then nothing is written: it may be of a newer version.
    is_recalled: bool,
    /// What is stored is of a newer version, and stays as it is.
    is_read_only: bool,
    /// Whether it runs by itself.
    is_running: bool,
    operation: Option<Arc<Operation>>,
    note: Option<Note>,
    failures: u32,
    /// What fails again and again is tried again then.
    not_before: Option<Instant>,
}

impl View {
    pub(super) fn of(configured: &Configured) -> Self {
        let (name, kind_name, place) = match configured {
            Configured::Enabled(it) => (&it.name, it.kind_name, &it.place),
            Configured::Disabled {
                name,
                kind_name,
                place,
                ..
            } => (name, *kind_name, place),
        };
        let (observer, disabled) = match configured {
            Configured::Enabled(observer) => (Some(observer), None),
            Configured::Disabled { why, .. } => (None, Some(why.clone())),
        };
        Self {
            name: name.clone(),
            kind_name,
            place: place.clone(),
            disabled,
            last: None,
            streak: 0,
            confirm: observer.map_or(0, |it| it.confirm),
            interval: observer.map(|it| it.interval),
            next_check: None,
            note: None,
            operation: None,
        }
    }
}

impl Watched {
    pub(super) fn new(
        observer: Observer,
        view: View,
        setup: Setup,
        changes: broadcast::Sender<View>,
    ) -> Self {
        Self {
            observer,
            setup,
            state: tokio::sync::Mutex::default(),
            view: watch::Sender::new(view),
            next: Mutex::new(Instant::now()),
            changes,
        }
    }

    pub(super) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Checks every so often, until it is stopped.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        self.state.lock().await.is_running = true;
        loop {
            let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() < next {
                // A check by hand moves it: it is looked at again.
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep_until(next) => continue,
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                began = self.check() => {
                    if let Some(operation) = began {
                        let watched = Arc::clone(&self);
                        tokio::spawn(async move { watched.follow(&operation).await });
                    }
                }
            }
        }
    }

    /// Looks once, and begins what is to be done. The caller has the operation followed.
    pub(super) async fn check(&self) -> Option<Arc<Operation>> {
        let mut state = self.state.lock().await;
        self.recall(&mut state).await;
        let result = self.observer.check().await;
        state.memory.add(result, self.setup.clock.now());
        let decided = self.decide(&mut state).await;
        let began = match decided {
            Ok(decision) => self.act(&mut state, decision).await,
            Err(why) => {
                self.note(&mut state, NoteKind::Failed, why);
                None
            }
        };
        self.store(&mut state).await;
        self.plan_next(&state);
        self.publish(&state);
        began
    }

    /// Waits for what it has begun, and notes how it ended.
    pub(super) async fn follow(&self, operation: &Operation) {
        let ended = operation.ended().await;
        let verdict = operation.verdict(&ended, &self.setup.statuses).await;
        let mut state = self.state.lock().await;
        match verdict {
            Ok(success) => {
                let text = self.done(operation, &success);
                state.memory.is_unfinished = false;
                (state.failures, state.not_before) = (0, None);
                self.note(&mut state, NoteKind::Acted, text);
            }
            Err(problem) => {
                let (kind, text) = failed(&ended, problem);
                if kind != NoteKind::Busy {
                    let pause = self.pause(state.failures);
                    state.failures = state.failures.saturating_add(1);
                    state.not_before = Instant::now().checked_add(pause);
                }
                self.note(&mut state, kind, text);
            }
        }
        self.store(&mut state).await;
        self.publish(&state);
    }

    /// The pause after so many failures and this one: twice as long each time.
    fn pause(&self, failures: u32) -> Duration {
        let pause = 2_u32.saturating_pow(failures);
        let pause = self.observer.interval.saturating_mul(pause);
        pause.min(LONGEST_PAUSE.max(self.observer.interval))
    }

    async fn recall(&self, state: &mut State) {
        if state.is_recalled {
            return;
        }
        let Observer { name, interval, .. } = &self.observer;
        match self.setup.store.read(name).await {
            Ok(stored) => {
                state.is_recalled = true;
                if let (Some(stored), None) = (stored, &state.memory.last) {
                    let now = self.setup.clock.now();
                    state.memory = Memory::recall(stored, *interval, now);
                }
            }
            Err(Unread::Newer(why)) => {
                tracing::warn!(observer = %name, why, "what it saw last is not kept");
                (state.is_recalled, state.is_read_only) = (true, true);
            }
            Err(Unread::Unreachable(why)) => {
                tracing::warn!(observer = %name, why, "what it saw last cannot be read");
            }
        }
    }

    /// What is to be done about the last result.
    async fn decide(&self, state: &mut State) -> Result<Decision, String> {
        let name = self.observer.name.as_str();
        // An unknown result is not worth a call.
        if state.memory.streak == 0 {
            return Ok(Decision::Nothing);
        }
        let apps = self.observer.place.apps();
        let mut reads = Vec::with_capacity(apps.len());
        for app in apps {
            reads.push(self.setup.statuses.app(app).await);
        }
        let mut roles = Vec::new();
        for (app, read) in apps.iter().zip(&reads) {
            let status = (**read).as_ref();
            let status =
                status.map_err(|error| format!("cannot read the flags: {}", in_full(error)))?;
            let of_app = status.roles.iter();
            let of_app = of_app.filter(|status| self.observer.place.has(&status.role));
            roles.extend(of_app.map(|status| RoleNow {
                app: app.app(),
                role: &status.role,
                state: status.state,
                flag: status.flag.as_ref().map(|flag| -> &Flag { flag }),
            }));
        }
        let changed_at = changed_by_others(name, &roles);
        state.memory.others_changed(changed_at);
        let known = Known {
            confirmed: state.memory.confirmed(self.observer.confirm),
            normal_at: state.memory.normal_at,
            is_unfinished: state.memory.is_unfinished,
        };
        Ok(decide(name, known, &roles))
    }

    async fn act(&self, state: &mut State, decision: Decision) -> Option<Arc<Operation>> {
        let (request, only) = match decision {
            Decision::Nothing => {
                // What it waited for is over.
                let waits = |note: &mut Note| {
                    matches!(note.kind, NoteKind::Waits | NoteKind::Conflict)
                        && state.memory.last.as_ref().map(|(_, last)| last.verdict)
                            != Some(Verdict::Unknown)
                };
                state.note.take_if(waits);
                return None;
            }
            Decision::Waits(why) => {
                self.note(state, NoteKind::Waits, format!("waits: {why}"));
                return None;
            }
            Decision::Conflict(why) => {
                self.note(state, NoteKind::Conflict, why);
                return None;
            }
            Decision::On => (self.observer.on(), None),
            Decision::Off(roles) => (self.observer.off(), Some(roles)),
        };
        let at_work = state.operation.as_ref();
        let is_at_work = at_work.is_some_and(|it| !it.progress().borrow().is_over());
        let is_early = state.not_before.is_some_and(|at| Instant::now() < at);
        if is_at_work || is_early {
            return None;
        }
        let keeps = |app: &App, role: &Role| {
            let only = only.as_ref();
            only.is_none_or(|only| only.iter().any(|(a, r)| (a, r) == (app, role)))
        };
        let target = match self.observer.place.target(keeps).await {
            Ok(target) => target,
            Err(error) => {
                let why = format!("cannot read the roles: {}", in_full(&error));
                self.note(state, NoteKind::Failed, why);
                return None;
            }
        };
        // Said first: a process that dies in the middle has the next one finish it.
        let was_unfinished = std::mem::replace(&mut state.memory.is_unfinished, true);
        self.store(state).await;
        let doing = match &request {
            Request::On(_) => "turning on maintenance of",
            Request::Off(_) => "turning off maintenance of",
        };
        let place = self.observer.place.name();
        self.note(state, NoteKind::Acted, format!("{doing} {place}"));
        let caller = Caller::of_observer(self.observer.name.as_str());
        let operation = self.setup.operations.start(target, request, &caller);
        tracing::info!(
            target: AUDIT_TARGET,
            by = caller.by(),
            mode = ?operation.request.action(),
            place,
            was_unfinished,
            operation = operation.id,
            "an observer asked for maintenance"
        );
        state.operation = Some(Arc::clone(&operation));
        Some(operation)
    }

    fn done(&self, operation: &Operation, success: &Success) -> String {
        let place = self.observer.place.name();
        match (&operation.request, success.has_changed) {
            (Request::On(_), true) => format!("turned on maintenance of {place}"),
            (Request::On(_), false) => format!("maintenance of {place} was on already"),
            (Request::Off(_), true) => format!("turned off maintenance of {place}"),
            (Request::Off(_), false) => format!("maintenance of {place} was off already"),
        }
    }

    fn note(&self, state: &mut State, kind: NoteKind, text: String) {
        let at = self.setup.clock.now();
        let is_said = state.note.as_ref();
        if is_said.is_none_or(|note| (note.kind, &note.text) != (kind, &text)) {
            state.note = Some(Note { at, text, kind });
        }
    }

    async fn store(&self, state: &mut State) {
        if !state.is_recalled || state.is_read_only {
            return;
        }
        let Observer { name, confirm, .. } = &self.observer;
        let Some(observation) = state.memory.to_store(*confirm) else {
            return;
        };
        match self.setup.store.write(name, &observation).await {
            Ok(()) => state.memory.stored(observation),
            Err(error) => {
                let why = in_full(&error);
                tracing::warn!(observer = %name, why, "what it saw cannot be stored");
            }
        }
    }

    /// The next check is an interval from now, a tenth more or less: servers that were started together must not
    /// check together for ever.
    fn plan_next(&self, state: &State) {
        let interval = self.observer.interval.mul_f64(0.9 + 0.2 * fastrand::f64());
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Instant::now().checked_add(interval).unwrap_or(*next);
        let at = SignedDuration::try_from(interval).ok();
        let at = at.and_then(|it| self.setup.clock.now().checked_add(it).ok());
        let at = at.filter(|_| state.is_running);
        self.view.send_modify(|view| view.next_check = at);
    }

    fn publish(&self, state: &State) {
        self.view.send_modify(|view| {
            view.last = state.memory.last.clone();
            view.streak = state.memory.streak.min(self.observer.confirm);
            view.note = state.note.clone();
            let operation = state.operation.as_ref();
            view.operation = operation.map(|operation| operation.id.clone());
        });
        // It fails where there is no listener.
        let _ = self.changes.send(self.view());
    }
}

/// Why it could not act, in a sentence for the people who configure it.
fn failed(ended: &Ended, problem: Problem) -> (NoteKind, String) {
    let mut results = ended.results.iter();
    let lost = results.find_map(|result| match result {
        Err(error @ Error::EventsLost { .. }) => Some(error),
        _ => None,
    });
    if let Some(error) = lost {
        let text = format!(
            "{error}: give each function a dead-letter queue or an on-failure destination, or set \
             accept_event_loss = true for this observer"
        );
        return (NoteKind::Failed, text);
    }
    let kind = match problem.code {
        Code::Busy => NoteKind::Busy,
        Code::Owner => NoteKind::Conflict,
        Code::Partial => NoteKind::Partial,
        _ => NoteKind::Failed,
    };
    (kind, problem.detail)
}
