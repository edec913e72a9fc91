//! The lease while it is held: kept by renewing it, given back at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maintenance_flag::{Lease, Left, Role};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::holding::{Holding, Moment};
use super::take::Before;
use super::{RENEWAL, TERM, after};
use crate::error::Error;
use crate::fence::{Fence, Lock as _};
use crate::store::StoreError;
use crate::store::Stored;

/// How long giving the lease back may take, once a stop was asked for.
const LAST_CALL: Duration = Duration::from_secs(3);

/// What is known of a role's parameters before they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// No operation on this app came before.
    Fresh,
    /// What the last operation left.
    Left(Left),
    /// The last operation died, or did not say.
    Unknown,
}

/// The lease while it is held.
pub(crate) struct Held {
    holding: Arc<Holding>,
    fence: Fence,
    before: Before,
    left: Mutex<BTreeMap<String, Option<Left>>>,
    /// Until the lease is given back.
    renewal: Option<(oneshot::Sender<()>, JoinHandle<Renewal>)>,
}

impl Held {
    /// How many numbers of documents each lease has.
    pub(crate) const DOCUMENTS: u32 = 1_000;

    /// Holds a lease that was just created, and renews it from now on.
    pub(super) fn new(
        holding: Arc<Holding>,
        fence: Fence,
        before: Before,
        lease: Lease,
        seen: Stored,
    ) -> Self {
        let left = Mutex::new(lease.left.clone());
        let (done, ended) = oneshot::channel();
        let renewal = Renewal {
            holding: holding.clone(),
            lease,
            seen,
        };
        Self {
            holding,
            fence,
            before,
            left,
            renewal: Some((done, tokio::spawn(renewal.run(ended)))),
        }
    }

    /// Says before each change whether it may be made.
    pub(crate) fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The number after which this operation's documents of saved capacity are numbered. A document of an
    /// earlier operation that was deleted a moment ago must not be created anew: Parameter Store may still
    /// be forgetting its name. So every lease has a thousand numbers of its own.
    pub(crate) fn first_document(&self) -> u32 {
        let lease = self.holding.n % u64::from(u32::MAX / Self::DOCUMENTS);
        u32::try_from(lease).unwrap_or_default() * Self::DOCUMENTS
    }

    /// What is known of a role's parameters.
    pub(crate) fn knows(&self, role: &Role) -> Knowledge {
        let may_lag = self.holding.store.may_lag();
        match &self.before {
            Before::None => Knowledge::Fresh,
            Before::Left(left) => match left.get(role.as_str()) {
                Some(Some(left)) => Knowledge::Left(left.clone()),
                // A folder does not lag: one look says all.
                _ if !may_lag => Knowledge::Fresh,
                _ => Knowledge::Unknown,
            },
            _ if !may_lag => Knowledge::Fresh,
            Before::Unreadable => Knowledge::Unknown,
        }
    }

    /// Notes what this operation leaves of a role, for the next one.
    pub(crate) fn leaves(&self, role: &Role, mut left: Left) {
        if !self.holding.store.may_lag() {
            // The revision of a file is no version.
            left.flag = 0;
        }
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(role.to_string(), Some(left));
    }

    /// The result of an operation, with why its lease could not be looked at, if it was lost by that.
    pub(crate) fn explain<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        let explain = |error: Error| match self.holding.take_failure() {
            Some(failure) => failure.into(),
            None => error,
        };
        result.map_err(|error| match error {
            Error::LeaseLost => explain(error),
            Error::Unfinished { report, source } if matches!(*source, Error::LeaseLost) => {
                let source = Box::new(explain(*source));
                Error::Unfinished { report, source }
            }
            error => error,
        })
    }

    /// Gives the lease back. That this fails is no reason to fail: the next operation watches it then, and
    /// takes it over.
    pub(crate) async fn release(mut self) {
        let stop = self.fence.stop().clone();
        let given_back = self.give_back();
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_CALL).await;
        };
        tokio::select! {
            biased;
            given_back = given_back => if let Err(error) = given_back {
                tracing::warn!(%error, "could not give the lease back");
            },
            () = late => tracing::warn!("no answer in time to giving the lease back"),
        }
    }

    async fn give_back(&mut self) -> Result<(), StoreError> {
        let Some((done, renewal)) = self.renewal.take() else {
            return Ok(());
        };
        // Let a renewal in hand end first: landing after the release, it would undo it.
        drop(done);
        let Ok(mut renewal) = renewal.await else {
            return Ok(());
        };
        if !self.holding.is_held() {
            return Ok(());
        }
        renewal.lease.released = true;
        renewal.lease.left =
            std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        renewal.write().await.map(drop)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((_, renewal)) = &self.renewal {
            renewal.abort();
        }
    }
}

/// What renewing a lease takes.
struct Renewal {
    holding: Arc<Holding>,
    lease: Lease,
    /// The lease as it was written last.
    seen: Stored,
}

impl Renewal {
    /// Renews the lease until it is lost or given back.
    async fn run(mut self, mut ended: oneshot::Receiver<()>) -> Self {
        loop {
            tokio::select! {
                () = self.holding.clock.sleep(RENEWAL) => {}
                _ = &mut ended => return self,
            }
            // A process that was frozen wakes up here, perhaps long after its lease has ended.
            if !self.holding.is_held() {
                self.holding.lose();
                return self;
            }
            let begun = Moment::now(self.holding.clock);
            self.lease.expires = after(begun.wall, TERM);
            match self.write().await {
                Ok(true) => self.holding.renewed(begun),
                Ok(false) => return self,
                // It is tried again while it is held.
                Err(error) => tracing::warn!(%error, "could not renew the lease"),
            }
        }
    }

    /// Writes the lease if it is there and this operation's own. Else it is lost, and nothing is written.
    async fn write(&mut self) -> Result<bool, StoreError> {
        let Self {
            holding,
            lease,
            seen,
        } = self;
        // Frozen in the middle of that look, perhaps, until another operation took over.
        if !holding.look().await? || !holding.is_held() {
            return Ok(false);
        }
        let value = lease.encode();
        let written = holding
            .store
            .replace(&holding.name(), &value, Some(seen), None)
            .await?;
        // Deleted or taken since that look.
        let is_theirs = |stored: &Stored| !holding.is_ours(stored);
        if written.created || written.between.as_ref().is_some_and(is_theirs) {
            holding.lose();
        }
        *seen = Stored {
            value,
            revision: written.revision,
        };
        Ok(holding.is_held())
    }
}
