//! For operators only: which transition is allowed, the saved capacity of functions, the lease, and whether a
//! flag fits its parameter. A gate links none of it.

mod capacity;
mod lease;
mod size;
mod transition;

pub use capacity::{Capacity, CapacityDoc, PackError, Reserved, pack};
pub use lease::{Lease, LeaseRecord};
pub use size::{Field, MAX_NAME_BYTES, MAX_REASON_BYTES, TooLarge, Truncated, stored_bytes};
pub use transition::{
    Change, Enter, Event, Exit, Force, Options, Outcome, Refusal, Transition, next,
};
