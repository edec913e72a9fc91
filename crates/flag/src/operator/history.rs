//! What became of a flag: the transitions that the versions of it tell which a store has kept.
//!
//! Nothing is stored for this. What a version does not tell is said to be unknown, and never guessed: which
//! mode was before the oldest version, who typed a bare `on`, whether functions came back when a window ended
//! by itself.

use std::time::Duration;

use jiff::Timestamp;

use serde::{Serialize, Serializer};

use crate::document::DecodeError;
use crate::flag::Flag;
use crate::mode::Mode;
use crate::names::{Product, WindowId};
use crate::owner::{Owner, OwnerKind};
use crate::schedule::{Schedule, ScheduledWindow};
use crate::serialize::{seconds, text, text_of_some};

/// A version of a flag, as a store has kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagVersion {
    /// Its number, counted from 1. A store that begins with another has dropped the ones before.
    pub number: u64,
    /// What was stored.
    pub value: String,
    /// When it was written, UTC.
    pub at: Timestamp,
    /// Who wrote it, as the store knows it: the ARN of the caller.
    pub user: Option<String>,
}

/// How a role stood before or after a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordedMode {
    /// It served, was in maintenance, or let readers pass.
    Mode(Mode),
    /// Its flag could not be read: gates kept what they knew.
    Unreadable,
    /// The version that tells it is not kept.
    Unknown,
}

impl RecordedMode {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mode(mode) => mode.as_str(),
            Self::Unreadable => "unreadable",
            Self::Unknown => "unknown",
        }
    }
}

impl Serialize for RecordedMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// A window opened.
    TurnedOn,
    /// It closed.
    TurnedOff,
    /// A scheduled window opened at its start by itself; nothing was written.
    StartedByItself,
    /// It closed at its end by itself; nothing was written.
    EndedByItself,
    /// `off` was run after it had ended by itself: every function was given back.
    Restored,
    /// It stayed open, with other options.
    OptionsUpdated,
    /// A window to come was scheduled.
    Scheduled,
    /// It got another time.
    Rescheduled,
    /// It does not open any more.
    Cancelled,
    /// A flag without an author: typed into the store by hand.
    SetByHand,
    /// The flag became one that cannot be read.
    Unreadable,
}

impl HistoryKind {
    /// As it is printed and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TurnedOn => "turned_on",
            Self::TurnedOff => "turned_off",
            Self::StartedByItself => "started_by_itself",
            Self::EndedByItself => "ended_by_itself",
            Self::Restored => "restored",
            Self::OptionsUpdated => "options_updated",
            Self::Scheduled => "scheduled",
            Self::Rescheduled => "rescheduled",
            Self::Cancelled => "cancelled",
            Self::SetByHand => "set_by_hand",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What made a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A person, by hand or by script.
    Manual,
    /// A monitor.
    Observer,
    /// The time that was set for it.
    Schedule,
}

impl Source {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Manual, Self::Observer, Self::Schedule];

    /// As it is printed and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Observer => "observer",
            Self::Schedule => "schedule",
        }
    }
}

impl From<OwnerKind> for Source {
    fn from(kind: OwnerKind) -> Self {
        match kind {
            OwnerKind::Manual => Self::Manual,
            OwnerKind::Observer => Self::Observer,
        }
    }
}

/// How a transition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryResult {
    /// Every function was where it should be.
    Complete,
    /// The window closed before all of its functions were paused.
    Partial,
    /// The flag does not tell.
    Unknown,
}

impl HistoryResult {
    /// As it is printed and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
        }
    }
}

/// When a window opens and ends, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Times {
    /// When it opens.
    #[serde(serialize_with = "text")]
    pub starts_at: Timestamp,
    /// When it ends.
    #[serde(serialize_with = "text")]
    pub until: Timestamp,
}

impl Times {
    fn of(window: &ScheduledWindow) -> Self {
        Self {
            starts_at: window.starts_at,
            until: window.until,
        }
    }
}

/// A transition of a flag. As JSON, keys are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEntry {
    /// The version that tells it.
    pub version: u64,
    /// When it was, UTC.
    #[serde(serialize_with = "text")]
    pub at: Timestamp,
    /// What happened.
    pub kind: HistoryKind,
    /// How the role stood before.
    pub from: RecordedMode,
    /// How it stood after.
    pub to: RecordedMode,
    /// Who made it, as the flag has it: `ana@laptop`. None if nobody did, or the flag does not tell.
    pub by: Option<String>,
    /// Who wrote it, as the store knows it.
    pub user: Option<String>,
    /// What made it. None if the flag does not tell.
    pub source: Option<Source>,
    /// Who held the window that it opened, changed or closed.
    pub owner: Option<Owner>,
    /// The product that the window was opened for.
    pub product: Option<Product>,
    /// The window.
    pub window: Option<WindowId>,
    /// Why.
    pub reason: Option<String>,
    /// How long the window was open that it opened or closed. None while it is open, and where the version
    /// is not kept that opened it.
    #[serde(rename = "duration_seconds", serialize_with = "seconds")]
    pub duration: Option<Duration>,
    /// How it ended.
    pub result: HistoryResult,
    /// The options that it changed, by the names of their fields.
    pub changed: Vec<&'static str>,
    /// When the window opens and ends that was scheduled, moved or cancelled.
    pub times: Option<Times>,
    /// When it was to open and end before it was moved.
    pub times_before: Option<Times>,
    /// The observer that a forced exit overrode.
    pub overrode: Option<Owner>,
    /// Why the flag cannot be read.
    #[serde(serialize_with = "text_of_some")]
    pub error: Option<DecodeError>,
}

/// The transitions that these versions tell, which are in the order of their numbers: newest first.
///
/// Two versions that mean the same, or that differ by what `on` notes in its own flag, are no transition.
#[must_use]
pub fn transitions(versions: &[FlagVersion], now: Timestamp) -> Vec<HistoryEntry> {
    let mut derivation = Derivation::new(versions);
    let mut last: Option<&str> = None;
    for version in versions {
        derivation.pass(version.at);
        // An answer that was lost has the same written twice.
        if last.replace(&version.value) == Some(&version.value) {
            continue;
        }
        match Flag::decode(&version.value) {
            Ok(flag) => derivation.flag(version, flag),
            Err(error) => derivation.unreadable(version, error),
        }
    }
    derivation.pass(now);
    derivation.end()
}

/// What is known of the version before.
enum Before {
    Flag(Box<Flag>),
    Unreadable,
    Unknown,
}

/// A window that is open.
struct Open {
    /// Where its opening is among the entries.
    entry: usize,
    at: Option<Timestamp>,
    window: Option<WindowId>,
    /// Who holds it.
    owner: Option<Owner>,
    /// Whether it was noted when its role is drained: all functions were paused by then.
    is_drained: bool,
}

struct Derivation {
    entries: Vec<HistoryEntry>,
    before: Before,
    /// Until when all is told.
    until: Timestamp,
    open: Option<Open>,
    version: u64,
}

impl Derivation {
    fn new(versions: &[FlagVersion]) -> Self {
        let is_whole = versions.first().is_none_or(|first| first.number <= 1);
        Self {
            entries: Vec::new(),
            before: match is_whole {
                true => Before::Flag(Box::new(Flag::off())),
                false => Before::Unknown,
            },
            until: Timestamp::MIN,
            open: None,
            version: 0,
        }
    }

    /// Time goes on until then with the flag as it is: windows open and end by themselves.
    fn pass(&mut self, until: Timestamp) {
        let Before::Flag(flag) = &self.before else {
            return;
        };
        let flag = flag.clone();
        while let Some(at) = flag.changes_at(self.until).filter(|at| *at <= until) {
            let (was, is) = (flag.at(self.until), flag.at(at));
            let was_on = flag.mode_at(self.until).is_on();
            let is_on = flag.mode_at(at).is_on();
            let is_another = was.window != is.window;
            self.until = at;
            if was_on && (!is_on || is_another) {
                let mut entry = entry(self.version, at, HistoryKind::EndedByItself, &was);
                entry.from = RecordedMode::Mode(was.mode);
                entry.to = RecordedMode::Mode(Mode::Off);
                (entry.by, entry.reason) = (None, None);
                entry.source = Some(Source::Schedule);
                self.close(entry);
            }
            if is_on && (!was_on || is_another) {
                let mut entry = entry(self.version, at, HistoryKind::StartedByItself, &is);
                entry.from = RecordedMode::Mode(Mode::Off);
                entry.source = Some(Source::Schedule);
                self.open(entry);
            }
        }
    }

    fn unreadable(&mut self, version: &FlagVersion, error: DecodeError) {
        let flag = Flag::off();
        let mut entry = entry(version.number, version.at, HistoryKind::Unreadable, &flag);
        entry.user.clone_from(&version.user);
        entry.from = self.mode_at(version.at);
        entry.to = RecordedMode::Unreadable;
        // A newer version of ours may have written one of a newer schema.
        let is_typed = matches!(error, DecodeError::Malformed { .. });
        entry.source = is_typed.then_some(Source::Manual);
        entry.result = HistoryResult::Unknown;
        entry.error = Some(error);
        self.entries.push(entry);
        self.before = Before::Unreadable;
    }

    fn flag(&mut self, version: &FlagVersion, flag: Flag) {
        let at = version.at;
        let from = self.mode_at(at);
        let before = std::mem::replace(&mut self.before, Before::Unreadable);
        let is_typed = is_typed(&before, &flag);
        // What a scheduled window whose time has come makes of it.
        let now = flag.at(at);
        let is_on = now.mode_at(at).is_on();
        let was_on = matches!(from, RecordedMode::Mode(mode) if mode.is_on());
        self.version = version.number;
        let stays = self.open.as_ref().is_some_and(|open| {
            // A bare `on` has no window, and gets the name of one when `on` is run.
            open.window.is_none() || now.window.is_none() || open.window == now.window
        });
        let kind = match &before {
            _ if is_typed => Some(HistoryKind::SetByHand),
            Before::Flag(_) if is_on && was_on && stays => None,
            // A person has put back what was there.
            Before::Unreadable if is_on && stays && now.window.is_some() => {
                Some(HistoryKind::SetByHand)
            }
            // It was scheduled after its start.
            _ if flag.due(at).is_some() => Some(HistoryKind::StartedByItself),
            _ if is_on => Some(HistoryKind::TurnedOn),
            Before::Flag(before) if !was_on => {
                let has_ended = before.mode.is_on() && !flag.mode.is_on();
                has_ended.then_some(HistoryKind::Restored)
            }
            _ => Some(HistoryKind::TurnedOff),
        };
        let mut changed = match &before {
            Before::Flag(before) if is_on && was_on => changed(&before.at(at), &now),
            _ => Vec::new(),
        };
        let kind = match kind {
            None if is_on && !changed.is_empty() => Some(HistoryKind::OptionsUpdated),
            kind => kind,
        };
        if kind != Some(HistoryKind::OptionsUpdated) {
            changed.clear();
        }
        if let Some(kind) = kind {
            let mut entry = entry(version.number, at, kind, &now);
            entry.from = from;
            entry.user.clone_from(&version.user);
            if kind == HistoryKind::OptionsUpdated && !changed.contains(&"reason") {
                entry.reason = None;
            }
            entry.changed = changed;
            if matches!(before, Before::Unknown) {
                told_by_itself(&mut entry, &now, version);
            }
            self.add(entry, is_on, stays);
        }
        if let Some(open) = &mut self.open {
            open.is_drained |= now.drained_at.is_some();
            open.window = now.window.clone().or(open.window.take());
        }
        if let Before::Flag(before) = &before {
            self.scheduled(version, before, &flag);
        }
        self.until = self.until.max(at);
        self.before = Before::Flag(Box::new(flag));
    }

    /// What became of the windows to come.
    fn scheduled(&mut self, version: &FlagVersion, before: &Flag, after: &Flag) {
        let at = version.at;
        let of = |flag: &Flag, window: &WindowId| {
            let mut windows = flag.schedule.windows.iter();
            windows
                .find(|it| it.window == *window && !it.cancelled)
                .cloned()
        };
        let mode = RecordedMode::Mode(after.mode_at(at));
        let mut add = |kind, window: &ScheduledWindow, times_before| {
            let mut entry = entry(version.number, at, kind, after);
            (entry.from, entry.to) = (mode, mode);
            entry.user.clone_from(&version.user);
            entry.by = window.by.clone().filter(|_| kind != HistoryKind::Cancelled);
            entry.source = Some(match window.recurring {
                Some(_) => Source::Schedule,
                None => window.owner.kind.into(),
            });
            // Any person may cancel it.
            entry.source = entry.source.filter(|_| kind != HistoryKind::Cancelled);
            entry.owner = Some(window.owner.clone());
            entry.product.clone_from(&window.product);
            entry.window = Some(window.window.clone());
            entry.reason.clone_from(&window.reason);
            entry.overrode = None;
            entry.times = Some(Times::of(window));
            entry.times_before = times_before;
            entry.result = HistoryResult::Complete;
            self.entries.push(entry);
        };
        for window in before.schedule.to_come(at) {
            match of(after, &window.window) {
                None => add(HistoryKind::Cancelled, window, None),
                Some(now) if Times::of(&now) != Times::of(window) => {
                    add(HistoryKind::Rescheduled, &now, Some(Times::of(window)));
                }
                Some(_) => {}
            }
        }
        for window in after.schedule.to_come(at) {
            if of(before, &window.window).is_none() {
                add(HistoryKind::Scheduled, window, None);
            }
        }
    }

    /// Adds a transition to a flag that is on or off.
    fn add(&mut self, mut entry: HistoryEntry, is_on: bool, stays: bool) {
        match (entry.kind, is_on) {
            (HistoryKind::OptionsUpdated, _) => {
                let owner = self.open.as_ref().and_then(|open| open.owner.clone());
                entry.owner = owner.or(entry.owner);
                entry.result = HistoryResult::Complete;
                self.entries.push(entry);
            }
            (_, true) if stays => self.entries.push(entry),
            (kind, true) => {
                // It is not known when the one before closed.
                self.forget();
                let owner = entry.owner.as_ref();
                match kind {
                    HistoryKind::TurnedOn => entry.source = owner.map(|it| it.kind.into()),
                    HistoryKind::StartedByItself => entry.source = Some(Source::Schedule),
                    _ => {}
                }
                self.open(entry);
            }
            (kind, false) => {
                if kind != HistoryKind::SetByHand {
                    entry.result = HistoryResult::Complete;
                    entry.source = self.closed_by(&entry);
                }
                self.close(entry);
            }
        }
    }

    /// Opens a window by this.
    fn open(&mut self, entry: HistoryEntry) {
        // A bare `on` does not say since when.
        let is_edge = entry.from == RecordedMode::Unknown;
        let is_known = !is_edge || entry.kind != HistoryKind::SetByHand;
        self.open = Some(Open {
            entry: self.entries.len(),
            at: Some(entry.at).filter(|_| is_known),
            window: entry.window.clone(),
            owner: entry.owner.clone(),
            is_drained: false,
        });
        self.entries.push(entry);
    }

    /// Who closed the window that is open. Only the observer that holds one closes it without force.
    fn closed_by(&self, entry: &HistoryEntry) -> Option<Source> {
        if entry.overrode.is_some() {
            return Some(Source::Manual);
        }
        if entry.kind == HistoryKind::Restored {
            return None;
        }
        let owner = self.open.as_ref()?.owner.as_ref();
        Some(owner.map_or(Source::Manual, |owner| owner.kind.into()))
    }

    /// Ends the window that is open, if one is, by this.
    fn close(&mut self, mut entry: HistoryEntry) {
        if let Some(open) = self.open.take() {
            let length = open
                .at
                .and_then(|at| entry.at.duration_since(at).try_into().ok());
            entry.duration = length;
            entry.owner = entry.owner.take().or_else(|| open.owner.clone());
            self.opened(&open, true, length);
        }
        self.entries.push(entry);
    }

    /// Leaves the window that is open, if one is: nothing tells when it closed.
    fn forget(&mut self) {
        if let Some(open) = self.open.take() {
            self.opened(&open, true, None);
        }
    }

    /// Completes the opening of a window. Until it has closed, its functions may be on their way.
    fn opened(&mut self, open: &Open, is_over: bool, length: Option<Duration>) {
        let Some(opening) = self.entries.get_mut(open.entry) else {
            return;
        };
        opening.duration = length;
        opening.result = match (open.is_drained, opening.kind) {
            (true, _) => HistoryResult::Complete,
            (false, HistoryKind::TurnedOn) if is_over => HistoryResult::Partial,
            _ => HistoryResult::Unknown,
        };
    }

    fn end(mut self) -> Vec<HistoryEntry> {
        if let Some(open) = self.open.take() {
            self.opened(&open, false, None);
        }
        self.entries.reverse();
        self.entries
    }

    fn mode_at(&self, at: Timestamp) -> RecordedMode {
        match &self.before {
            Before::Flag(flag) => RecordedMode::Mode(flag.mode_at(at)),
            Before::Unreadable => RecordedMode::Unreadable,
            Before::Unknown => RecordedMode::Unknown,
        }
    }
}

/// The oldest version that is kept may be a later one of its window: when that opened, the flag itself says.
fn told_by_itself(entry: &mut HistoryEntry, flag: &Flag, version: &FlagVersion) {
    let Some(since) = flag.since else {
        return;
    };
    entry.at = since.min(version.at);
    entry.user = None;
    if let Some(owner) = &flag.owner
        && owner.kind == OwnerKind::Manual
    {
        entry.by = Some(owner.name.clone());
    }
}

/// A flag that names nobody was typed by hand, unless it is the one before with what an operator notes in it.
fn is_typed(before: &Before, flag: &Flag) -> bool {
    let names_nobody = flag.by.is_none() && flag.owner.is_none() && flag.since.is_none();
    let bare = |flag: &Flag| Flag {
        window: None,
        drained_at: None,
        schedule: Schedule::default(),
        ..flag.clone()
    };
    let is_before = matches!(before, Before::Flag(before) if bare(before) == bare(flag));
    names_nobody && !is_before
}

fn entry(version: u64, at: Timestamp, kind: HistoryKind, flag: &Flag) -> HistoryEntry {
    let is_typed = kind == HistoryKind::SetByHand;
    HistoryEntry {
        version,
        at,
        kind,
        from: RecordedMode::Unknown,
        to: RecordedMode::Mode(flag.mode_at(at)),
        by: flag.by.clone(),
        user: None,
        source: is_typed.then_some(Source::Manual),
        owner: flag.owner.clone(),
        product: flag.product.clone(),
        window: flag.window.clone(),
        reason: flag.reason.clone(),
        duration: None,
        result: HistoryResult::Unknown,
        changed: Vec::new(),
        times: None,
        times_before: None,
        overrode: flag.overrode.clone(),
        error: None,
    }
}

/// The options in which two flags of one window differ, by the names of their fields.
fn changed(before: &Flag, after: &Flag) -> Vec<&'static str> {
    let fields = [
        ("mode", before.mode != after.mode),
        ("reason", before.reason != after.reason),
        ("message", before.message != after.message),
        ("until", before.until != after.until),
        ("auto_off", before.auto_off != after.auto_off),
        ("retry_after", before.retry_after != after.retry_after),
        ("bypass", before.bypass != after.bypass),
        ("owner", before.owner != after.owner),
        ("product", before.product != after.product),
        // Of a later version of this program.
        ("other", before.unknown != after.unknown),
    ];
    let differ = fields.into_iter().filter(|(_, differs)| *differs);
    differ.map(|(name, _)| name).collect()
}
