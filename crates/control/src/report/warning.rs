//! What an operator should know beside the outcome.

use std::fmt;

use jiff::Timestamp;
use maintenance_flag::{DecodeError, Mode, Role, Truncated};
use serde::{Serialize, Serializer};

/// How many functions a sentence names before it counts the rest.
const NAMED: usize = 10;

/// What an operator should know of a role beside its outcome. Its text is plain English for every user of
/// this library, and is its JSON; times in it are UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The stored flag cannot be read. An operation replaces it.
    Malformed(DecodeError),
    /// The flag has no room for all that was stored in it.
    Truncated(Vec<Truncated>),
    /// Another client wrote the flag at the same moment; that was overwritten.
    Overwrote {
        /// Who wrote it, if its flag says so.
        by: Option<String>,
        /// The mode that was written, or why it cannot be read.
        mode: Result<Mode, DecodeError>,
    },
    /// The flag turns off by itself, and nothing restores the functions then.
    TurnsOffAlone {
        /// The role.
        role: Role,
        /// When, UTC.
        at: Timestamp,
    },
    /// The triggers of these functions cannot be seen for want of a permission.
    TriggersHidden {
        /// The IAM action: `lambda:GetPolicy`.
        action: String,
        /// The functions.
        functions: Vec<String>,
    },
    /// These functions are at 0, and nothing was saved for them when the window opened.
    SavedAtZero(Vec<String>),
    /// These functions are at 0, and nothing is saved for them.
    Unexplained(Vec<String>),
    /// Whether functions are at 0 with nothing saved could not be read.
    UnexplainedUnread(String),
    /// Parameters with saved settings were deleted.
    SavedGone(Vec<String>),
    /// A window to come cannot be read: no gate opens or closes by it.
    UnreadableWindow(DecodeError),
    /// The role is on by a scheduled window whose time has come, and nothing has paused its functions yet.
    NotPausedYet(Role),
    /// The role stays on until the functions of another role are restored.
    WaitsFor(Role),
    /// The role is off, and settings of its functions are still saved.
    StillSaved {
        /// The role.
        role: Role,
        /// How many functions.
        functions: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Truncated(parts) => {
                let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
                let parts = parts.join(" and ");
                write!(
                    f,
                    "the flag has no room for all that was stored: {parts} left out"
                )
            }
            Self::Overwrote { by, mode: Ok(mode) } => {
                let by = by.as_deref().unwrap_or("another client");
                write!(
                    f,
                    "{by} set the flag to {mode} at the same moment; that was overwritten"
                )
            }
            Self::Overwrote {
                mode: Err(error), ..
            } => write!(
                f,
                "another client wrote the flag at the same moment; that was overwritten: {error}"
            ),
            Self::TurnsOffAlone { at, .. } => write!(
                f,
                "the flag turns off by itself at {at}, and the functions stay paused until maintenance is turned off"
            ),
            Self::TriggersHidden { action, functions } => {
                let named = functions[..functions.len().min(NAMED)].join(", ");
                let more = match functions.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "cannot see the triggers of {named}{more}: allow {action}"
                )
            }
            Self::SavedAtZero(functions) => write!(
                f,
                "at 0, and nothing was saved for it until now: {}",
                functions.join(", ")
            ),
            Self::Unexplained(functions) => {
                write!(
                    f,
                    "at 0, and nothing is saved for it: {}",
                    functions.join(", ")
                )
            }
            Self::UnexplainedUnread(error) => {
                write!(
                    f,
                    "could not check for functions at 0 with nothing saved: {error}"
                )
            }
            Self::SavedGone(parameters) => {
                write!(
                    f,
                    "the settings saved in {} are gone",
                    parameters.join(", ")
                )
            }
            Self::UnreadableWindow(error) => {
                write!(
                    f,
                    "a scheduled window cannot be read, and is ignored: {error}"
                )
            }
            Self::NotPausedYet(role) => write!(
                f,
                "the functions of the {role} role are not paused yet: its window opened by its time alone"
            ),
            Self::WaitsFor(role) => write!(
                f,
                "it stays on, since not every function of the {role} role is restored"
            ),
            Self::StillSaved { functions, .. } => {
                let s = if *functions == 1 { "" } else { "s" };
                write!(
                    f,
                    "it is off, but the settings of {functions} function{s} are still saved"
                )
            }
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
