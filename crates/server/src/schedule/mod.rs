//! Windows that open and close by the clock.
//!
//! A gate opens and closes by itself at the time of a scheduled window: its flag says when. What is left to a
//! process that runs then is here: to keep the next occurrences of recurring windows in the flags, to pause
//! functions when a window has begun, and to restore them when it has ended. It may run beside the API, in a
//! process of its own or in both, or now and then: what is due is found by the flags, whoever was down when.
//!
//! | module | |
//! |---|---|
//! | `recurrence` | when a cron expression in a time zone opens a window |
//! | `windows` | the recurring windows, and which of them overlap |
//! | `due` | what is due: a pure function of windows, flags and the time |
//! | `attempts` | what failed, and when it is tried again |
//! | `coming` | the windows to come of a product, as they are shown |
//! | `times` | from when to when a window may be, as people ask for it |
//! | `told` | what was done, in sentences and as JSON |
//! | `scheduler` | the loop that does what is due |

mod attempts;
mod coming;
mod due;
mod recurrence;
mod scheduler;
mod times;
mod told;
mod windows;

pub use coming::{Coming, coming};
pub use due::{Action, Memory, Standing, due, id, next_due};
pub use recurrence::{Cron, Occurrence, Recurrence, length, time_zone};
pub use scheduler::Scheduler;
pub use times::{TimesError, check_times};
pub use told::{Told, What};
pub use windows::{Overlap, Place, RecurringWindow, overlap};
