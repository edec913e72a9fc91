//! The control plane of `maintenance`: what an operator runs.
//!
//! [`Control`] turns maintenance on and off for the roles of one app and says how things stand. It
//! writes flags to a [`Store`], and for roles with functions it pauses and restores them through a
//! [`Fleet`]. Every operation returns one report; nothing here prints or ends the process.
//!
//! Reading order: `control` (the operations), `workers` (pause and restore), `lease`, then the
//! adapters `store` and `fleet`.

mod aws;
mod clock;
mod control;
mod drain;
mod error;
mod event;
mod events;
mod execute;
mod fleet;
mod heartbeat;
mod known_roles;
mod lease;
mod observe;
mod operation;
mod pace;
mod parameters;
mod plan;
mod report;
mod request;
mod retry;
mod saved;
mod selection;
mod status;
mod stop;
mod store;
mod waits;

pub use aws::{
    AccessError, AwsSettings, Calls, Clients, SettingError, Unanswered, check_url, connect,
};
pub use clock::Clock;
pub use control::Control;
pub use drain::Drain;
pub use error::{Error, LambdaError, StoreError};
pub use event::{Event, Run, Waiting};
pub use events::{Arrival, Fate, FunctionEvents};
pub use fleet::Fleet;
pub use lease::{Guard, Halt, Holder};
pub use pace::Pace;
pub use plan::Step;
pub use report::{
    Action, BypassReport, Drift, Failure, FunctionSteps, GivenUp, OptionsReport, Part, Report,
    RoleOutcome, RoleReport, RoleStatus, Settings, State, Status, Unread, Updated, Worker,
    WorkerState, Workers, WorkersReport, WorkersStatus,
};
pub use request::{Link, Off, On, RoleSpec, Who};
pub use selection::{Selection, SelectionError};
pub use stop::Stop;
pub use store::{Created, FileHooks, FileStore, Revision, SsmStore, Store, Stored, Written};
