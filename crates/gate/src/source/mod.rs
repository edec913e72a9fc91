//! Where the flag is read from: one verb, fetch the stored text. A source does not decide the
//! meaning of the text, how long it is good for, or what happens without an answer.

#[cfg(any(feature = "ssm", feature = "extension"))]
mod environment;
#[cfg(feature = "extension")]
mod extension;
#[cfg(feature = "file")]
mod file;
#[cfg(any(feature = "ssm", feature = "extension"))]
mod get_parameter;
#[cfg(any(feature = "ssm", feature = "extension"))]
mod http;
mod memory;
mod parameter_value;
#[cfg(any(feature = "ssm", feature = "ssm-sdk", feature = "extension"))]
mod reason;
#[cfg(feature = "ssm-sdk")]
mod sdk;
#[cfg(feature = "ssm")]
mod ssm;
mod throttled;

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

#[cfg(feature = "extension")]
pub use extension::ExtensionSource;
#[cfg(feature = "file")]
pub use file::FileSource;
pub use memory::MemorySource;
pub use parameter_value::ParameterValue;
#[cfg(feature = "ssm-sdk")]
pub use sdk::SdkSource;
#[cfg(feature = "ssm")]
pub use ssm::SsmSource;
pub use throttled::Throttled;

/// Any error, with its causes.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A fetch under way: the stored value, or none if the parameter does not exist.
pub type Fetch = Pin<Box<dyn Future<Output = Result<Option<ParameterValue>, BoxError>> + Send>>;

/// A place that holds the flag.
///
/// ```
/// use maintenance_gate::{Fetch, FlagSource, ParameterValue};
///
/// struct Constant(&'static str);
///
/// impl FlagSource for Constant {
///     fn fetch(&self, _parameter: &str) -> Fetch {
///         let value = ParameterValue::from(self.0);
///         Box::pin(async move { Ok(Some(value)) })
///     }
/// }
/// ```
pub trait FlagSource: Send + Sync + 'static {
    /// Reads the stored text of the parameter of this name, such as
    /// `/maintenance/demo-dev/flags/web`. `Ok(None)` says that it does not exist, which means *off*:
    /// never say so of a store that could not be asked. A store that counts versions, and whose reads
    /// may lag behind its writes, hands over the [version](ParameterValue::with_version), too.
    ///
    /// The future must not block its thread: the gate can end a wait, not a blocked thread. One that
    /// outlives the budget is polled again by later refreshes, so that a slow first connection is not
    /// begun anew each time. The first refresh ten seconds after its start drops it.
    ///
    /// # Errors
    /// The reason why the store could not be read. The gate then keeps the last known state. [`Throttled`] makes it
    /// ask less often, too.
    fn fetch(&self, parameter: &str) -> Fetch;

    /// Whether the source can be used at all, as far as can be seen without asking the store. The
    /// gate is not built if it cannot, so that the deployment fails and not every fetch.
    ///
    /// # Errors
    /// If something is missing or wrong. The default finds nothing.
    fn validate(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A pointer to a source is one, such as an `Arc` or a `Box<dyn FlagSource>`.
impl<P> FlagSource for P
where
    P: Deref<Target: FlagSource> + Send + Sync + 'static,
{
    fn fetch(&self, parameter: &str) -> Fetch {
        (**self).fetch(parameter)
    }

    fn validate(&self) -> Result<(), BoxError> {
        (**self).validate()
    }
}
