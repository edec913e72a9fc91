//! What an operation did with each app, or would do, as the API answers it.

use jiff::Timestamp;
use maintenance_control::{FunctionEvents, Report, RoleReport, WorkersReport};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What was done with an app, or would be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppResult {
    /// The app: `billing-prod`.
    pub app: String,
    /// The server was stopped in the middle. The same request again continues.
    pub interrupted: bool,
    /// Its roles, in the order in which they were worked on.
    pub roles: Vec<RoleResult>,
}

/// What was done with a role, or would be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleResult {
    /// The role.
    pub role: String,
    /// What became of its flag: `turned_on`, `already_on`, `options_updated`, `turned_off`, `already_off`,
    /// `left_on`, `still_on`, `unfinished`, `not_begun`.
    pub outcome: Value,
    /// What became of its functions. Null if it has none.
    pub functions: Option<FunctionsResult>,
    /// When no code of the role can still be running, RFC 3339, UTC: with maintenance on, and if it is known.
    pub drained_at_utc: Option<Timestamp>,
    /// What an operator should know besides.
    pub warnings: Vec<String>,
}

/// What became of the functions of a role.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunctionsResult {
    /// How many it was about.
    pub selected: usize,
    /// Those that were changed to where they should be, by name.
    pub changed: Vec<String>,
    /// Those that were there already, by name.
    pub unchanged: Vec<String>,
    /// Those that are not where they should be, and why.
    pub failed: Vec<FunctionFailure>,
    /// Those that were not come to, or were left half-way, by name.
    pub unfinished: Vec<String>,
    /// Those that another client changed while they were paused, by name. Their value was kept.
    pub drifted: Vec<String>,
    /// What was saved and does not exist any more, by name.
    pub gone: Vec<String>,
    /// What happens to the work of those that are paused.
    pub events: Vec<EventsResult>,
    /// Of a dry run: what would be done with each, in order.
    pub steps: Vec<StepsResult>,
}

/// A function that could not be brought to where it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FunctionFailure {
    /// The function's name.
    pub function: String,
    /// Why.
    pub error: String,
    /// What to do about it, if there is something.
    pub hint: Option<String>,
}

/// What arrives at a function, and what becomes of it while the function is paused.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsResult {
    /// The function's name.
    pub function: String,
    /// Whether asynchronous events are lost, as far as can be read.
    pub lossy: bool,
    /// What invokes it: `from` (a service or principal), `source` (an ARN), `qualifier`, and `fate`:
    /// `queued`, `in_stream`, `throttled`, `sent`, `unknown` or `lost`.
    #[schema(value_type = Vec<Object>)]
    pub triggers: Vec<Value>,
    /// IAM actions that were missing to see all of it.
    pub missing_permissions: Vec<String>,
    /// Reads that failed, and why: until they succeed, this counts as a loss.
    pub read_errors: Vec<String>,
}

/// What would be done with a function.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StepsResult {
    /// The function's name.
    pub function: String,
    /// The steps: each has a `step`, such as `reserve_zero`, and what it is about.
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<Value>,
}

/// As JSON. What cannot be written says so in its place: nothing of a report can fail to be.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| error.to_string().into())
}

impl From<&Report> for AppResult {
    fn from(report: &Report) -> Self {
        Self {
            app: report.app.to_string(),
            interrupted: report.interrupted,
            roles: report.roles.iter().map(RoleResult::from).collect(),
        }
    }
}

impl From<&RoleReport> for RoleResult {
    fn from(report: &RoleReport) -> Self {
        Self {
            role: report.role.to_string(),
            outcome: json(&report.outcome),
            functions: report.workers.as_ref().map(FunctionsResult::from),
            drained_at_utc: report.drained_at,
            warnings: report.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&WorkersReport> for FunctionsResult {
    fn from(report: &WorkersReport) -> Self {
        let failure = |failed: &maintenance_control::Failure| FunctionFailure {
            function: failed.function.clone(),
            error: failed.error.clone(),
            hint: failed.hint.clone(),
        };
        let steps = |it: &maintenance_control::FunctionSteps| StepsResult {
            function: it.function.clone(),
            steps: it.steps.iter().map(json).collect(),
        };
        let drifted = report.drifted_functions().into_iter();
        Self {
            selected: report.selected,
            changed: report.changed.clone(),
            unchanged: report.unchanged.clone(),
            failed: report.failed.iter().map(failure).collect(),
            unfinished: report.unfinished.clone(),
            drifted: drifted.map(str::to_owned).collect(),
            gone: report.gone.clone(),
            events: report.events.iter().map(EventsResult::from).collect(),
            steps: report.steps.iter().map(steps).collect(),
        }
    }
}

impl From<&FunctionEvents> for EventsResult {
    fn from(events: &FunctionEvents) -> Self {
        Self {
            function: events.function.clone(),
            lossy: events.is_lossy(),
            triggers: events.arrivals.iter().map(json).collect(),
            missing_permissions: events.unseen.clone(),
            read_errors: events.unread.clone(),
        }
    }
}
