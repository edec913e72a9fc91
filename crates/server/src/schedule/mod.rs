//! Windows that open and close by the clock.
//!
//! | module | |
//! |---|---|
//! | `recurrence` | when a cron expression in a time zone opens a window |
//! | `windows` | the recurring windows, and which of them overlap |

mod recurrence;
mod windows;

pub use recurrence::{Cron, Occurrence, Recurrence, length, time_zone};
pub use windows::{Overlap, Place, RecurringWindow, overlap};
