//! The lease: one operation at a time per app.
//!
//! Leases are numbered parameters. The operator that creates number n+1 after number n was released holds
//! the app; AWS lets exactly one create it. A holder renews its own, says *released* when it is done, and
//! leaves that last one in place: were it deleted, the next operator would have to reuse its name within
//! the 30 s in which Parameter Store may still be forgetting it. Older ones are deleted when a few have
//! gathered, so that a lagging read still finds a newer one.
//!
//! A holder that died does not release. No wall clock decides when it is over, since those of two machines
//! differ: who wants the lease watches it, and takes over once it has not changed for [`WATCH`] on the
//! watcher's own monotonic clock. A lease that ended longer ago than any sane skew ([`SANE_SKEW`]) needs no
//! watching.
//!
//! The holder looks at its lease before it sends a write, unless it looked less than [`FRESH`] ago: that it
//! is still there and its own, and that nobody took the next. So an operator that ends a lease by
//! [`unlock`](crate::Control::unlock), or finds that the newest was deleted by hand, waits for [`NOTICE`]
//! before its first read that counts: by then the holder before has noticed, and its last call has ended.
//!
//! Only in an app's very first operation, before it has written anything, is a deleted lease not missed: then
//! two may work side by side for as long as that, and the oldest of what they save counts.
//!
//! A released lease also says what its holder left: the versions of the flags and what is saved. That
//! create-if-absent is answered truly even while reads lag makes this a fence: who got number n+1 knows
//! that number n is the one before, and reads until it sees what n left ([`Knowledge`]). Each lease notes
//! its follower before anything is changed, so that a follower that was deleted is missed.

mod held;
mod holding;
mod take;

pub(crate) use held::{Held, Knowledge};
pub(crate) use take::Taker;

use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::Parameters;

use crate::aws::ATTEMPT_TIMEOUT;
use crate::retry::CHECK_LASTS;
use crate::store::StoreError;
use crate::store::{Store, Stored};

/// How long a lease lasts unless renewed.
const TERM: Duration = Duration::from_secs(30);
/// How often the holder renews it.
const RENEWAL: Duration = Duration::from_secs(10);
/// How old the holder's last look at its lease may be when it sends a write without another look.
const FRESH: Duration = Duration::from_secs(3);
/// How long one look may take; a longer one says nothing about now.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a read of the store lags behind its writes.
const LAG: Duration = Duration::from_secs(4);
/// How long a lease must not change before it is taken over: its term, a renewal that a lagging read
/// hides, and the last call that its holder may have sent after its last check.
const WATCH: Duration = TERM
    .saturating_add(LAG)
    .saturating_add(CHECK_LASTS)
    .saturating_add(ATTEMPT_TIMEOUT);
/// How long the holder of a lease that was ended may still change something: it sends no write later than
/// a look allows, a look may lag, a setting is read again between the look and the write, and the last call
/// takes time.
pub(crate) const NOTICE: Duration = LOOK_TIMEOUT
    .saturating_add(LAG)
    .saturating_add(CHECK_LASTS)
    .saturating_add(ATTEMPT_TIMEOUT);
/// How long ago a lease must have ended for the difference of two wall clocks to be no explanation.
const SANE_SKEW: Duration = Duration::from_secs(600);

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The leases there are, in order of their numbers.
async fn numbered(store: &Store, names: &Parameters) -> Result<Vec<(u64, Stored)>, StoreError> {
    let listed = store.list(&names.leases()).await?.into_iter();
    let mut numbered: Vec<(u64, Stored)> = listed
        .filter_map(|(name, stored)| Some((names.parse_lease(&name)?, stored)))
        .collect();
    numbered.sort_by_key(|(n, _)| *n);
    Ok(numbered)
}
