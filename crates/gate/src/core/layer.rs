//! The gate as a tower layer.

use tower_layer::Layer;

use super::gate::Gate;
use super::service::{CloneService, Maintenance};

/// Puts a [`Gate`] around an HTTP service whose response body is a [`PageBody`](crate::PageBody).
///
/// Put it outermost, around anything that opens a connection or is slow: during a maintenance the gate does not
/// touch the inner service, not even to ask whether it is ready.
///
/// With axum, put it around the finished router, as [`Maintenance::new`] does, and not into it:
/// `Router::layer` does not cover a route that is added after it, and gives no warning.
#[derive(Debug, Clone)]
pub struct MaintenanceLayer {
    gate: Gate,
}

impl MaintenanceLayer {
    /// Creates a layer that puts this gate around a service.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S: CloneService> Layer<S> for MaintenanceLayer {
    type Service = Maintenance<S>;

    fn layer(&self, inner: S) -> Maintenance<S> {
        Maintenance::new(inner, self.gate.clone())
    }
}
