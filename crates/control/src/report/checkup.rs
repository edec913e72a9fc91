//! What would go wrong, as `maintenance doctor` says it.

use maintenance_flag::{App, Role};
use serde::{Serialize, Serializer};

use super::display;

/// What was checked of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// The app, as in `demo-dev`.
    #[serde(serialize_with = "display")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `credentials`, `flag`, `functions`, `events`, `gate`.
    #[serde(rename = "check")]
    pub name: &'static str,
    /// The role that it is about, if it is about one.
    #[serde(serialize_with = "display_role")]
    pub role: Option<Role>,
    /// How it ended.
    #[serde(rename = "result")]
    pub outcome: CheckOutcome,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
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

fn display_role<S: Serializer>(role: &Option<Role>, serializer: S) -> Result<S::Ok, S::Error> {
    role.as_ref().map(Role::as_str).serialize(serializer)
}
