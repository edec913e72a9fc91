//! Which change of a flag is allowed: DESIGN's table as one pure function.

use jiff::Timestamp;

use super::size::{self, TooLarge, Truncated};
use crate::bypass::{AddressRange, Bypass, PathPattern, StoredToken};
use crate::document::SCHEMA;
use crate::flag::{Flag, Mode, Owner, OwnerKind};
use crate::names::{Product, WindowId};

/// Who holds a window whose flag names no owner.
const SET_BY_HAND: &str = "a person who set the flag by hand";

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

    fn apply(self, flag: &mut Flag) {
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
    /// A window opened.
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
    fn new(flag: Flag, outcome: Outcome) -> Self {
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
    /// A newer version wrote the flag. Rewriting it could lose what this version does not understand.
    #[error("the flag was written by a newer version (schema {schema})")]
    NewerSchema {
        /// The schema number found.
        schema: u64,
    },
}

/// What becomes of `current` on `event`.
///
/// # Errors
/// [`Refusal`], if the event is not allowed: see the table in the project's design, whose every row is
/// a test here.
pub fn next(current: &Flag, event: Event) -> Result<Transition, Refusal> {
    let unchanged = |outcome| Ok(Transition::new(current.clone(), outcome));
    let step = match (current.mode.is_on(), event) {
        (false, Event::Exit(_) | Event::Normal { .. }) => return unchanged(Outcome::AlreadyOff),
        (_, Event::Enter(enter)) => {
            let at = enter.at;
            let step = if current.mode_at(enter.at).is_on() {
                update(current, *enter)?
            } else {
                open(current, *enter)
            };
            if step.outcome == Outcome::AlreadyOn {
                return Ok(step);
            }
            // One that has passed would open the role at once.
            if step.flag.auto_off && step.flag.until.is_none_or(|end| end <= at) {
                return Err(Refusal::NoEnd);
            }
            step
        }
        (true, Event::Exit(Exit { product, .. }) | Event::Normal { product, .. })
            if product.is_some() && product != current.product =>
        {
            return unchanged(Outcome::LeftOn);
        }
        (true, Event::Exit(exit)) => exit_by_person(current, exit)?,
        (true, Event::Normal { observer, at, .. }) => {
            let is_holder = current.owner == Some(Owner::observer(observer.as_str()));
            // A window that has ended by itself has no holder.
            if !is_holder && current.mode_at(at).is_on() {
                let holder = current.owner.clone();
                // A person typed a flag without an owner.
                let holder = holder.unwrap_or_else(|| Owner::manual(SET_BY_HAND));
                return Err(Refusal::Conflict { holder });
            }
            close(current, observer, None, None, at)
        }
    };
    if current.schema > SCHEMA {
        return Err(Refusal::NewerSchema {
            schema: current.schema,
        });
    }
    Ok(step)
}

fn exit_by_person(current: &Flag, exit: Exit) -> Result<Transition, Refusal> {
    // A window that has ended by itself has no holder.
    let is_on = current.mode_at(exit.at).is_on();
    let mut holder = current.owner.clone();
    holder = holder.filter(|owner| owner.kind == OwnerKind::Observer && is_on);
    match (holder, exit.force) {
        (Some(holder), None) => Err(Refusal::Conflict { holder }),
        (holder, force) => {
            let reason = force.map(|force| force.reason);
            Ok(close(current, exit.by, reason, holder, exit.at))
        }
    }
}

fn open(current: &Flag, enter: Enter) -> Transition {
    let mut flag = Flag {
        window: Some(enter.window),
        owner: Some(enter.owner),
        product: enter.product,
        by: Some(enter.by),
        reason: enter.reason,
        since: Some(enter.at),
        unknown: current.unknown.clone(),
        ..Flag::bare(mode(enter.read_only))
    };
    // A bypass of the last window is none of this one.
    enter.options.apply(&mut flag);
    Transition::new(flag, Outcome::TurnedOn)
}

fn mode(read_only: bool) -> Mode {
    if read_only { Mode::ReadOnly } else { Mode::On }
}

/// The window stays, with its owner and time; the reason and the options may be others.
fn update(current: &Flag, enter: Enter) -> Result<Transition, Refusal> {
    let mut flag = current.clone();
    if enter.product.is_some() && enter.product != current.product {
        return Ok(Transition::new(flag, Outcome::AlreadyOn));
    }
    // A monitor that repeats its alarm must not close what a person left open to readers, nor say why they
    // turned it on.
    if enter.owner.kind == OwnerKind::Manual || current.owner.as_ref() == Some(&enter.owner) {
        flag.mode = mode(enter.read_only);
        flag.reason = enter.reason.or(flag.reason);
    }
    enter.options.apply(&mut flag);
    if flag == *current {
        return Ok(Transition::new(flag, Outcome::AlreadyOn));
    }
    // Only the observer may change when its window ends, by any option.
    if let Some(holder) = &current.owner
        && holder.kind == OwnerKind::Observer
        && *holder != enter.owner
        && flag.opens_at() != current.opens_at()
    {
        return Err(Refusal::Conflict {
            holder: holder.clone(),
        });
    }
    flag.by = Some(enter.by);
    Ok(Transition::new(flag, Outcome::OptionsUpdated))
}

fn close(
    current: &Flag,
    by: String,
    reason: Option<String>,
    overrode: Option<Owner>,
    at: Timestamp,
) -> Transition {
    let flag = Flag {
        window: current.window.clone(),
        by: Some(by),
        reason,
        since: Some(at),
        overrode,
        unknown: current.unknown.clone(),
        ..Flag::off()
    };
    // The stored flag must never keep a window from closing.
    let (flag, truncated) = size::fit(flag);
    Transition {
        flag,
        outcome: Outcome::TurnedOff,
        truncated,
    }
}
