//! What became of windows to come, and how they stand.

use jiff::Timestamp;
use maintenance_flag::{
    App, Mode, Owner, Product, Role, ScheduleOutcome, ScheduledWindow, WindowId,
};
use serde::{Serialize, Serializer};

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
    #[serde(serialize_with = "serialize_window")]
    pub window: ScheduledWindow,
    /// The window as it was before it was moved.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_some"
    )]
    pub before: Option<ScheduledWindow>,
    /// Whether the role has functions: no gate pauses them, so that a process has to run at the start.
    pub has_functions: bool,
    /// What an operator should know besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A scheduled window as a report has it.
#[derive(Debug, Clone, Serialize)]
pub struct WindowDocument<'a> {
    window: &'a WindowId,
    starts_at: Timestamp,
    until: Timestamp,
    mode: Mode,
    owner: &'a Owner,
    by: Option<&'a str>,
    reason: Option<&'a str>,
    message: Option<&'a str>,
    retry_after: Option<u32>,
    product: Option<&'a Product>,
    recurring: Option<&'a str>,
    accept_event_loss: bool,
    cancelled: bool,
}

impl<'a> From<&'a ScheduledWindow> for WindowDocument<'a> {
    fn from(window: &'a ScheduledWindow) -> Self {
        Self {
            window: &window.window,
            starts_at: window.starts_at,
            until: window.until,
            mode: window.mode,
            owner: &window.owner,
            by: window.by.as_deref(),
            reason: window.reason.as_deref(),
            message: window.message.as_deref(),
            retry_after: window.retry_after,
            product: window.product.as_ref(),
            recurring: window.recurring.as_deref(),
            accept_event_loss: window.accept_event_loss,
            cancelled: window.cancelled,
        }
    }
}

fn serialize_window<S: Serializer>(
    window: &ScheduledWindow,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    WindowDocument::from(window).serialize(serializer)
}

fn serialize_some<S: Serializer>(
    window: &Option<ScheduledWindow>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    window
        .as_ref()
        .map(WindowDocument::from)
        .serialize(serializer)
}
