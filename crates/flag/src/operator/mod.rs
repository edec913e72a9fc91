//! For operators only: which transition is allowed, the saved capacity of functions, the lease, access to the server, and whether a
//! flag fits its parameter. A gate links none of it.

mod access_token;
mod capacity;
mod lease;
mod size;
mod transition;

pub use access_token::{AccessSecret, AccessToken, Scope, Session};
pub use capacity::{Capacity, CapacityDoc, PackError, Reserved, pack};
pub use lease::{Lease, LeaseRecord};
pub use size::{Field, MAX_NAME_BYTES, MAX_REASON_BYTES, TooLarge, Truncated, stored_bytes};
pub use transition::{
    Change, Enter, Event, Exit, Force, Options, Outcome, Refusal, Transition, next,
};
