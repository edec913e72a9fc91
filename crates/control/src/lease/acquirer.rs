//! Getting the lease, and ending that of a holder that has died: does what an [`Acquirer`] says.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{DecodeError, Flag, Lease, Parameters, Role};

use super::guard::{Holding, LeaseGuard};
use super::machine::{
    Acquirer, AcquirerAction, AcquirerInput, Listed, Moment, Terms, after, standing,
};
use super::{Found, TIMING, moment, numbered};
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
    pub(crate) by: &'a str,
    pub(crate) operation: String,
    /// The roles that are operated on.
    pub(crate) roles: &'a [&'a Role],
    pub(crate) context: &'a Context<'a>,
}

impl LeaseAcquirer<'_> {
    /// Takes the lease once no other operation can be at work.
    pub(crate) async fn take(&self) -> Result<LeaseGuard, Error> {
        let held = self.acquire(Acquirer::new(), Vec::new()).await?;
        held.ok_or(Error::LeaseLost { source: None })
    }

    /// The holder of the lease, which may have died without giving it back.
    pub(crate) async fn holder(&self) -> Result<Option<Holder>, Error> {
        let (_, newest) = self.list().await?;
        Ok(self.holder_of(newest.as_ref()))
    }

    /// Ends this holder's lease by creating the next number, and returns once the holder, if it lives, has
    /// noticed and makes no further change. Returns whose lease it was; refuses if it is another's by now.
    pub(crate) async fn end(&self, shown: &Holder) -> Result<Option<Holder>, Error> {
        let (numbers, newest) = self.list().await?;
        let Some(holder) = self.holder_of(newest.as_ref()) else {
            return Ok(None);
        };
        if (&holder.by, holder.since) != (&shown.by, shown.since) {
            return Err(Error::Busy(holder));
        }
        let acquirer = Acquirer::unlocking(newest);
        if let Some(held) = self.acquire(acquirer, numbers).await? {
            held.release().await;
        }
        Ok(Some(holder))
    }

    fn holder_of(&self, newest: Option<&Listed<Found>>) -> Option<Holder> {
        let now = self.clock.now();
        let is_taken = standing(&TIMING, newest, now).is_taken();
        newest.filter(|_| is_taken).map(|it| holder_of(it, now))
    }

    /// Does what `acquirer` says to the end; `numbers` are those of the leases that it knows. None if the
    /// lease that was to be ended has ended otherwise.
    async fn acquire(
        &self,
        mut acquirer: Acquirer<Found>,
        numbers: Vec<u64>,
    ) -> Result<Option<LeaseGuard>, Error> {
        let mut held = None;
        if let Err(error) = self.perform(&mut acquirer, numbers, &mut held).await {
            if let Some(held) = held.filter(|_| !acquirer.awaits_holder()) {
                held.release().await;
            }
            return Err(error);
        }
        if let Some(held) = &mut held {
            held.previous = acquirer.previous();
        }
        Ok(held)
    }

    async fn perform(
        &self,
        acquirer: &mut Acquirer<Found>,
        mut numbers: Vec<u64>,
        held: &mut Option<LeaseGuard>,
    ) -> Result<(), Error> {
        let mut input = AcquirerInput::Begin;
        loop {
            let now = moment(self.clock);
            let action = acquirer.step(&TIMING, now, input);
            let newest = acquirer.newest();
            input = match action {
                AcquirerAction::List => {
                    let listed;
                    (numbers, listed) = self.list().await?;
                    AcquirerInput::Listed(listed)
                }
                AcquirerAction::Create { n, refusal_counts } => {
                    match self.create(n, now, newest).await {
                        Ok(Ok(created)) => {
                            *held = Some(created);
                            AcquirerInput::Created
                        }
                        Ok(Err(there)) => {
                            numbers.push(n);
                            AcquirerInput::Exists(self.found(n, there)?)
                        }
                        // A folder does not remember a name that was deleted.
                        Err(StoreError::Aws(error)) if refusal_counts && error.is_refusal() => {
                            AcquirerInput::Refused
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                AcquirerAction::AskWhetherOperated => {
                    AcquirerInput::Operated(self.was_operated_on().await?)
                }
                AcquirerAction::Look => {
                    let is_held = match held {
                        Some(held) => self.context.until_stopped(held.look()).await??,
                        None => false,
                    };
                    held.take_if(|_| !is_held);
                    AcquirerInput::Looked(is_held)
                }
                AcquirerAction::NoteFollower => {
                    if let (Some(held), Some(previous)) = (&*held, newest) {
                        self.note_follower(held, previous).await?;
                    }
                    AcquirerInput::Noted
                }
                AcquirerAction::Wait(pause) => self.pause(pause).await?,
                AcquirerAction::Watch(pause) => {
                    if let Some(newest) = newest {
                        let holder = &holder_of(newest, now.wall);
                        let until = after(now.wall, TIMING.watch());
                        self.context.emit(Event::LeaseWatched { holder, until });
                    }
                    self.pause(pause).await?
                }
                AcquirerAction::AwaitHolder(notice) => {
                    let until = after(now.wall, notice);
                    self.context.emit(Event::HolderStopping { until });
                    self.pause(notice).await?
                }
                AcquirerAction::Take => {
                    if let Some(held) = held {
                        self.forget(&numbers, held.fence()).await;
                    }
                    return Ok(());
                }
                AcquirerAction::Refuse => {
                    let holder = newest.map(|newest| holder_of(newest, now.wall));
                    return Err(holder.map_or(Error::LeaseLost { source: None }, Error::Busy));
                }
                AcquirerAction::Leave => return Ok(()),
            };
        }
    }

    async fn pause(&self, pause: Duration) -> Result<AcquirerInput<Found>, Error> {
        self.context.until_stopped(self.clock.sleep(pause)).await?;
        Ok(AcquirerInput::Elapsed)
    }

    /// Creates the lease after this one, or says what is there.
    async fn create(
        &self,
        n: u64,
        now: Moment,
        previous: Option<&Listed<Found>>,
    ) -> Result<Result<LeaseGuard, Stored>, StoreError> {
        let mut left = match previous {
            Some(Listed {
                stored: (Some(lease), _),
                ..
            }) => lease.left.clone(),
            _ => BTreeMap::new(),
        };
        left.extend(self.roles.iter().map(|role| (role.to_string(), None)));
        let lease = Lease {
            id: format!("{:016x}", fastrand::u64(..)),
            by: self.by.to_owned(),
            operation: self.operation.clone(),
            acquired: now.wall,
            expires: after(now.wall, TIMING.term),
            released: false,
            follower: None,
            left,
        };
        let stop = &self.context.stop;
        let (name, value) = (self.names.lease(n), lease.encode());
        let fence = Fence::without_lease(stop.clone());
        if let Created::Exists(there) = self.store.create(&name, &value, Some(&fence)).await? {
            return Ok(Err(there));
        }
        let (store, names) = (self.store.apart(), self.names.clone());
        let seen = self.store.as_created(&value);
        let holding = Holding::new((self.clock, now), store, names, n, (lease, seen));
        Ok(Ok(LeaseGuard::new(holding, stop.clone())))
    }

    async fn note_follower(
        &self,
        held: &LeaseGuard,
        previous: &Listed<Found>,
    ) -> Result<(), StoreError> {
        let (Some(lease), seen) = &previous.stored else {
            return Ok(());
        };
        let follower = Some(held.id().to_owned());
        let noted = Lease {
            follower,
            ..lease.clone()
        };
        let (name, value) = (self.names.lease(previous.n), noted.encode());
        let (seen, fence) = (Some(seen), Some(held.fence()));
        self.store.replace(&name, &value, seen, fence).await?;
        Ok(())
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

    /// The numbers of the leases there are, and the newest.
    async fn list(&self) -> Result<(Vec<u64>, Option<Listed<Found>>), Error> {
        let listed = numbered(self.store, self.names);
        let mut leases = self.context.until_stopped(listed).await??;
        let numbers = leases.iter().map(|(n, _)| *n).collect();
        let newest = leases.pop().map(|(n, stored)| self.found(n, stored));
        Ok((numbers, newest.transpose()?))
    }

    /// A newer version's lease is one that we must not pass over.
    fn found(&self, n: u64, stored: Stored) -> Result<Listed<Found>, Error> {
        let lease = match Lease::decode(&stored.value) {
            Ok(lease) => Some(lease),
            Err(DecodeError::Malformed { .. }) => None,
            Err(source) => {
                let name = self.names.lease(n);
                return Err(Error::Unreadable { name, source });
            }
        };
        let terms = lease.as_ref().map(|lease| Terms {
            expires: lease.expires,
            released: lease.released,
            followed: lease.follower.is_some(),
        });
        let stored = (lease, stored);
        Ok(Listed { n, terms, stored })
    }

    /// Deletes old leases when a few have gathered. A failure here is only logged.
    async fn forget(&self, ended: &[u64], fence: &Fence) {
        if ended.len() < GATHERED {
            return;
        }
        let old = &ended[..ended.len() - KEPT];
        let old: Vec<String> = old.iter().map(|n| self.names.lease(*n)).collect();
        if let Err(error) = self.store.delete(&old, Some(fence)).await {
            tracing::warn!(%error, "could not delete old leases");
        }
    }
}

/// The holder that a stored lease names.
fn holder_of(lease: &Listed<Found>, now: Timestamp) -> Holder {
    match &lease.stored.0 {
        Some(lease) => Holder {
            by: lease.by.clone(),
            operation: lease.operation.clone(),
            since: lease.acquired,
            until: lease.expires,
        },
        None => Holder {
            by: "unknown".to_owned(),
            operation: "an operation".to_owned(),
            since: now,
            until: now,
        },
    }
}
