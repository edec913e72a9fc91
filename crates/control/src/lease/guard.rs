//! The lease while it is held: does what its [`Holder`] says, to renew it, to look at it before every change,
//! and to give it back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use maintenance_flag::{Lease, LeaseRecord, Parameters, Role};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::machine::{
    Holder, HolderAction, HolderInput, Moment, PreviousLease, Purpose, Task, Timing,
};
use super::{Found, TIMING, moment, numbered};
use crate::clock::Clock;
use crate::error::Error;
use crate::fence::{AbortReason, Fence, LeaseCheck};
use crate::store::{Store, StoreError, Stored};

/// How long giving the lease back may take, once a stop was asked for.
const LAST_CALL: Duration = Duration::from_secs(3);

/// What must show in a role's parameters before a read of them counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadBarrier {
    /// No operation on this app came before.
    Fresh,
    /// What the last operation left.
    Left(LeaseRecord),
    /// The last operation died, or did not say.
    Unknown,
}

/// The lease while it is held.
pub(crate) struct LeaseGuard {
    holding: Arc<Holding>,
    fence: Fence,
    pub(super) previous: PreviousLease<Found>,
    renewal: JoinHandle<()>,
}

impl LeaseGuard {
    /// How many numbers of documents each lease has.
    pub(crate) const DOCUMENTS: u32 = 1_000;

    /// Holds a lease that was just created, and renews it from now on.
    pub(super) fn new(holding: Holding, stop: CancellationToken) -> Self {
        let holding = Arc::new(holding);
        let renewing = holding.clone();
        let renewal = async move {
            if let Err(error) = renewing.run(Purpose::Renew).await {
                tracing::warn!(%error, "could not renew the lease");
            }
        };
        Self {
            fence: Fence::new(holding.clone(), stop),
            holding,
            previous: PreviousLease::Unreadable,
            renewal: tokio::spawn(renewal),
        }
    }

    /// Says before each change whether it may be made.
    pub(crate) fn fence(&self) -> &Fence {
        &self.fence
    }

    pub(super) fn id(&self) -> &str {
        &self.holding.id
    }

    /// Whether the lease in the store is this one, and no other came after it.
    pub(super) async fn look(&self) -> Result<bool, StoreError> {
        self.holding.run(Purpose::Settle).await
    }

    /// The number after which this operation's documents of saved capacity are numbered. A document of an
    /// earlier operation that was deleted a moment ago must not be created anew: Parameter Store may still
    /// be forgetting its name. So every lease has a thousand numbers of its own.
    pub(crate) fn first_document(&self) -> u32 {
        let lease = self.holding.n % u64::from(u32::MAX / Self::DOCUMENTS);
        u32::try_from(lease).unwrap_or_default() * Self::DOCUMENTS
    }

    /// What must show in a role's parameters.
    pub(crate) fn barrier(&self, role: &Role) -> ReadBarrier {
        let recorded = match &self.previous {
            PreviousLease::None => return ReadBarrier::Fresh,
            PreviousLease::Known((Some(lease), _)) => {
                lease.left.get(role.as_str()).cloned().flatten()
            }
            _ => None,
        };
        match recorded {
            Some(left) => ReadBarrier::Left(left),
            // A folder does not lag: one look says all.
            None if !self.holding.store.may_lag() => ReadBarrier::Fresh,
            None => ReadBarrier::Unknown,
        }
    }

    /// Records what this operation leaves of a role, for the next one.
    pub(crate) fn record(&self, role: &Role, mut left: LeaseRecord) {
        if !self.holding.store.may_lag() {
            // The revision of a file is no version.
            left.flag = 0;
        }
        lock(&self.holding.left).insert(role.to_string(), Some(left));
    }

    /// The error that ended an operation. If the lease was lost, says why it could not be looked at, if it was
    /// lost by that: as the cause or, where nothing was changed, as the error.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error {
            Error::Unfinished { report, source } => Error::Unfinished {
                report,
                source: Box::new(self.explain(*source)),
            },
            error if error.halt() == Some(AbortReason::LeaseLost) => {
                match lock(&self.holding.failure).take() {
                    Some(failure) if !self.fence.may_have_changed() => failure.into(),
                    source => Error::LeaseLost { source },
                }
            }
            error => error,
        }
    }

    /// Gives the lease back. A failure here is only logged: the next operation watches it then, and
    /// takes it over.
    pub(crate) async fn release(mut self) {
        let stop = self.fence.stop().clone();
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_CALL).await;
        };
        tokio::select! {
            biased;
            given_back = self.give_back() => if let Err(error) = given_back {
                tracing::warn!(%error, "could not give the lease back");
            },
            () = late => tracing::warn!("no answer in time to giving the lease back"),
        }
    }

    async fn give_back(&mut self) -> Result<(), StoreError> {
        // Let a renewal in hand end first: landing after the release, it would undo it.
        self.holding.ends.cancel();
        if (&mut self.renewal).await.is_ok() {
            self.holding.run(Purpose::Release).await?;
        }
        Ok(())
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// What the holder's tasks share.
pub(super) struct Holding {
    clock: Clock,
    timing: Timing,
    /// With a budget of its own: a look must not wait in line behind other calls.
    store: Store,
    names: Parameters,
    n: u64,
    id: String,
    holder: Mutex<Holder>,
    /// The lease as it was written last.
    written: tokio::sync::Mutex<(Lease, Stored)>,
    left: Mutex<BTreeMap<String, Option<LeaseRecord>>>,
    /// Why it could not be looked at, if it was lost by that.
    failure: Mutex<Option<StoreError>>,
    /// One look at a time serves all changes that wait for it.
    looking: tokio::sync::Mutex<()>,
    /// Ends the renewals.
    ends: CancellationToken,
}

impl Holding {
    pub(super) fn new(
        (clock, acquired): (Clock, Moment),
        store: Store,
        names: Parameters,
        n: u64,
        written: (Lease, Stored),
    ) -> Self {
        // A look into a folder costs nothing.
        let fresh = if store.may_lag() {
            TIMING.fresh
        } else {
            Duration::ZERO
        };
        Self {
            clock,
            timing: Timing { fresh, ..TIMING },
            store,
            names,
            n,
            id: written.0.id.clone(),
            holder: Mutex::new(Holder::new(n, acquired)),
            left: Mutex::new(written.0.left.clone()),
            written: tokio::sync::Mutex::new(written),
            failure: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            ends: CancellationToken::new(),
        }
    }

    fn now(&self) -> Moment {
        moment(self.clock)
    }

    /// Does one of the holder's tasks. Whether the lease is held then.
    async fn run(&self, purpose: Purpose) -> Result<bool, StoreError> {
        let mut task = Task::new(purpose, self.now());
        let is_change = purpose == Purpose::Change;
        let _one_at_a_time = match is_change {
            true => Some(self.looking.lock().await),
            false => None,
        };
        let mut input = HolderInput::Begin;
        loop {
            let action = lock(&self.holder).step(&self.timing, &mut task, self.now(), input);
            let done = match action {
                HolderAction::Wait(pause) => {
                    tokio::select! {
                        () = self.clock.sleep(pause) => {}
                        () = self.ends.cancelled(), if purpose == Purpose::Renew => return Ok(true),
                    }
                    Ok(HolderInput::Elapsed)
                }
                HolderAction::List if is_change => {
                    let listing = tokio::time::timeout(self.timing.look_timeout, self.list());
                    listing.await.unwrap_or_else(|_| {
                        tracing::warn!("no answer to a look at the lease");
                        Ok(HolderInput::Failed { is_lasting: false })
                    })
                }
                HolderAction::List => self.list().await,
                HolderAction::Write(expires) => self.write(expires).await,
                HolderAction::Done(held) => return Ok(held),
            };
            input = match done {
                Ok(input) => input,
                Err(error) if is_change && error.is_lasting() => {
                    *lock(&self.failure) = Some(error);
                    HolderInput::Failed { is_lasting: true }
                }
                Err(error) if !is_change && purpose != Purpose::Renew => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "could not look at the lease, or renew it");
                    HolderInput::Failed { is_lasting: false }
                }
            };
        }
    }

    async fn list(&self) -> Result<HolderInput, StoreError> {
        let leases = numbered(&self.store, &self.names).await?;
        let own = leases.iter().find(|(n, _)| *n == self.n);
        Ok(HolderInput::Listed {
            newest: leases.last().map_or(0, |(n, _)| *n),
            own: own.map(|(_, stored)| self.is_ours(stored)),
        })
    }

    /// Writes the lease: renewed until then, or else given back.
    async fn write(&self, expires: Option<Timestamp>) -> Result<HolderInput, StoreError> {
        let mut written = self.written.lock().await;
        let (lease, seen) = &mut *written;
        match expires {
            Some(expires) => lease.expires = expires,
            None => {
                lease.released = true;
                lease.left = std::mem::take(&mut lock(&self.left));
            }
        }
        let (name, value) = (self.names.lease(self.n), lease.encode());
        let done = self.store.replace(&name, &value, Some(seen), None).await?;
        *seen = Stored {
            value,
            revision: done.revision,
        };
        let own = done.between.is_none_or(|between| self.is_ours(&between));
        Ok(HolderInput::Written {
            own: own && !done.created,
        })
    }

    fn is_ours(&self, stored: &Stored) -> bool {
        Lease::decode(&stored.value).is_ok_and(|lease| lease.id == self.id)
    }
}

impl LeaseCheck for Holding {
    fn is_held(&self) -> bool {
        lock(&self.holder).is_held(&self.timing, self.now())
    }

    fn confirm(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // What became of it is asked for by `is_held`.
            let _confirmed = self.run(Purpose::Change).await;
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
