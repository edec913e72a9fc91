//! For operators only: which transition is allowed, the saved capacity of functions, the lease, access to the server, and whether a
//! flag fits its parameter. A gate links none of it.

mod access_token;
mod capacity;
mod event;
mod history;
mod lease;
mod observation;
mod scheduling;
mod size;
mod transition;

pub use access_token::{AccessSecret, AccessToken, Scope, Session};
pub use capacity::{Capacity, CapacityDoc, PackError, Reserved, pack};
pub use event::{
    Change, Enter, Event, Exit, Force, Options, Outcome, Overlap, Refusal, Transition,
};
pub use history::{
    FlagVersion, HistoryEntry, HistoryKind, HistoryResult, RecordedMode, Source, Times, transitions,
};
pub use lease::{Lease, LeaseRecord};
pub use observation::{Observation, Verdict};
pub use scheduling::{
    CancelWindow, MAX_SCHEDULED, MoveWindow, ScheduleEvent, ScheduleOutcome, ScheduleTransition,
    ScheduleWindow, reschedule,
};
pub use size::{
    Field, MAX_NAME_BYTES, MAX_REASON_BYTES, MAX_SCHEDULE_BYTES, TooLarge, Truncated, stored_bytes,
};
pub use transition::next;
