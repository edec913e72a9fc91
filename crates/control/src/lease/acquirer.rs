//! Getting the lease, and ending that of a holder that has died: does what an [`Acquirer`] says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maintenance_flag::{DecodeError, Flag, Lease, Parameters, Role};
use tokio::time::Instant;

use super::guard::{Holding, LeaseGuard, PreviousLease};
use super::machine::{Acquire, Acquired, Acquirer, Listed, Moment, Previous, after, standing};
use super::{TIMING, listed, moment, numbered};
use crate::clock::Clock;
use crate::error::Error;
use crate::event::{Context, Event};
use crate::fence::Fence;
use crate::report::Holder;
use crate::store::{Created, Store, StoreError, Stored};

/// How many ended leases may gather before the oldest are deleted. The newest of them stay.
const GATHERED: usize = 6;
/// How many ended leases stay when the others are deleted.
const KEPT: usize = 3;

/// What is needed to take a lease.
pub(crate) struct LeaseAcquirer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) names: &'a Parameters,
    pub(crate) clock: Clock,
    /// Where this process's monotonic clock begins.
    pub(crate) origin: Instant,
    pub(crate) by: &'a str,
    pub(crate) operation: String,
    /// The roles that are operated on.
    pub(crate) roles: &'a [&'a Role],
    pub(crate) context: &'a Context<'a>,
}

impl LeaseAcquirer<'_> {
    /// Takes the lease once no other operation can be at work.
    pub(crate) async fn take(&self) -> Result<LeaseGuard, Error> {
        self.acquire(Acquirer::new()).await?.ok_or(Error::LeaseLost)
    }

    /// Who holds the lease, or died without giving it back.
    pub(crate) async fn holder(&self) -> Result<Option<Holder>, Error> {
        Ok(self.holder_among(&self.numbered().await?))
    }

    /// Ends this holder's lease by creating the next number, and returns once the holder, if it lives, has
    /// noticed and makes no further change. Returns whose lease it was; refuses if it is another's by now.
    pub(crate) async fn end(&self, shown: &Holder) -> Result<Option<Holder>, Error> {
        let leases = self.numbered().await?;
        let Some(holder) = self.holder_among(&leases) else {
            return Ok(None);
        };
        if (&holder.by, holder.since) != (&shown.by, shown.since) {
            return Err(holder.into());
        }
        if let Some(held) = self.acquire(Acquirer::unlocking(leases)).await? {
            held.release().await;
        }
        Ok(Some(holder))
    }

    fn holder_among(&self, leases: &[Listed<Stored>]) -> Option<Holder> {
        let now = self.clock.now();
        let newest = leases.last()?;
        standing(&TIMING, leases, now)
            .is_taken()
            .then(|| holder_of(&newest.stored.value, now))
    }

    /// Does what `acquirer` says to the end. None if the lease that was to be ended has ended otherwise.
    async fn acquire(&self, mut acquirer: Acquirer<Stored>) -> Result<Option<LeaseGuard>, Error> {
        let mut held: Option<LeaseGuard> = None;
        let mut input = Acquired::Begin;
        loop {
            let now = moment(self.clock, self.origin);
            let done = match acquirer.step(&TIMING, now, input) {
                Acquire::Take => {
                    if let Some(held) = &mut held {
                        held.previous = previous(&acquirer);
                        self.forget(acquirer.leases(), held.fence()).await;
                    }
                    return Ok(held);
                }
                Acquire::Leave => return Ok(None),
                Acquire::Refuse => {
                    return Err(match acquirer.leases().last() {
                        Some(newest) => holder_of(&newest.stored.value, now.wall).into(),
                        None => Error::LeaseLost,
                    });
                }
                action => self.perform(action, now, &acquirer, &mut held).await,
            };
            input = match (done, held.take()) {
                (Ok(Acquired::Looked(false)), _) => Acquired::Looked(false),
                (Ok(input), still) => {
                    held = still;
                    input
                }
                (Err(error), still) => {
                    if let Some(held) = still.filter(|_| !acquirer.awaits_holder()) {
                        held.release().await;
                    }
                    return Err(error);
                }
            };
        }
    }

    async fn perform(
        &self,
        action: Acquire,
        now: Moment,
        acquirer: &Acquirer<Stored>,
        held: &mut Option<LeaseGuard>,
    ) -> Result<Acquired<Stored>, Error> {
        let stop = &self.context.stop;
        let leases = acquirer.leases();
        match (action, held) {
            (Acquire::List, _) => return Ok(Acquired::Listed(self.numbered().await?)),
            (Acquire::Create { n, refusal_counts }, held) => {
                let lease = self.lease(now, leases);
                let (name, value) = (self.names.lease(n), lease.encode());
                let fence = Fence::without_lease(stop.clone());
                match self.store.create(&name, &value, Some(&fence)).await {
                    Ok(Created::New) => {}
                    Ok(Created::Exists(stored)) => {
                        let lease = listed(n, stored);
                        self.check_readable(&lease)?;
                        return Ok(Acquired::Exists(lease));
                    }
                    // A folder does not remember a name that was deleted.
                    Err(StoreError::Failed { .. }) if refusal_counts && self.store.may_lag() => {
                        return Ok(Acquired::Refused);
                    }
                    Err(error) => return Err(error.into()),
                }
                let (store, names) = (self.store.apart(), self.names.clone());
                let seen = self.store.as_created(&value);
                let time = (self.clock, self.origin, now);
                let holding = Holding::new(time, store, names, n, (lease, seen));
                *held = Some(LeaseGuard::new(holding, stop.clone()));
                return Ok(Acquired::Created);
            }
            (Acquire::AskWhetherOperated, _) => {
                return Ok(Acquired::Operated(self.was_operated_on().await?));
            }
            (Acquire::Look, Some(held)) => {
                return Ok(Acquired::Looked(
                    self.context.until_stopped(held.look()).await??,
                ));
            }
            (Acquire::NoteFollower, Some(held)) => {
                if let Some(Listed { n, stored, .. }) = leases.last()
                    && let Ok(mut lease) = Lease::decode(&stored.value)
                {
                    lease.follower = Some(held.id().to_owned());
                    let (name, value) = (self.names.lease(*n), lease.encode());
                    let (seen, fence) = (Some(stored), Some(held.fence()));
                    self.store.replace(&name, &value, seen, fence).await?;
                }
                return Ok(Acquired::Noted);
            }
            (Acquire::Watch(_), _) => {
                if let Some(newest) = leases.last() {
                    let holder = &holder_of(&newest.stored.value, now.wall);
                    let until = after(now.wall, TIMING.watch());
                    self.context.emit(Event::LeaseWatched { holder, until });
                }
            }
            (Acquire::AwaitHolder(notice), _) => {
                let until = after(now.wall, notice);
                self.context.emit(Event::HolderStopping { until });
            }
            _ => {}
        }
        if let Acquire::Wait(pause) | Acquire::Watch(pause) | Acquire::AwaitHolder(pause) = action {
            self.context.until_stopped(self.clock.sleep(pause)).await?;
        }
        Ok(Acquired::Elapsed)
    }

    /// The lease to create after these.
    fn lease(&self, now: Moment, leases: &[Listed<Stored>]) -> Lease {
        let before = leases.last().map(|it| Lease::decode(&it.stored.value));
        let mut left = match before {
            Some(Ok(lease)) => lease.left,
            _ => BTreeMap::new(),
        };
        left.extend(self.roles.iter().map(|role| (role.to_string(), None)));
        Lease {
            id: format!("{:016x}", fastrand::u64(..)),
            by: self.by.to_owned(),
            operation: self.operation.clone(),
            acquired: now.wall,
            expires: after(now.wall, TIMING.term),
            released: false,
            follower: None,
            left,
        }
    }

    /// Whether an operation on the app came before, though there is no other lease: then the last of them
    /// may still be at work.
    async fn was_operated_on(&self) -> Result<bool, Error> {
        let flags = self
            .context
            .until_stopped(self.store.list(&self.names.flags()))
            .await??;
        // One that was typed by hand has no author.
        let is_ours =
            |stored: &Stored| Flag::decode(&stored.value).is_ok_and(|flag| flag.by.is_some());
        if flags.iter().any(|(_, stored)| is_ours(stored)) {
            return Ok(true);
        }
        let saved = self.names.all_capacities();
        Ok(!self
            .context
            .until_stopped(self.store.list(&saved))
            .await??
            .is_empty())
    }

    async fn numbered(&self) -> Result<Vec<Listed<Stored>>, Error> {
        let leases = self
            .context
            .until_stopped(numbered(self.store, self.names))
            .await??;
        leases.last().map_or(Ok(()), |it| self.check_readable(it))?;
        Ok(leases)
    }

    /// A newer version's lease is one that we must not pass over.
    fn check_readable(&self, lease: &Listed<Stored>) -> Result<(), Error> {
        match Lease::decode(&lease.stored.value) {
            Ok(_) | Err(DecodeError::Malformed { .. }) => Ok(()),
            Err(source) => Err(Error::Unreadable {
                name: self.names.lease(lease.n),
                source,
            }),
        }
    }

    /// Deletes old leases when a few have gathered. That this fails is no reason not to work.
    async fn forget(&self, ended: &[Listed<Stored>], fence: &Fence) {
        if ended.len() < GATHERED {
            return;
        }
        let old = &ended[..ended.len() - KEPT];
        let old: Vec<String> = old.iter().map(|it| self.names.lease(it.n)).collect();
        if let Err(error) = self.store.delete(&old, Some(fence)).await {
            tracing::warn!(%error, "could not delete old leases");
        }
    }
}

fn previous(acquirer: &Acquirer<Stored>) -> PreviousLease {
    match acquirer.previous() {
        Previous::None => PreviousLease::None,
        Previous::Unreadable => PreviousLease::Unreadable,
        Previous::Known(lease) => match Lease::decode(&lease.stored.value) {
            Ok(lease) => PreviousLease::Recorded(lease.left),
            Err(_) => PreviousLease::Unreadable,
        },
    }
}

/// The holder that a stored lease names.
fn holder_of(lease: &str, now: Timestamp) -> Holder {
    match Lease::decode(lease) {
        Ok(lease) => Holder {
            by: lease.by,
            operation: lease.operation,
            since: lease.acquired,
            until: lease.expires,
        },
        Err(_) => Holder {
            by: "unknown".to_owned(),
            operation: "an operation".to_owned(),
            since: now,
            until: now,
        },
    }
}
