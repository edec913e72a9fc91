//! Where the flag is read from: [`FlagSource`], which fetches the stored text. A source does not decide what the text
//! means, how long the gate relies on it, or what happens without an answer.
//!
//! A source of an app's own needs no change here: pass it to `Builder::source`. To add a built-in one:
//!
//! 1. `Cargo.toml`: its feature, which enables its dependencies.
//! 2. Here: its file, `mod` and `pub use`, and its feature in the `cfg` of each shared module that it uses
//!    (`environment`, `get_parameter`, `http`, `reason`).
//! 3. `lib.rs`: `pub use`, and a row in the table of features.
//! 4. `environment.rs`: its name in `named_source` (the match, the list of features above it, and the arm for a
//!    binary built without it), in the text of `unknown_store`, and in the documentation of `Builder::from_env`.
//! 5. `core/builder.rs`: its name in the hint of `build` for a gate without a source.
//! 6. The operator's command, which reads the same `MAINTENANCE_STORE` and has to write where the gate reads.

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

/// A fetch in progress. Resolves to the stored value, or `None` if the parameter does not exist.
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
    /// Reads the stored text of the parameter with this name, such as
    /// `/maintenance/demo-dev/flags/web`. Return `Ok(None)` only if the parameter does not exist, which means
    /// *off*, never if the store could not be read. If the store counts versions and its reads may lag behind its
    /// writes, return the [version](ParameterValue::with_version), too.
    ///
    /// The future must not block its thread: the gate can stop waiting for a future, but not stop a blocked
    /// thread. Later refreshes poll a future again that outlives the refresh budget, so that a slow first
    /// connection need not start over each time. The first refresh ten seconds after its start drops it.
    ///
    /// # Errors
    /// The reason why the store could not be read. The gate then keeps the last known flag. Return [`Throttled`] to
    /// make it ask less often.
    fn fetch(&self, parameter: &str) -> Fetch;

    /// Checks the source's settings without asking the store. An error fails
    /// [`Builder::build`](crate::Builder::build), and so the deployment, not every fetch.
    ///
    /// # Errors
    /// If a setting is missing or wrong. The default checks nothing.
    fn validate(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A pointer to a source is a source, too: an `Arc` or a `Box<dyn FlagSource>`.
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
