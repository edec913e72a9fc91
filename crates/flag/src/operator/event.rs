//! What happens to a flag, and what comes of it.

use std::fmt;

use jiff::Timestamp;

use super::size::{self, TooLarge, Truncated};
use crate::bypass::{AddressRange, Bypass, PathPattern, StoredToken};
use crate::flag::Flag;
use crate::mode::Mode;
use crate::names::{Product, WindowId};
use crate::owner::Owner;

/// What happens to a role.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A person or an observer asks for maintenance.
    Enter(Box<Enter>),
    /// A person asks to end it.
    Exit(Exit),
    /// An observer sees that all is normal again.
    Normal {
        /// The observer's name.
        observer: String,
        /// Close only what was opened for this product.
        product: Option<Product>,
        /// When it saw it, UTC.
        at: Timestamp,
    },
    /// The clock: write the scheduled window whose time has come.
    Start {
        /// Now, UTC.
        at: Timestamp,
    },
    /// The clock: close the window whose end has come, whoever opened it.
    End {
        /// Who looks at the clock.
        by: String,
        /// Now, UTC.
        at: Timestamp,
    },
}

impl Event {
    /// When it happens.
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Enter(enter) => enter.at,
            Self::Exit(exit) => exit.at,
            Self::Normal { at, .. } | Self::Start { at } | Self::End { at, .. } => *at,
        }
    }
}

/// A request to open a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Enter {
    /// Who may close it.
    pub owner: Owner,
    /// Who asked: `ana@laptop`.
    pub by: String,
    /// The product that it is opened for. A window that is open for something else stays as it is.
    pub product: Option<Product>,
    /// Why, for the team.
    pub reason: Option<String>,
    /// The id of the window, if one opens.
    pub window: WindowId,
    /// Now, UTC.
    pub at: Timestamp,
    /// Let safe methods (GET, HEAD, OPTIONS) pass.
    pub read_only: bool,
    /// What visitors are told, and who may pass.
    pub options: Options,
}

impl Enter {
    /// The flag of the window that it opens.
    pub(super) fn opened(self, current: &Flag) -> Flag {
        let mut flag = Flag {
            window: Some(self.window),
            owner: Some(self.owner),
            product: self.product,
            by: Some(self.by),
            reason: self.reason,
            since: Some(self.at),
            schedule: current.schedule.clone(),
            unknown: current.unknown.clone(),
            ..Flag::bare(mode(self.read_only))
        };
        // A bypass of the last window is none of this one.
        self.options.apply(&mut flag);
        flag
    }
}

pub(super) fn mode(read_only: bool) -> Mode {
    if read_only { Mode::ReadOnly } else { Mode::On }
}

/// How one option of a window changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// As it is; in a new window, nothing.
    #[default]
    Keep,
    /// Nothing any more.
    Clear,
    /// This.
    Set(T),
}

impl<T> Change<T> {
    /// This; `other` if this is `Keep`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Keep => other,
            Self::Clear | Self::Set(_) => self,
        }
    }

    fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
}

impl<T> Change<Vec<T>> {
    fn apply_list(self, to: &mut Vec<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => to.clear(),
            Self::Set(list) => *to = list,
        }
    }
}

/// What may be said of a window when it opens, and changed while it is open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// What to tell the visitors.
    pub message: Change<String>,
    /// When the maintenance is expected to end, UTC.
    pub until: Change<Timestamp>,
    /// Whether the role opens by itself at `until`; none leaves it as it is.
    pub auto_off: Option<bool>,
    /// What `Retry-After` shall say, seconds; else it counts down to `until`.
    pub retry_after: Change<u32>,
    /// The token of the bypass link.
    pub token: Change<StoredToken>,
    /// Addresses that may pass.
    pub addresses: Change<Vec<AddressRange>>,
    /// Paths that may pass.
    pub paths: Change<Vec<PathPattern>>,
}

impl Options {
    /// These, and `others` where these are `Keep`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            message: self.message.or(others.message),
            until: self.until.or(others.until),
            auto_off: self.auto_off.or(others.auto_off),
            retry_after: self.retry_after.or(others.retry_after),
            token: self.token.or(others.token),
            addresses: self.addresses.or(others.addresses),
            paths: self.paths.or(others.paths),
        }
    }

    pub(super) fn apply(self, flag: &mut Flag) {
        self.message.apply(&mut flag.message);
        self.until.apply(&mut flag.until);
        self.retry_after.apply(&mut flag.retry_after);
        if let Some(auto_off) = self.auto_off {
            flag.auto_off = auto_off;
        }
        let mut bypass = Bypass::read(flag.bypass.as_ref());
        let before = bypass.clone();
        self.token.apply(&mut bypass.token);
        self.addresses.apply_list(&mut bypass.addresses);
        self.paths.apply_list(&mut bypass.paths);
        // An entry of a later version is not to be lost by a change of something else.
        if bypass != before {
            flag.bypass = bypass.write(flag.bypass.as_ref());
        }
    }
}

/// A person's request to end the maintenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Exit {
    /// Who asks: `ana@laptop`.
    pub by: String,
    /// Close only what was opened for this product.
    pub product: Option<Product>,
    /// Override an observer that holds the window.
    pub force: Option<Force>,
    /// Now, UTC.
    pub at: Timestamp,
}

/// An override: it has a reason, which is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Force {
    /// Why the observer is overridden.
    pub reason: String,
}

/// What came of an allowed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A window opened. One that was scheduled, and is open because its time has come, is written.
    TurnedOn,
    /// One was open already; nothing changed.
    AlreadyOn,
    /// One was open already, and has other options now.
    OptionsUpdated,
    /// The window closed.
    TurnedOff,
    /// None was open; nothing changed.
    AlreadyOff,
    /// The product that was left has not opened this window; it stays open.
    LeftOn,
}

impl Outcome {
    /// Whether there is something to store.
    #[must_use]
    pub fn changed(self) -> bool {
        match self {
            Self::TurnedOn | Self::OptionsUpdated | Self::TurnedOff => true,
            Self::AlreadyOn | Self::AlreadyOff | Self::LeftOn => false,
        }
    }
}

/// An allowed event: the flag as it shall be, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The flag after the event.
    pub flag: Flag,
    /// What came of it.
    pub outcome: Outcome,
    /// The fields that a flag lost to fit, when a window closes. Opening one loses nothing:
    /// [`check_size`](Self::check_size).
    pub truncated: Vec<Truncated>,
}

impl Transition {
    pub(super) fn new(flag: Flag, outcome: Outcome) -> Self {
        let truncated = Vec::new();
        Self {
            flag,
            outcome,
            truncated,
        }
    }

    /// Checks that the flag can be stored, and with the fields that are added later: the name of a window
    /// that was opened by hand, and when it is drained.
    ///
    /// # Errors
    /// [`TooLarge`] says how many bytes it would take, and which fields are the largest.
    pub fn check_size(&self) -> Result<(), TooLarge> {
        size::check(&self.flag, self.outcome == Outcome::TurnedOn)
    }
}

/// The window that another one would overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Its identity; none if it was opened by hand.
    pub window: Option<WindowId>,
    /// Whether it is open.
    pub is_open: bool,
    /// When it opens or was opened, UTC, if that is known.
    pub starts_at: Option<Timestamp>,
    /// When it ends, UTC. None: it has no end, and so overlaps all that comes.
    pub until: Option<Timestamp>,
    /// Who opened or scheduled it.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The name of the recurring window that it is an occurrence of.
    pub recurring: Option<String>,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.recurring, &self.window) {
            (Some(name), _) => write!(f, "the recurring window {name}")?,
            (None, Some(window)) => write!(f, "the window {window}")?,
            (None, None) => f.write_str("the window that was opened by hand")?,
        }
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        match (self.is_open, self.starts_at, self.until) {
            (true, _, Some(until)) => write!(f, ", which is open until {until}"),
            (true, _, None) => f.write_str(", which is open and has no end"),
            (false, Some(start), Some(until)) => write!(f, " ({start} to {until})"),
            (false, ..) => Ok(()),
        }
    }
}

/// An event that is not allowed. Nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another owner holds the window.
    #[error("the window is held by {holder}")]
    Conflict {
        /// Who holds it.
        holder: Owner,
    },
    /// A role that shall open by itself needs a time to come to do so.
    #[error("the window has no end ahead at which it could open by itself")]
    NoEnd,
    /// A window to come has to begin later than now.
    #[error("the window would start at {starts_at}, which has passed")]
    StartsInPast {
        /// When it would start, UTC.
        starts_at: Timestamp,
    },
    /// A window to come ends after it has started.
    #[error("the window would end at {until}, and start at {starts_at}")]
    EndsFirst {
        /// When it would start, UTC.
        starts_at: Timestamp,
        /// When it would end, UTC.
        until: Timestamp,
    },
    /// Two windows at one time.
    #[error("it would overlap {0}")]
    Overlaps(Box<Overlap>),
    /// A flag has room for so many windows to come.
    #[error("there are {most} windows to come already, and may be no more")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// No such window is to come.
    #[error("no window {window} is scheduled")]
    NotScheduled {
        /// The window asked for.
        window: WindowId,
    },
    /// A window that is open is neither moved nor cancelled.
    #[error("the window {window} has begun, at {starts_at}")]
    HasBegun {
        /// The window.
        window: WindowId,
        /// When it began, UTC.
        starts_at: Timestamp,
    },
    /// A newer version wrote the flag. Rewriting it could lose what this version does not understand.
    #[error("the flag was written by a newer version (schema {schema})")]
    NewerSchema {
        /// The schema number found.
        schema: u64,
    },
}
