//! Observers: monitors that open and close windows of their own.
//!
//! An observer looks at something outside (an address, a file, a database, a command, a parameter, an alarm, a
//! calendar) every so often. When it has seen often enough in a row that maintenance is needed, it turns maintenance on; when it has
//! seen as often that all is normal, it turns off what it has turned on, and nothing else. **Unknown never changes
//! anything.** Its operations are those of the API, so that progress, conflicts, the audit log and the metrics are
//! the same.
//!
//! It does not know the configuration: the command makes [`Observer`]s of it.
//!
//! | module | |
//! |---|---|
//! | [`kinds`] | what can be looked at: a file a kind |
//! | `check_result`, `expected` | what a look comes to, and what a value means |
//! | `observer` | an observer, and what it acts on |
//! | `decide` | what is to be done, from the streak and the flags: pure |
//! | `memory`, `stored` | the streak and the last result, and where they survive a restart |
//! | `watch` | one observer at work |
//! | `all` | all of them: what the API, the pages and the command see |

mod all;
mod check_result;
mod decide;
mod expected;
pub mod kinds;
mod memory;
mod observer;
mod stored;
mod watch;

pub use all::{Checked, Observers};
pub use check_result::CheckResult;
pub use expected::Expected;
pub use kinds::Kind;
pub use observer::{Configured, Observer, Opens, Place};
pub use stored::ObservationStore;
pub use watch::{Note, NoteKind, Setup, View};
