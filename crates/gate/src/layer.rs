//! The gate as a tower layer.

use bytes::Bytes;
use tower_layer::Layer;

use crate::body::FromPage;
use crate::gate::Gate;
use crate::service::Maintenance;

/// Puts a [`Gate`] around an HTTP service.
///
/// Put it outermost, around anything that opens a connection or takes long: what is inside is not
/// touched during a maintenance, not even asked whether it is ready.
///
/// With axum, put it around the finished router, as [`Maintenance::new`] does, and not into it:
/// `Router::layer` leaves out every route that is added after it, without a word.
#[derive(Debug, Clone)]
pub struct MaintenanceLayer<P = FromPage> {
    gate: Gate,
    make_body: P,
}

impl MaintenanceLayer {
    /// A layer of this gate, around services whose response body is a
    /// [`PageBody`](crate::PageBody).
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        Self {
            gate,
            make_body: FromPage,
        }
    }

    /// A layer around services with any other response body, which this function makes of a page.
    ///
    /// ```
    /// # use maintenance_gate::{Gate, MaintenanceLayer, MemorySource};
    /// use http_body_util::{BodyExt, Full};
    ///
    /// # fn example(gate: Gate) {
    /// let layer = MaintenanceLayer::new(gate).with_body(|page| Full::new(page).boxed());
    /// # let _ = layer;
    /// # }
    /// ```
    #[must_use]
    pub fn with_body<F, B>(self, make_body: F) -> MaintenanceLayer<F>
    where
        F: Fn(Bytes) -> B,
    {
        MaintenanceLayer {
            gate: self.gate,
            make_body,
        }
    }
}

impl<S, P: Clone> Layer<S> for MaintenanceLayer<P> {
    type Service = Maintenance<S, P>;

    fn layer(&self, inner: S) -> Maintenance<S, P> {
        Maintenance::with_body(inner, self.gate.clone(), self.make_body.clone())
    }
}
