//! Which change of a flag is allowed: DESIGN's table as one pure function.

use jiff::Timestamp;

use crate::document::SCHEMA;
use crate::flag::{Flag, Mode, Owner, OwnerKind};
use crate::names::WindowId;

/// What happens to a role.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody asks for maintenance.
    Enter(Enter),
    /// A person asks to end it.
    Exit(Exit),
    /// An observer sees that all is normal again.
    Normal {
        /// The observer's name.
        observer: String,
        /// When it saw it, UTC.
        at: Timestamp,
    },
}

/// What is recorded of a window that opens.
#[derive(Debug, Clone, PartialEq)]
pub struct Enter {
    /// Who may close it.
    pub owner: Owner,
    /// Who asked: `ana@laptop`.
    pub by: String,
    /// Why, for the team.
    pub reason: Option<String>,
    /// The id of the window, if one opens.
    pub window: WindowId,
    /// Now, UTC.
    pub at: Timestamp,
}

/// A person's wish to end the maintenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Exit {
    /// Who asks: `ana@laptop`.
    pub by: String,
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
    /// The window closed.
    TurnedOff,
    /// None was open; nothing changed.
    AlreadyOff,
}

impl Outcome {
    /// Whether there is something to store.
    #[must_use]
    pub fn changed(self) -> bool {
        match self {
            Self::TurnedOn | Self::TurnedOff => true,
            Self::AlreadyOn | Self::AlreadyOff => false,
        }
    }
}

/// An allowed event: the flag as it shall be, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The flag after the event.
    pub flag: Flag,
    /// What came of it.
    pub outcome: Outcome,
}

/// An event that is not allowed. Nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Someone else holds the window.
    #[error("the window is held by {holder}")]
    Conflict {
        /// Who holds it.
        holder: Owner,
    },
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
pub fn next(current: &Flag, event: Event) -> Result<Step, Refusal> {
    let unchanged = |outcome| {
        Ok(Step {
            flag: current.clone(),
            outcome,
        })
    };
    let step = match (current.mode.is_on(), event) {
        (true, Event::Enter(_)) => return unchanged(Outcome::AlreadyOn),
        (false, Event::Exit(_) | Event::Normal { .. }) => return unchanged(Outcome::AlreadyOff),
        (false, Event::Enter(enter)) => open(current, enter),
        (true, Event::Exit(exit)) => exit_by_person(current, exit)?,
        (true, Event::Normal { observer, at }) => match &current.owner {
            Some(owner) if owner.kind == OwnerKind::Observer && owner.name == observer => {
                close(current, observer, None, None, at)
            }
            holder => {
                return Err(Refusal::Conflict {
                    holder: or_unknown(holder.as_ref()),
                });
            }
        },
    };
    if current.schema > SCHEMA {
        return Err(Refusal::NewerSchema {
            schema: current.schema,
        });
    }
    Ok(step)
}

fn exit_by_person(current: &Flag, exit: Exit) -> Result<Step, Refusal> {
    match (&current.owner, exit.force) {
        (Some(holder), None) if holder.kind == OwnerKind::Observer => Err(Refusal::Conflict {
            holder: holder.clone(),
        }),
        (Some(holder), Some(force)) if holder.kind == OwnerKind::Observer => Ok(close(
            current,
            exit.by,
            Some(force.reason),
            Some(holder.clone()),
            exit.at,
        )),
        (_, force) => Ok(close(
            current,
            exit.by,
            force.map(|force| force.reason),
            None,
            exit.at,
        )),
    }
}

/// A flag typed by hand has no owner: whoever typed it was a person.
fn or_unknown(owner: Option<&Owner>) -> Owner {
    owner
        .cloned()
        .unwrap_or_else(|| Owner::manual("somebody who set the flag by hand"))
}

fn open(current: &Flag, enter: Enter) -> Step {
    let flag = Flag {
        window: Some(enter.window),
        owner: Some(enter.owner),
        by: Some(enter.by),
        reason: enter.reason,
        since: Some(enter.at),
        bypass: current.bypass.clone(),
        unknown: current.unknown.clone(),
        ..Flag::bare(Mode::On)
    };
    Step {
        flag,
        outcome: Outcome::TurnedOn,
    }
}

fn close(
    current: &Flag,
    by: String,
    reason: Option<String>,
    overrode: Option<Owner>,
    at: Timestamp,
) -> Step {
    let flag = Flag {
        window: current.window.clone(),
        by: Some(by),
        reason,
        since: Some(at),
        bypass: current.bypass.clone(),
        overrode,
        unknown: current.unknown.clone(),
        ..Flag::off()
    };
    Step {
        flag,
        outcome: Outcome::TurnedOff,
    }
}
