//! The lease: one operation at a time per app.
//!
//! Leases are numbered parameters. The operator that creates number n+1 after number n was released holds
//! the app; AWS lets exactly one create it. A holder renews its own, says *released* when it is done, and
//! leaves that last one in place: were it deleted, the next operator would have to reuse its name within
//! the 30 s in which Parameter Store may still be forgetting it. Older ones are deleted when a few have
//! gathered, so that a lagging read still finds a newer one.
//!
//! A holder that died does not release. No wall clock decides when it is over, since those of two machines
//! differ: who wants the lease watches it, and takes over once it has not changed for [`Timing::watch`] on
//! the watcher's own monotonic clock. A lease that ended longer ago than any sane skew (`sane_skew`) needs no
//! watching.
//!
//! The holder looks at its lease before it sends a write, unless it looked less than `fresh` ago: that it is
//! still there and its own, and that no other took the next. So an operator that ends a lease by
//! [`unlock`](crate::Control::unlock), or finds that the newest was deleted by hand, waits for
//! [`Timing::notice`] before its first read that counts: by then the holder before has noticed, and its last
//! call has ended.
//!
//! A deleted lease goes unnoticed only while the app's first operation has not written anything yet: then two
//! operations may overlap for up to the notice, and the oldest of what they save counts.
//!
//! A released lease also says what its holder left: the versions of the flags and what is saved. That
//! create-if-absent is answered truly even while reads lag makes this a fence: who got number n+1 knows
//! that number n is the one before, and reads until it sees what n left ([`ReadBarrier`]). Each lease notes
//! its follower before anything is changed, so that a follower that was deleted is missed.
//!
//! | module | |
//! |---|---|
//! | `machine` | what is decided: pure transitions, which a model checker runs, too |
//! | `acquirer`, `guard` | do that on the store: getting the lease, and keeping it |

mod acquirer;
mod guard;
mod machine;

pub(crate) use acquirer::LeaseAcquirer;
pub(crate) use guard::{LeaseGuard, ReadBarrier};

use std::time::Duration;

use maintenance_flag::{Lease, Parameters};

use crate::aws::ATTEMPT_TIMEOUT;
use crate::clock::Clock;
use crate::retry::CHECK_LASTS;
use crate::store::{Store, StoreError, Stored};
use machine::{Moment, Timing};

const TIMING: Timing = Timing {
    term: Duration::from_secs(30),
    renewal: Duration::from_secs(10),
    fresh: Duration::from_secs(3),
    look_timeout: Duration::from_secs(5),
    lag: Duration::from_secs(4),
    check_lasts: CHECK_LASTS,
    attempt_timeout: ATTEMPT_TIMEOUT,
    sane_skew: Duration::from_secs(600),
    pause: Duration::from_millis(250),
    after_failure: Duration::from_secs(1),
    watch_poll: Duration::from_secs(5),
    holder_looks: 8,
    acquirer_looks: 6,
};

/// A lease, unless it is malformed, and how it is stored.
type Found = (Option<Lease>, Stored);

fn moment(clock: Clock) -> Moment {
    Moment {
        wall: clock.now(),
        monotonic: tokio::time::Instant::now().into_std(),
    }
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
