//! What tests put between an operation and the folder.

use std::fmt;
use std::io;

use futures_util::future::BoxFuture;

/// Stands between an operation and the folder of a file store. The command has none; a test kills an
/// operation at one of its calls, lets it wait for its turn, or fills the disk.
pub trait FileHooks: fmt::Debug + Send + Sync {
    /// Before a call (`get`, `list`, `create`, `replace` or `delete`, with what it is given), which takes
    /// effect once this returns.
    fn before<'a>(&'a self, call: &'a str) -> BoxFuture<'a, ()>;

    /// After the call took effect, before the operation learns what came of it.
    fn after<'a>(&'a self, call: &'a str, outcome: &'a str) -> BoxFuture<'a, ()>;

    /// Before one more file is written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], if the disk is full.
    fn room(&self) -> io::Result<()>;
}
