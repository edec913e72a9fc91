//! The one reason for a failed fetch that a gate has to know: it was refused since too many ask.

/// The error of a source that was refused because the store is asked too often. A source returns it
/// as any other error, and the gate asks less often until the store answers again.
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
    /// With the store's own message, which goes into the event `M504`: nothing secret.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
