//! Taking the lease, and ending that of one who has died.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{Lease, Left, Parameters, Role};
use tokio::sync::oneshot;

use super::guard::{Guard, Shared};
use super::held::{Held, Renewal, renew};
use super::{TERM, after};
use crate::clock::Clock;
use crate::error::{Error, StoreError};
use crate::stop::Stop;
use crate::store::{Created, Store, Stored};

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

/// The lease before ours.
#[derive(Debug, Clone)]
pub(super) enum Before {
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
