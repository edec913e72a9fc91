//! The gate as a tower layer.

use tower_layer::Layer;

use crate::gate::Gate;
use crate::service::Maintenance;

/// Puts a [`Gate`] before any HTTP service: an axum router, a hyper service, a lambda_http handler.
///
/// Put it outermost, before anything that opens a connection or takes long: what is inside is not
/// touched during a maintenance, not even asked whether it is ready.
#[derive(Debug, Clone)]
pub struct MaintenanceLayer {
    gate: Gate,
}

impl MaintenanceLayer {
    /// A layer of this gate.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S> Layer<S> for MaintenanceLayer {
    type Service = Maintenance<S>;

    fn layer(&self, inner: S) -> Maintenance<S> {
        Maintenance::new(inner, self.gate.clone())
    }
}
