//! What an operation did and how things stand: the one result that is printed as text or JSON.
//!
//! The JSON keys are a public contract: they are only ever added to.

mod checkup;
mod history;
mod options;
mod schedule;
mod status;
mod warning;
mod workers;

pub use checkup::{Advice, Check, CheckOutcome, Checkup};
pub use history::{History, RoleTransition};
pub use options::{BypassReport, OptionsReport, Updated};
pub use schedule::{RoleSchedule, ScheduleReport};
pub use status::{Part, RoleStatus, State, Status, Unread, WorkersStatus};
pub use warning::Warning;
pub use workers::{GivenUp, Worker, WorkerState, Workers};

use std::collections::BTreeSet;

use jiff::Timestamp;
use maintenance_flag::{App, Flag, Owner, Product, Role};
use serde::Serialize;

use crate::events::FunctionEvents;
use crate::step::Step;

/// Who holds the lease of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Who: `ana@laptop`.
    pub by: String,
    /// What for: `on worker`.
    pub operation: String,
    /// Since when, UTC.
    pub since: Timestamp,
    /// Until when, unless it is renewed, UTC.
    pub until: Timestamp,
}

/// Which operation a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Maintenance on.
    On,
    /// Maintenance off.
    Off,
}

/// The result of `on` or `off`, or with `dry_run` what they would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The app, as in `demo-dev`.
    pub app: App,
    /// What was asked for.
    pub action: Action,
    /// Nothing was changed; the report says what would be.
    pub dry_run: bool,
    /// A stop was asked for (Ctrl-C), and the operation stopped after the step in hand.
    pub interrupted: bool,
    /// One entry a role, in the order they were worked on.
    pub roles: Vec<RoleReport>,
}

impl Report {
    /// Whether every function is where it should be and nothing was left out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.interrupted && self.roles.iter().all(RoleReport::is_complete)
    }

    /// When no code of any of its roles can still be running, if that is known of all of them.
    #[must_use]
    pub fn drained_at(&self) -> Option<Timestamp> {
        let roles = self.roles.iter().map(|role| role.drained_at);
        roles.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

/// What became of a role's flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleOutcome {
    /// Its window opened (with `dry_run`: would open).
    TurnedOn,
    /// It was on.
    AlreadyOn,
    /// It was on, and its window has other options now (with `dry_run`: would have).
    OptionsUpdated,
    /// Its window closed (with `dry_run`: would close).
    TurnedOff,
    /// It was off.
    AlreadyOff,
    /// It is on by itself, and not for the product that was left: it stays on, and its functions paused.
    LeftOn,
    /// `off` could not restore every function, so the flag stays on.
    StillOn,
    /// An error ended the operation while this role was worked on: `status` says how it stands.
    Unfinished,
    /// The operation ended before this role was begun.
    NotBegun,
}

/// The result for one role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleReport {
    /// The role.
    pub role: Role,
    /// What became of its flag.
    pub outcome: RoleOutcome,
    /// What became of its functions. None if the role selects none and none were saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersReport>,
    /// What its visitors get, after `on`. None if that is the usual page and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<OptionsReport>,
    /// The window that stays open: of [`RoleOutcome::LeftOn`] alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<LeftWindow>,
    /// Its flag as the operation left it or, if its window was closed, as it was before. Not part of the JSON:
    /// `status` has it.
    #[serde(skip)]
    pub flag: Option<Flag>,
    /// When no code of the role can still be running, UTC: with maintenance on, and if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drained_at: Option<Timestamp>,
    /// What an operator should know besides: a malformed flag replaced, another client's write seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl WorkersReport {
    /// The functions that drifted, each once.
    #[must_use]
    pub fn drifted_functions(&self) -> BTreeSet<&str> {
        let drifted = self.drifted.iter();
        drifted.map(|drift| drift.function.as_str()).collect()
    }
}

impl RoleReport {
    /// Of a role with nothing more to say of it yet.
    pub(crate) fn new(role: Role, outcome: RoleOutcome) -> Self {
        Self {
            role,
            outcome,
            workers: None,
            options: None,
            left: None,
            flag: None,
            drained_at: None,
            warnings: Vec::new(),
        }
    }

    /// Whether all of the role is where it should be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let flag = match self.outcome {
            RoleOutcome::StillOn | RoleOutcome::Unfinished | RoleOutcome::NotBegun => false,
            RoleOutcome::TurnedOn | RoleOutcome::AlreadyOn | RoleOutcome::OptionsUpdated => self
                .workers
                .as_ref()
                .is_none_or(|workers| workers.drifted.is_empty()),
            RoleOutcome::TurnedOff | RoleOutcome::AlreadyOff | RoleOutcome::LeftOn => true,
        };
        flag && self
            .workers
            .as_ref()
            .is_none_or(|w| w.failed.is_empty() && w.unfinished.is_empty())
    }
}

/// A window that was not opened for the product that was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftWindow {
    /// Who may close it. None: it was set by hand.
    pub owner: Option<Owner>,
    /// The product that it was opened for, if it was for one.
    pub product: Option<Product>,
}

/// What became of a role's functions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WorkersReport {
    /// How many functions the operation was about.
    pub selected: usize,
    /// Functions that were changed to where they should be (with `dry_run`: would be), by name.
    pub changed: Vec<String>,
    /// Functions that were there already, by name. One that drifted is in [`drifted`](Self::drifted) alone.
    pub unchanged: Vec<String>,
    /// Functions that are not where they should be, and why. The same command again goes on.
    pub failed: Vec<Failure>,
    /// Functions that an interrupted operation did not come to, or left half-way, by name.
    pub unfinished: Vec<String>,
    /// What another client changed meanwhile. Their value was kept.
    pub drifted: Vec<Drift>,
    /// What was saved and does not exist any more: a function, or a part of one.
    pub gone: Vec<String>,
    /// What was saved of what is gone, after `off`: nothing else knows it any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
    /// What becomes of the work of the functions that `on` pauses, by name. Empty for `off`, and where
    /// losing events was accepted beforehand, since then it is not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<FunctionEvents>,
    /// With `dry_run`: the steps for each function that has any, in the order in which they would be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<FunctionSteps>,
}

/// What would be done with one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionSteps {
    /// The function's name.
    pub function: String,
    /// The steps, in order; event source mappings side by side.
    pub steps: Vec<Step>,
}

/// A function that could not be brought to where it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The function's name.
    pub function: String,
    /// Why, in words.
    pub error: String,
    /// What to do about it, if there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the same command would only find it again, until what the hint says is done.
    #[serde(skip)]
    pub is_lasting: bool,
}

impl Failure {
    /// One that the same command may get over.
    pub(crate) fn new(function: &str, error: String, hint: Option<String>) -> Self {
        Self {
            function: function.to_owned(),
            error,
            hint,
            is_lasting: false,
        }
    }
}

/// A setting of a paused function that another client changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The function's name.
    pub function: String,
    /// Which setting: `reserved concurrency`, `provisioned concurrency on live`.
    pub setting: String,
    /// What was saved.
    pub saved: String,
    /// What it is now.
    pub now: String,
}
