//! What would go wrong, as `maintenance doctor` says it.

use maintenance_flag::{App, Role};
use serde::Serialize;

/// What was checked of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// The app, as in `demo-dev`.
    pub app: App,
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

impl Checkup {
    /// Whether an operation would fail, as far as could be checked.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.outcome == CheckOutcome::Failed)
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked: `credentials`, `flag`, `functions`, `events`, `gate`.
    pub name: &'static str,
    /// The role that it is about, if it is about one.
    pub role: Option<Role>,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub advice: Option<Advice>,
}

/// What to do about what a check found. How that is typed or set is the command's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// This action, which does not depend on the caller.
    Text(String),
    /// Turn the role on or off, so that its flag is written anew.
    WriteFlag,
    /// Look at the windows to come.
    SeeSchedule,
    /// Turn the role off, so that what is saved is restored.
    TurnOff(Role),
    /// Wait for the operation to end; end its lease, if it has died.
    Unlock,
    /// Correct which functions the role selects.
    CorrectSelection,
    /// Give the function a dead-letter queue or an on-failure destination, or accept the loss.
    KeepEvents,
    /// Compare the settings of gates that cannot be seen with those of the roles.
    CompareGates,
    /// Configure the role that the gate of this function follows, or have it follow another.
    AddRole {
        /// The role.
        role: Role,
        /// The function.
        function: String,
    },
    /// Configure a TTL of so many seconds for the role, or shorten that of the gate.
    SetTtl(Role, u64),
    /// Configure a timeout of so many seconds for the role.
    SetTimeout(Role, u64),
    /// Have the gate of this function and the app use the same store.
    SameStore(String),
    /// Have the gate of this function and the app use the same prefix.
    SamePrefix(String),
    /// Configure where the site is.
    SetUrl,
    /// Check where the site is configured to be, and the site.
    CheckUrl,
}

impl<T: Into<String>> From<T> for Advice {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// All is well.
    Ok,
    /// It is for a person to judge.
    Warning,
    /// An operation, or a gate, would fail.
    Failed,
    /// It could not be checked.
    NotChecked,
}

impl CheckOutcome {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        }
    }
}
