//! What only an operator needs: which transition is allowed, what is saved of functions, who is operating, and
//! whether a flag fits its parameter. A gate links none of it.

mod capacity;
mod lease;
mod size;
mod transition;

pub use capacity::{Capacity, CapacityDoc, PackError, Reserved, pack};
pub use lease::{Lease, Left};
pub use size::{LeftOut, MAX_NAME_BYTES, MAX_REASON_BYTES, NoRoom, Part, stored_bytes};
pub use transition::{Change, Enter, Event, Exit, Force, Options, Outcome, Refusal, Step, next};
