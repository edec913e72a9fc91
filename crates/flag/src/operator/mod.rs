//! For operators only: which transition is allowed, the saved capacity of functions, the lease, and whether a
//! flag fits its parameter. A gate links none of it.

mod capacity;
mod lease;
mod size;
mod transition;

pub use capacity::{Capacity, CapacityDoc, PackError, Reserved, pack};
pub use lease::{Lease, Left};
pub use size::{LeftOut, MAX_NAME_BYTES, MAX_REASON_BYTES, NoRoom, Part, stored_bytes};
pub use transition::{Change, Enter, Event, Exit, Force, Options, Outcome, Refusal, Step, next};
