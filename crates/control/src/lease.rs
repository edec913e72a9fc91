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

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{Lease, Left, Parameters, Role};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::error::{Error, StoreError};
use crate::stop::Stop;
use crate::store::{Created, Store, Stored};

/// How long a lease lasts unless renewed.
const TERM: Duration = Duration::from_secs(30);
/// How often the holder renews.
const RENEWAL: Duration = Duration::from_secs(10);
/// How long past its end a lease is left alone: clocks of two machines differ, and reads lag.
const GRACE: Duration = Duration::from_secs(5);
/// How many ended leases may gather before the oldest are deleted. The newest of them stay.
const GATHERED: usize = 6;
/// How many ended leases stay when the others are deleted.
const KEPT: usize = 3;
/// How often to look before calling it busy: a lagging read may show a lease that was given back.
const ATTEMPTS: usize = 6;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Why an operation makes no further change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Somebody asked it to stop.
    #[error("stopped as asked")]
    Stopped,
    /// It does not hold the lease any more.
    #[error("the lease was lost")]
    LeaseLost,
}

/// Says before each change whether it may be made. Clones share the lease.
#[derive(Clone)]
pub struct Guard {
    lease: Arc<Shared>,
    stop: Stop,
}

struct Shared {
    clock: Clock,
    /// Until when the lease is held, milliseconds since 1970.
    until: AtomicI64,
    lost: AtomicBool,
}

impl Shared {
    fn is_held(&self) -> bool {
        !self.lost.load(Ordering::SeqCst)
            && self.clock.now().as_millisecond() < self.until.load(Ordering::SeqCst)
    }
}

impl Guard {
    /// Whether a change may be made now.
    ///
    /// # Errors
    /// [`Halt`], if it must not or shall not.
    pub fn check(&self) -> Result<(), Halt> {
        if !self.lease.is_held() {
            return Err(Halt::LeaseLost);
        }
        if self.stop.is_stopped() {
            return Err(Halt::Stopped);
        }
        Ok(())
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("held", &self.lease.is_held())
            .finish_non_exhaustive()
    }
}

/// What is known of a role's parameters before they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Nobody ever operated on this app.
    Fresh,
    /// What the last operation left.
    Left(Left),
    /// The last operation died, or did not say.
    Unknown,
}

/// Who holds the lease of an app.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Holder {
    /// Who: `ana@laptop`.
    pub by: String,
    /// What for: `on worker`.
    pub operation: String,
    /// Since when, UTC.
    pub since: Timestamp,
    /// Until when, unless it is renewed, UTC.
    pub until: Timestamp,
}

/// The lease while it is held.
pub(crate) struct Held {
    store: Store,
    name: String,
    lease: Lease,
    shared: Arc<Shared>,
    guard: Guard,
    before: Before,
    left: Mutex<BTreeMap<String, Option<Left>>>,
    renewal: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// The lease before ours.
#[derive(Debug, Clone)]
enum Before {
    None,
    Unreadable,
    Left(BTreeMap<String, Option<Left>>),
}

impl Before {
    fn of(newest: Option<&(u64, Stored)>) -> Self {
        match newest.map(|(_, stored)| Lease::decode(&stored.value)) {
            None => Self::None,
            Some(Ok(lease)) => Self::Left(lease.left),
            Some(Err(_)) => Self::Unreadable,
        }
    }
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
    pub(crate) stop: Stop,
}

impl Taker<'_> {
    /// Takes the lease.
    pub(crate) async fn take(&self) -> Result<Held, Error> {
        let mut refused = Error::LeaseLost;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.clock.sleep(PAUSE).await;
            }
            let mut numbered = self.numbered().await?;
            match self.try_next(&mut numbered).await {
                Ok(Some(held)) => return Ok(held),
                // Somebody was quicker, or our read lagged: look again.
                Ok(None) => {}
                Err(busy @ Error::Busy { .. }) => refused = busy,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// Who holds the lease, if anybody does.
    pub(crate) async fn holder(&self) -> Result<Option<Holder>, Error> {
        let numbered = self.numbered().await?;
        let Some((n, stored)) = numbered.last() else {
            return Ok(None);
        };
        match self.check_free(*n, stored) {
            Ok(()) => Ok(None),
            Err(Error::Busy {
                by,
                operation,
                since,
                until,
            }) => Ok(Some(Holder {
                by,
                operation,
                since,
                until,
            })),
            Err(error) => Err(error),
        }
    }

    /// Ends the lease of whoever holds it, by creating the next number as one that is given back
    /// already. Its holder, if it lives, sees that at its next renewal and makes no further change.
    pub(crate) async fn end(&self) -> Result<Option<Holder>, Error> {
        let Some(holder) = self.holder().await? else {
            return Ok(None);
        };
        let numbered = self.numbered().await?;
        let Some((n, stored)) = numbered.last() else {
            return Ok(None);
        };
        let now = self.clock.now();
        // Nobody knows how far the holder came.
        let left = match Before::of(Some(&(*n, stored.clone()))) {
            Before::Left(left) => left.into_keys().map(|role| (role, None)).collect(),
            Before::None | Before::Unreadable => BTreeMap::new(),
        };
        let lease = Lease {
            id: format!("{:016x}", fastrand::u64(..)),
            by: self.by.to_owned(),
            operation: self.operation.clone(),
            acquired: now,
            expires: now,
            released: true,
            left,
        };
        match self
            .store
            .create(&self.names.lease(n + 1), &lease.encode(), None)
            .await?
        {
            Created::New => Ok(Some(holder)),
            // Somebody took it over in the same moment; that one is not what was looked at.
            Created::Exists(stored) => {
                self.check_free(n + 1, &stored)?;
                Ok(Some(holder))
            }
        }
    }

    async fn try_next(&self, numbered: &mut Vec<(u64, Stored)>) -> Result<Option<Held>, Error> {
        // The newest that exists is the one before ours; creating the next number tells whether it is.
        loop {
            if let Some((n, stored)) = numbered.last() {
                self.check_free(*n, stored)?;
            }
            let n = numbered.last().map_or(0, |(n, _)| *n) + 1;
            let before = Before::of(numbered.last());
            let now = self.clock.now();
            let mut left = match &before {
                Before::Left(left) => left.clone(),
                Before::None | Before::Unreadable => BTreeMap::new(),
            };
            left.extend(self.roles.iter().map(|role| (role.to_string(), None)));
            let lease = Lease {
                id: format!("{:016x}", fastrand::u64(..)),
                by: self.by.to_owned(),
                operation: self.operation.clone(),
                acquired: now,
                expires: after(now, TERM),
                released: false,
                left,
            };
            let name = self.names.lease(n);
            match self.store.create(&name, &lease.encode(), None).await? {
                Created::New => {
                    self.forget(numbered).await;
                    return self.hold(n, name, lease, before).await;
                }
                Created::Exists(stored) => numbered.push((n, stored)),
            }
        }
    }

    async fn numbered(&self) -> Result<Vec<(u64, Stored)>, StoreError> {
        let mut numbered: Vec<(u64, Stored)> = self
            .store
            .list(&self.names.leases())
            .await?
            .into_iter()
            .filter_map(|(name, stored)| Some((self.names.parse_lease(&name)?, stored)))
            .collect();
        numbered.sort_by_key(|(n, _)| *n);
        Ok(numbered)
    }

    fn check_free(&self, n: u64, stored: &Stored) -> Result<(), Error> {
        let lease = match Lease::decode(&stored.value) {
            Ok(lease) => lease,
            // Nobody can renew what nobody can read; it ends like a lease that ran out. A newer
            // version's lease is one that we must not pass over.
            Err(maintenance_flag::DecodeError::Malformed { .. }) => return Ok(()),
            Err(source) => {
                return Err(Error::Unreadable {
                    name: self.names.lease(n),
                    source,
                });
            }
        };
        let until = after(lease.expires, GRACE);
        if lease.released || self.clock.now() >= until {
            return Ok(());
        }
        Err(Error::Busy {
            by: lease.by,
            operation: lease.operation,
            since: lease.acquired,
            until,
        })
    }

    /// Deletes old leases when a few have gathered. That this fails is no reason not to work.
    async fn forget(&self, ended: &[(u64, Stored)]) {
        if ended.len() < GATHERED {
            return;
        }
        let old: Vec<String> = ended[..ended.len() - KEPT]
            .iter()
            .map(|(n, _)| self.names.lease(*n))
            .collect();
        if let Err(error) = self.store.delete(&old, None).await {
            tracing::warn!(%error, "could not delete old leases");
        }
    }

    async fn hold(
        &self,
        n: u64,
        name: String,
        lease: Lease,
        before: Before,
    ) -> Result<Option<Held>, Error> {
        // Had our first read lagged by many leases, this one could be an old number.
        if self
            .numbered()
            .await?
            .last()
            .is_some_and(|(newest, _)| *newest > n)
        {
            return Ok(None);
        }
        let shared = Arc::new(Shared {
            clock: self.clock,
            until: AtomicI64::new(lease.expires.as_millisecond()),
            lost: AtomicBool::new(false),
        });
        let guard = Guard {
            lease: shared.clone(),
            stop: self.stop.clone(),
        };
        let (done, ended) = oneshot::channel();
        let renewal = Renewal {
            store: self.store.apart(),
            next: self.names.lease(n + 1),
            name: name.clone(),
            lease: lease.clone(),
            shared: shared.clone(),
        };
        let renewal = Some((done, tokio::spawn(renew(renewal, ended))));
        let left = Mutex::new(lease.left.clone());
        Ok(Some(Held {
            store: self.store.clone(),
            name,
            lease,
            shared,
            guard,
            before,
            left,
            renewal,
        }))
    }
}

impl Held {
    /// Says before each change whether it may be made.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// What is known of a role's parameters.
    pub(crate) fn knows(&self, role: &Role) -> Knowledge {
        match &self.before {
            // A folder does not lag.
            _ if !self.store.may_lag() => Knowledge::Fresh,
            Before::None => Knowledge::Fresh,
            Before::Unreadable => Knowledge::Unknown,
            Before::Left(left) => match left.get(role.as_str()) {
                Some(Some(left)) => Knowledge::Left(left.clone()),
                Some(None) | None => Knowledge::Unknown,
            },
        }
    }

    /// Notes what this operation leaves of a role, for the next one.
    pub(crate) fn leaves(&self, role: &Role, left: Left) {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(role.to_string(), Some(left));
    }

    /// Gives the lease back. That this fails is no reason to fail: the lease runs out by itself.
    pub(crate) async fn release(mut self) {
        // Let a renewal in hand end first: landing after the release, it would undo it.
        if let Some((done, renewal)) = self.renewal.take() {
            drop(done);
            let _ended = renewal.await;
        }
        if !self.shared.is_held() {
            return;
        }
        self.lease.released = true;
        if self.store.may_lag() {
            self.lease.left =
                std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        } else {
            self.lease.left.clear();
        }
        if let Err(error) = self
            .store
            .overwrite(&self.name, &self.lease.encode(), None)
            .await
        {
            tracing::warn!(%error, "could not release the lease; it runs out by itself");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((_, renewal)) = &self.renewal {
            renewal.abort();
        }
    }
}

struct Renewal {
    store: Store,
    name: String,
    next: String,
    lease: Lease,
    shared: Arc<Shared>,
}

/// Renews the lease until it is lost or given back.
async fn renew(mut renewal: Renewal, mut ended: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            () = renewal.shared.clock.sleep(RENEWAL) => {}
            _ = &mut ended => return,
        }
        // A process that was frozen wakes up here, perhaps long after its lease has ended.
        if !renewal.shared.is_held() {
            renewal.shared.lost.store(true, Ordering::SeqCst);
            return;
        }
        match renew_once(&mut renewal).await {
            Ok(true) => {}
            Ok(false) => {
                renewal.shared.lost.store(true, Ordering::SeqCst);
                return;
            }
            // There is time for two more tries before it ends.
            Err(error) => tracing::warn!(%error, "could not renew the lease"),
        }
    }
}

/// Whether the lease is still ours, after renewing it.
async fn renew_once(renewal: &mut Renewal) -> Result<bool, StoreError> {
    if renewal.store.get(&renewal.next).await?.is_some() {
        return Ok(false);
    }
    renewal.lease.expires = after(renewal.shared.clock.now(), TERM);
    let until = renewal.lease.expires.as_millisecond();
    renewal
        .store
        .overwrite(&renewal.name, &renewal.lease.encode(), None)
        .await?;
    if !renewal.shared.is_held() {
        return Ok(false);
    }
    renewal.shared.until.store(until, Ordering::SeqCst);
    Ok(true)
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}
