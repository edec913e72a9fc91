//! JSON events of plain `lambda_runtime` handlers: which of them are HTTP requests, and how an answer to
//! each is written. Whether a request passes is not decided here.
//!
//! Only these are HTTP requests: an event of a REST API, an HTTP API (payload 1.0 or 2.0), a
//! function URL, an Application Load Balancer or VPC Lattice, or a WebSocket API's `$connect`. Messages,
//! schedules and authorizers are none.

mod recognise;
mod respond;

pub(crate) use recognise::recognise;
pub(crate) use respond::respond;

/// Where an event comes from, as far as the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventSource {
    /// API Gateway with payload 1.0, REST and WebSocket APIs among it.
    Gateway1,
    /// API Gateway with payload 2.0, and a function URL.
    Gateway2,
    /// A load balancer, and VPC Lattice.
    Alb,
    /// A load balancer that is configured for multi-value headers.
    AlbMultiValue,
}
