//! The control plane of `maintenance`: what an operator runs.
//!
//! [`Control`] turns maintenance on and off for the roles of one app and says how things stand. It
//! writes flags to a [`Store`], and for roles with functions it pauses and restores them through a
//! [`Fleet`]. Every operation returns one report; nothing here prints or ends the process.
//!
//! # Where things are
//!
//! An operation is *observe*, *plan*, *execute*, under a lease. The layers, each of which knows only those
//! above it in this list:
//!
//! | module | |
//! |---|---|
//! | `fence`, `rate_limiter`, `aws`, `retry` | how AWS is called: when a call may be made, how often, and again |
//! | `fleet`, `store` | AWS Lambda; Parameter Store or a folder |
//! | `events`, [`Step`], `report`, `request`, `error` | the vocabulary |
//! | `lease` | one operation at a time |
//! | `saved`, `observe` | what is saved, and how functions stand |
//! | `plan` | what will be done: the order of the steps that pause and restore is at [`Step`] |
//! | `execute` | does it |
//! | `operation`, `invoke`, `status`, `history` | [`Control`]'s verbs |
//! | `apps`, `doctor` | every app of a store; what would go wrong |
//! | [`describe`] | what a report says, as sentences |
//! | [`Probe`] | what observers look at in AWS |
//!
//! # To read the code
//!
//! - The order of the steps, and where to add one: [`Step`].
//! - What happens when the lease is lost between two steps: `fence` refuses every further write, so that `make_all`
//!   in `execute/function` ends there, for each function. Nothing is rolled back: `operation::finish` reports what
//!   was done, and the same command again continues. (`lease/machine` decides that the lease is lost.)
//! - One app or several: `operation/apps`.

mod apps;
mod aws;
mod clock;
mod control;
pub mod describe;
mod doctor;
mod drain;
mod error;
mod event;
mod events;
mod execute;
mod fence;
mod fleet;
mod heartbeat;
mod history;
mod invoke;
mod known_roles;
mod lease;
pub mod limits;
mod observe;
mod operation;
mod parameters;
mod plan;
mod probe;
mod rate_limiter;
mod report;
mod request;
mod retry;
mod saved;
mod selection;
mod status;
mod step;
mod store;
mod text;
mod waits;

pub use apps::apps;
pub use aws::{
    AccessError, AwsError, AwsErrorKind, AwsSettings, CallerIdentity, Calls, Clients, CloudWatch,
    Identity, SettingError, Unanswered, Visit, Visitor, check_url, connect,
};
pub use clock::Clock;
pub use control::Control;
pub use doctor::Surroundings;
pub use drain::Drain;
pub use error::{Error, InvokeRefusal};
pub use event::{Context, Event};
pub use events::{Delivery, FunctionEvents, Trigger};
pub use fence::{AbortReason, Fence};
pub use fleet::{Answer, Fleet, LambdaError};
pub use invoke::{InvokeEnd, InvokePlan, InvokeReport, InvokeRequest};
pub use operation::{
    AddWindow, AppRoles, Request, ScheduleRequest, operate_together, plan_reschedule_together,
    plan_together, reschedule_together,
};
pub use probe::{AlarmState, CalendarState, Probe, ProbeError, ProbedParameter};
pub use rate_limiter::RateLimiter;
pub use report::{
    Action, BypassReport, Drift, Failure, FunctionSteps, GivenUp, History, Holder, LeftWindow,
    OptionsReport, Part, Report, RoleOutcome, RoleReport, RoleSchedule, RoleStatus, RoleTransition,
    ScheduleReport, State, Status, Unread, Updated, Warning, Worker, WorkerState, Workers,
    WorkersReport, WorkersStatus,
};
pub use report::{Advice, Check, CheckOutcome, Checkup};
pub use request::{Actor, BypassLink, OffRequest, OnRequest, RoleSpec};
pub use selection::{Selection, SelectionError};
pub use step::Step;
pub use store::{
    Created, FileHooks, FileStore, Revision, SsmStore, Store, StoreError, Stored, Written,
};
pub use text::in_full;
pub use waits::Waiting;

/// How an operation is asked to stop.
pub use tokio_util::sync::CancellationToken;
