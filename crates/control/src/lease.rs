//! The lease: one operation at a time per app.
//!
//! Leases are numbered parameters. Whoever creates number n+1 after number n was released or ran out
//! holds the app; AWS lets exactly one create it. A holder renews its own, says *released* when it is
//! done, and leaves that last one in place: were it deleted, the next taker would have to reuse its
//! name within the 30 s in which Parameter Store may still be forgetting it. Older ones are deleted
//! when a few have gathered, so that a lagging read still finds a newer one.
//!
//! A released lease also says what its holder left: the versions of the flags and what is saved. That
//! create-if-absent is answered truly even while reads lag makes this a fence: whoever got number n+1
//! knows that number n is the one before, and reads until it sees what n left ([`Knowledge`]).

mod guard;
mod held;
mod take;

pub use guard::{Guard, Halt};
pub(crate) use held::{Held, Knowledge};
pub use take::Holder;
pub(crate) use take::Taker;

use std::time::Duration;

use jiff::Timestamp;

/// How long a lease lasts unless renewed.
const TERM: Duration = Duration::from_secs(30);

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}
