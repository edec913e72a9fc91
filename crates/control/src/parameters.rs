//! Reading a role's parameters, however much reads lag behind writes.
//!
//! The holder of the lease knows what the operation before left, and reads until it sees that. If the
//! operation before died, that is unknown: then a few looks have to do, and at least the length of a lease
//! has passed since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use maintenance_flag::{DecodeError, Flag, LeaseRecord, Role};

use crate::control::Control;
use crate::error::Error;
use crate::lease::ReadBarrier;
use crate::saved::Saved;
use crate::store::Stored;

/// How often to look for what must be there, before taking it that it was removed by hand.
const LOOKS: u32 = 24;
/// How often to look when it is unknown what must be there.
const BLIND_LOOKS: u32 = 6;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// What to make of saved capacity that one look saw and a later one did not, and that the operation before
/// may have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StaleReads {
    /// The last look counts: what was saved and is gone again must be saved anew.
    Forgets,
    /// It may be there, hidden by a read that lags: what was saved must be restored.
    Keeps,
}

/// How often to look again.
fn looks(barrier: &ReadBarrier) -> u32 {
    match barrier {
        ReadBarrier::Fresh => 0,
        ReadBarrier::Left(_) => LOOKS,
        ReadBarrier::Unknown => BLIND_LOOKS,
    }
}

/// A role's flag as it was read.
pub(crate) struct Read {
    pub(crate) stored: Option<Stored>,
    pub(crate) flag: Result<Flag, DecodeError>,
}

impl Read {
    pub(crate) fn new(stored: Option<Stored>) -> Self {
        let flag = match &stored {
            None => Ok(Flag::off()),
            Some(stored) => Flag::decode(&stored.value),
        };
        Self { stored, flag }
    }

    /// The version of the flag; 0 if there is none.
    pub(crate) fn version(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| stored.revision.0)
    }
}

impl Control {
    /// Reads a flag once.
    pub(crate) async fn read(&self, role: &Role) -> Result<Read, Error> {
        Ok(Read::new(self.store.get(&self.names.flag(role)).await?))
    }

    /// Reads a role's flag and what is saved for it, until they are what is known to be there.
    pub(crate) async fn read_known(
        &self,
        role: &Role,
        barrier: &ReadBarrier,
        stale_reads: StaleReads,
    ) -> Result<(Read, Saved), Error> {
        let (read, saved) = tokio::join!(
            self.read_flag(role, barrier),
            self.read_saved(role, barrier, stale_reads)
        );
        Ok((read?, saved?))
    }

    async fn read_flag(&self, role: &Role, barrier: &ReadBarrier) -> Result<Read, Error> {
        let mut newest = self.read(role).await?;
        for _ in 0..looks(barrier) {
            if matches!(barrier, ReadBarrier::Left(left) if newest.version() >= left.flag) {
                break;
            }
            self.clock.sleep(PAUSE).await;
            let read = self.read(role).await?;
            if read.version() >= newest.version() {
                newest = read;
            }
        }
        Ok(newest)
    }

    async fn read_saved(
        &self,
        role: &Role,
        barrier: &ReadBarrier,
        stale_reads: StaleReads,
    ) -> Result<Saved, Error> {
        let path = self.names.capacities(role);
        let mut last: BTreeMap<_, _> = self.store.list(&path).await?.into_iter().collect();
        let mut earlier = BTreeMap::new();
        for _ in 0..looks(barrier) {
            if let ReadBarrier::Left(LeaseRecord { saved, .. }) = barrier {
                let names = last.keys().chain(earlier.keys());
                let numbers = names.filter_map(|name| self.names.parse_capacity(role, name));
                if numbers.collect::<BTreeSet<_>>() == *saved {
                    break;
                }
            }
            self.clock.sleep(PAUSE).await;
            let mut seen = std::mem::replace(
                &mut last,
                self.store.list(&path).await?.into_iter().collect(),
            );
            seen.retain(|name, _| {
                stale_reads == StaleReads::Keeps && self.is_left(role, name, barrier)
            });
            earlier.extend(seen);
        }
        let mut saved = Saved::recall(&self.names, role, last, earlier);
        if let ReadBarrier::Left(left) = barrier {
            saved.misses(&left.saved);
        }
        Ok(saved)
    }

    /// Whether what the operation before left has this parameter of saved capacity in it, or may have.
    fn is_left(&self, role: &Role, name: &str, barrier: &ReadBarrier) -> bool {
        match barrier {
            ReadBarrier::Fresh => false,
            ReadBarrier::Left(LeaseRecord { saved, .. }) => {
                let number = self.names.parse_capacity(role, name);
                number.is_some_and(|number| saved.contains(&number))
            }
            ReadBarrier::Unknown => true,
        }
    }
}
