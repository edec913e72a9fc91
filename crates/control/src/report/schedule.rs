//! What became of windows to come, and how they stand.

use maintenance_flag::{App, Role, ScheduleOutcome, ScheduledWindow};
use serde::Serialize;

use super::Warning;

/// The result of a change of the schedule, or with `dry_run` what it would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleReport {
    /// The app, as in `demo-dev`.
    pub app: App,
    /// Nothing was changed; the report says what would be.
    pub dry_run: bool,
    /// One entry a role that has the window, in the order they were worked on.
    pub roles: Vec<RoleSchedule>,
}

/// What became of the window of one role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleSchedule {
    /// The role.
    pub role: Role,
    /// What became of the window.
    pub outcome: ScheduleOutcome,
    /// The window as it is now; one that was cancelled as it was.
    pub window: ScheduledWindow,
    /// The window as it was before it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<ScheduledWindow>,
    /// Whether the role has functions: no gate pauses them, so that a process has to run at the start.
    pub has_functions: bool,
    /// What an operator should know besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}
