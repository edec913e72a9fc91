//! Where the flag is read from: one verb, fetch the stored text. What the text means, how long it is
//! good for and what happens when there is no answer is not a source's business.

#[cfg(any(feature = "ssm", feature = "extension"))]
mod asker;
#[cfg(feature = "extension")]
mod extension;
#[cfg(feature = "file")]
mod file;
#[cfg(any(feature = "ssm", feature = "extension"))]
mod http;
mod memory;
#[cfg(any(feature = "ssm", feature = "extension"))]
mod parameter;
mod reading;
#[cfg(any(feature = "ssm", feature = "ssm-sdk", feature = "extension"))]
mod reason;
#[cfg(feature = "ssm-sdk")]
mod sdk;
#[cfg(feature = "ssm")]
mod ssm;
mod throttled;
#[cfg(any(feature = "ssm", feature = "extension"))]
mod vars;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(feature = "extension")]
pub use extension::ExtensionSource;
#[cfg(feature = "file")]
pub use file::FileSource;
pub use memory::MemorySource;
pub use reading::Reading;
#[cfg(feature = "ssm-sdk")]
pub use sdk::SdkSource;
#[cfg(feature = "ssm")]
pub use ssm::SsmSource;
pub use throttled::Throttled;

/// Any error, with its causes.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A fetch under way: what is stored, or none if the parameter does not exist.
pub type Fetch = Pin<Box<dyn Future<Output = Result<Option<Reading>, BoxError>> + Send>>;

/// A place that holds the flag.
///
/// ```
/// use maintenance_gate::{Fetch, FlagSource, Reading};
///
/// struct Constant(&'static str);
///
/// impl FlagSource for Constant {
///     fn fetch(&self, _parameter: &str) -> Fetch {
///         let reading = Reading::from(self.0);
///         Box::pin(async move { Ok(Some(reading)) })
///     }
/// }
/// ```
pub trait FlagSource: Send + Sync + 'static {
    /// Reads the stored text of the parameter of this name, such as
    /// `/maintenance/demo-dev/flags/web`. `Ok(None)` says that it does not exist, which means *off*:
    /// never say so of a store that could not be asked. A store that counts versions, and whose reads
    /// may lag behind its writes, hands over the [version](Reading::with_version), too.
    ///
    /// The future must not block its thread: the gate can end a wait, not a blocked thread. One that
    /// outlives the budget is polled again by a later refresh, up to ten seconds after its start, so
    /// that a slow first connection is not begun anew each time.
    ///
    /// # Errors
    /// Whatever kept it from knowing. The gate then keeps the last known state. [`Throttled`] makes it
    /// ask less often, too.
    fn fetch(&self, parameter: &str) -> Fetch;
}

impl<T: FlagSource + ?Sized> FlagSource for Arc<T> {
    fn fetch(&self, parameter: &str) -> Fetch {
        (**self).fetch(parameter)
    }
}

impl<T: FlagSource + ?Sized> FlagSource for Box<T> {
    fn fetch(&self, parameter: &str) -> Fetch {
        (**self).fetch(parameter)
    }
}
