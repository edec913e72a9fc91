//! The error of a source whose store throttles: the one reason for a failed fetch that the gate tells apart.

/// The error to return from a source when the store throttles. The gate then asks less often, until the store answers
/// again.
///
/// ```
/// use maintenance_gate::{Fetch, FlagSource, Throttled};
///
/// struct Busy;
///
/// impl FlagSource for Busy {
///     fn fetch(&self, _parameter: &str) -> Fetch {
///         Box::pin(async { Err(Throttled::new("429 Too Many Requests").into()) })
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Throttled(String);

impl Throttled {
    /// Creates the error with the store's own message. The event `M504` logs it: it must hold no secret.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
