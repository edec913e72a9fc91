//! The lease while it is held: kept by renewing it, given back at the end.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maintenance_flag::{Lease, Left, Role};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::guard::{Guard, Shared};
use super::take::Before;
use super::{TERM, after};
use crate::error::StoreError;
use crate::store::Store;

/// How often the holder renews.
const RENEWAL: Duration = Duration::from_secs(10);

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

/// The lease while it is held.
pub(crate) struct Held {
    pub(super) store: Store,
    pub(super) name: String,
    pub(super) lease: Lease,
    pub(super) shared: Arc<Shared>,
    pub(super) guard: Guard,
    pub(super) before: Before,
    pub(super) left: Mutex<BTreeMap<String, Option<Left>>>,
    pub(super) renewal: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
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

/// What renewing a lease takes.
pub(super) struct Renewal {
    pub(super) store: Store,
    pub(super) name: String,
    /// The number that whoever takes the lease over creates.
    pub(super) next: String,
    pub(super) lease: Lease,
    pub(super) shared: Arc<Shared>,
}

/// Renews the lease until it is lost or given back.
pub(super) async fn renew(mut renewal: Renewal, mut ended: oneshot::Receiver<()>) {
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
    // Frozen in the middle of that read, perhaps, until somebody took over.
    if !renewal.shared.is_held() {
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
