//! The gate for plain `lambda_runtime` handlers, which get an event as JSON: is it an HTTP request,
//! and if so, may it pass?
//!
//! Only what is surely an HTTP request is ever answered: an event of a REST API, an HTTP API (payload
//! 1.0 or 2.0), a function URL, an Application Load Balancer or VPC Lattice, or a WebSocket API's
//! `$connect`. Everything else passes untouched: messages, schedules, authorizers.

mod recognise;
mod respond;

use serde_json::Value;

use crate::gate::Gate;

/// Who sent an event, as far as the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// API Gateway with payload 1.0, REST and WebSocket APIs among it.
    Gateway1,
    /// API Gateway with payload 2.0, and a function URL.
    Gateway2,
    /// A load balancer, and VPC Lattice.
    Balancer,
    /// A load balancer that is configured for multi-value headers.
    BalancerMulti,
}

impl Gate {
    /// Decides about the event of a plain handler. Some is what the handler has to return: the answer
    /// to a request that is refused. None lets it go on: the request passes, or the event is no HTTP
    /// request.
    ///
    /// During a read-only maintenance it tells apart only what passes and what does not; a handler
    /// that has to know asks [`last_known`](Self::last_known).
    pub async fn check_event(&self, event: &Value) -> Option<Value> {
        let look = self.inner.look();
        if look.is_fresh() && self.inner.is_open(look.known()) {
            return None;
        }
        let (request, sender) = recognise::request(event)?;
        let response = self.check(&request).await.into_response()?;
        Some(respond::answer(&response, sender))
    }
}
