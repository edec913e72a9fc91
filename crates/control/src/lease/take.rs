//! Taking the lease, and ending that of a holder that has died.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{DecodeError, Flag, Lease, Left, Parameters, Role};
use tokio::time::Instant;

use super::held::Held;
use super::holding::{Holding, Moment};
use super::{NOTICE, SANE_SKEW, TERM, WATCH, after, numbered};
use crate::clock::Clock;
use crate::error::Error;
use crate::event::{Context, Event};
use crate::fence::Fence;
use crate::report::Holder;
use crate::store::StoreError;
use crate::store::{Created, Store, Stored};

/// How many ended leases may gather before the oldest are deleted. The newest of them stay.
const GATHERED: usize = 6;
/// How many ended leases stay when the others are deleted.
const KEPT: usize = 3;
/// How often to look before calling it busy: a lagging read may show a lease that was given back.
const LOOKS: u32 = 6;
/// The pause between two such looks.
const PAUSE: Duration = Duration::from_millis(250);
/// How often to look at a lease that is watched. A living holder renews it more seldom.
const WATCH_POLL: Duration = Duration::from_secs(5);

/// The lease before ours.
#[derive(Debug, Clone)]
pub(super) enum Before {
    None,
    Unreadable,
    Left(BTreeMap<String, Option<Left>>),
}

/// Whether the next lease may be created.
enum Standing {
    /// Yes.
    Free,
    /// Yes, but its holder may be at work for a little longer.
    Ended,
    /// No: by our clock, too, its term has not ended.
    Held(Holder),
    /// That depends on whether it still changes: by our clock its term has ended, or begins in the future.
    Doubtful(Holder),
}

/// What is needed to take a lease.
pub(crate) struct Taker<'a> {
    pub(crate) store: &'a Store,
    pub(crate) names: &'a Parameters,
    pub(crate) clock: Clock,
    pub(crate) by: &'a str,
    pub(crate) operation: String,
    /// The roles that are operated on.
    pub(crate) roles: &'a [&'a Role],
    pub(crate) context: &'a Context<'a>,
}

impl Taker<'_> {
    /// Takes the lease once no other operation can be at work.
    pub(crate) async fn take(&self) -> Result<Held, Error> {
        let mut looks = 0;
        let mut leases = self.numbered().await?;
        loop {
            let newest = leases.last().cloned();
            let standing = match &newest {
                Some((n, stored)) => self.standing(*n, stored)?,
                None => Standing::Free,
            };
            let ended = match standing {
                Standing::Free => Some(false),
                Standing::Ended => Some(true),
                // Only when no read that lags can be behind it: what changes from now on is alive.
                Standing::Doubtful(holder) if looks == LOOKS => {
                    leases = self.watch(&leases, &holder).await?;
                    match leases.last() == newest.as_ref() {
                        true => Some(false),
                        false => {
                            self.refuse_held(&leases)?;
                            looks = 0;
                            None
                        }
                    }
                }
                Standing::Held(_) | Standing::Doubtful(_) => None,
            };
            if let Some(ended) = ended
                && let Some(held) = self.create(&mut leases, ended).await?
            {
                return Ok(held);
            }
            // Another was quicker, or our read lagged: look again.
            if looks == LOOKS {
                return Err(match leases.last() {
                    Some((_, stored)) => holder_of(&stored.value, self.clock.now()).into(),
                    None => Error::LeaseLost,
                });
            }
            looks += 1;
            self.pause(PAUSE).await?;
            let read = self.numbered().await?;
            // A read that lags does not undo what creating has shown.
            if read.last().map(|(n, _)| *n) >= leases.last().map(|(n, _)| *n) {
                leases = read;
            }
        }
    }

    /// Who holds the lease, or died without giving it back.
    pub(crate) async fn holder(&self) -> Result<Option<Holder>, Error> {
        let leases = self.numbered().await?;
        let Some((n, stored)) = leases.last() else {
            return Ok(None);
        };
        Ok(match self.standing(*n, stored)? {
            Standing::Held(holder) | Standing::Doubtful(holder) => Some(holder),
            Standing::Free | Standing::Ended => None,
        })
    }

    /// Ends this holder's lease by creating the next number, and returns once the holder, if it lives, has
    /// noticed and makes no further change. Returns whose lease it was; refuses if it is another's by now.
    pub(crate) async fn end(&self, shown: &Holder) -> Result<Option<Holder>, Error> {
        let mut leases = self.numbered().await?;
        let Some((n, stored)) = leases.last() else {
            return Ok(None);
        };
        let (Standing::Held(holder) | Standing::Doubtful(holder)) = self.standing(*n, stored)?
        else {
            return Ok(None);
        };
        if (&holder.by, holder.since) != (&shown.by, shown.since) {
            return Err(holder.into());
        }
        match self.create(&mut leases, true).await? {
            Some(held) => {
                held.release().await;
                Ok(Some(holder))
            }
            // Another took it over in the same moment; that one is not what was looked at.
            None => {
                self.refuse_held(&leases)?;
                Ok(Some(holder))
            }
        }
    }

    /// Refuses if the newest of these leases is not given back.
    fn refuse_held(&self, leases: &[(u64, Stored)]) -> Result<(), Error> {
        if let Some((n, stored)) = leases.last()
            && let Standing::Held(holder) | Standing::Doubtful(holder) =
                self.standing(*n, stored)?
        {
            return Err(holder.into());
        }
        Ok(())
    }

    /// Creates the lease after these, unless it exists: then it is added to them. With `ended`, returns it
    /// only once the holder before must have noticed.
    async fn create(
        &self,
        leases: &mut Vec<(u64, Stored)>,
        ended: bool,
    ) -> Result<Option<Held>, Error> {
        let previous = leases.last().cloned();
        let mut n = previous.as_ref().map_or(0, |(n, _)| *n) + 1;
        let decoded = previous
            .as_ref()
            .map(|(_, stored)| Lease::decode(&stored.value));
        let acquired = Moment::now(self.clock);
        let mut left = match &decoded {
            Some(Ok(lease)) => lease.left.clone(),
            None | Some(Err(_)) => BTreeMap::new(),
        };
        left.extend(self.roles.iter().map(|role| (role.to_string(), None)));
        let lease = Lease {
            id: format!("{:016x}", fastrand::u64(..)),
            by: self.by.to_owned(),
            operation: self.operation.clone(),
            acquired: acquired.wall,
            expires: after(acquired.wall, TERM),
            released: false,
            follower: None,
            left,
        };
        let value = lease.encode();
        let fence = Fence::without_lease(self.context.stop.clone());
        // Its follower's number is free again if that one was deleted by hand.
        let was_followed = |lease: &Lease| lease.follower.is_some();
        let mut vanished = matches!(&decoded, Some(Ok(lease)) if was_followed(lease));
        let mut created = self
            .store
            .create(&self.names.lease(n), &value, Some(&fence))
            .await;
        let may_be_forgotten = vanished || previous.is_none();
        if may_be_forgotten && matches!(created, Err(StoreError::Failed { .. })) {
            // A name that was deleted a moment ago may be refused, and is not needed. Its holder may live.
            vanished = true;
            n += 1;
            let name = self.names.lease(n);
            created = self.store.create(&name, &value, Some(&fence)).await;
        }
        if let Created::Exists(stored) = created? {
            leases.push((n, stored));
            return Ok(None);
        }
        let holding = Arc::new(Holding::new(
            self.clock,
            self.store.apart(),
            self.names.clone(),
            (n, lease.id.clone()),
            acquired,
        ));
        let fence = Fence::new(holding.clone(), self.context.stop.clone());
        let (before, all_vanished) = match decoded {
            None if self.was_operated_on().await? => (Before::Unreadable, true),
            None => (Before::None, false),
            Some(Ok(lease)) if !vanished => (Before::Left(lease.left), false),
            Some(_) => (Before::Unreadable, false),
        };
        let may_be_at_work = ended || vanished || all_vanished;
        let seen = self.store.as_created(&value);
        let held = Held::new(holding.clone(), fence, before, lease, seen);
        match self.settle(&held, &holding, previous, may_be_at_work).await {
            Ok(true) => {
                self.forget(leases, held.fence()).await;
                Ok(Some(held))
            }
            // Our first read lagged by many leases.
            Ok(false) => Ok(None),
            Err(error) => {
                // The next operation has to wait, too, if this one did not wait to the end.
                if !may_be_at_work {
                    held.release().await;
                }
                Err(error)
            }
        }
    }

    /// Makes sure that the lease that was just created is the newest, has the one before name its
    /// follower, and waits until that one's holder must have noticed, if it may be at work.
    async fn settle(
        &self,
        held: &Held,
        holding: &Holding,
        previous: Option<(u64, Stored)>,
        may_be_at_work: bool,
    ) -> Result<bool, Error> {
        if !self.context.until_stopped(holding.look()).await?? {
            return Ok(false);
        }
        if let Some((n, stored)) = previous
            && let Ok(mut lease) = Lease::decode(&stored.value)
        {
            lease.follower = Some(holding.id.clone());
            let (name, value) = (self.names.lease(n), lease.encode());
            let (seen, fence) = (Some(&stored), Some(held.fence()));
            self.store.replace(&name, &value, seen, fence).await?;
        }
        if may_be_at_work {
            let until = after(self.clock.now(), NOTICE);
            self.context.emit(Event::HolderStopping { until });
            self.pause(NOTICE).await?;
        }
        Ok(true)
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

    async fn numbered(&self) -> Result<Vec<(u64, Stored)>, Error> {
        Ok(self
            .context
            .until_stopped(numbered(self.store, self.names))
            .await??)
    }

    async fn pause(&self, duration: Duration) -> Result<(), Error> {
        Ok(self
            .context
            .until_stopped(self.clock.sleep(duration))
            .await?)
    }

    /// Watches the newest of these leases until it has not changed for so long that its holder must have
    /// stopped, or until it changes. Returns the leases as they are then.
    async fn watch(
        &self,
        leases: &[(u64, Stored)],
        holder: &Holder,
    ) -> Result<Vec<(u64, Stored)>, Error> {
        let started = Instant::now();
        let until = after(self.clock.now(), WATCH);
        self.context.emit(Event::LeaseWatched { holder, until });
        loop {
            let left = WATCH.saturating_sub(started.elapsed());
            self.pause(left.min(WATCH_POLL)).await?;
            // The last look comes after all of that time.
            let is_over = started.elapsed() >= WATCH;
            let now = self.numbered().await?;
            if is_over || now.last() != leases.last() {
                return Ok(now);
            }
        }
    }

    fn standing(&self, n: u64, stored: &Stored) -> Result<Standing, Error> {
        let lease = match Lease::decode(&stored.value) {
            Ok(lease) => lease,
            // Its holder finds that as well, and stops. A newer version's lease is one that we must not
            // pass over.
            Err(DecodeError::Malformed { .. }) => return Ok(Standing::Ended),
            Err(source) => {
                return Err(Error::Unreadable {
                    name: self.names.lease(n),
                    source,
                });
            }
        };
        if lease.released {
            return Ok(Standing::Free);
        }
        let now = self.clock.now();
        let ended_long_ago = now >= after(lease.expires, SANE_SKEW);
        // At most for its term: if that is so because clocks differ, it is over soon.
        let is_running = now < lease.expires && lease.expires <= after(now, TERM);
        let holder = holder_of(&stored.value, now);
        Ok(match (ended_long_ago, is_running) {
            (true, _) => Standing::Free,
            (_, true) => Standing::Held(holder),
            _ => Standing::Doubtful(holder),
        })
    }

    /// Deletes old leases when a few have gathered. That this fails is no reason not to work.
    async fn forget(&self, ended: &[(u64, Stored)], fence: &Fence) {
        if ended.len() < GATHERED {
            return;
        }
        let old: Vec<String> = ended[..ended.len() - KEPT]
            .iter()
            .map(|(n, _)| self.names.lease(*n))
            .collect();
        if let Err(error) = self.store.delete(&old, Some(fence)).await {
            tracing::warn!(%error, "could not delete old leases");
        }
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
