//! What tests put between an operation and the folder.

use std::fmt;
use std::io;

use futures_util::future::BoxFuture;

tokio::task_local! {
    static HAS_LOCK: ();
}

/// Runs what is done while the store's lock is held.
pub(super) async fn with_lock<T>(work: impl Future<Output = T>) -> T {
    HAS_LOCK.scope((), work).await
}

/// Whether this is done while the store's lock is held.
pub(super) fn has_lock() -> bool {
    HAS_LOCK.try_with(|()| ()).is_ok()
}

/// Stands between an operation and the folder of a file store. The command has none; a test kills an
/// operation at one of its calls, lets it wait for its turn, or fills the disk.
pub trait FileHooks: fmt::Debug + Send + Sync {
    /// Makes a call (`get`, `list`, `history`, `create`, `replace` or `delete`, with what it is given), which takes
    /// effect while `effect` is awaited, and says what came of it. One that does not make it never
    /// returns. Looks at the lease by one who has the store's lock are not among the calls: all others
    /// wait for that one.
    fn call<'a>(&'a self, call: &'a str, effect: BoxFuture<'a, String>) -> BoxFuture<'a, ()>;

    /// Before one more file is written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], if the disk is full.
    fn room(&self) -> io::Result<()>;

    /// Whether a write is made without a look at the lease once the lock is held: a broken build, which a
    /// test must see.
    fn skips_lease_under_lock(&self) -> bool {
        false
    }
}
