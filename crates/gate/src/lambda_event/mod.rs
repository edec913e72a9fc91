//! JSON events, of plain `lambda_runtime` handlers and those that lambda_http passes through: finds which of them
//! are HTTP requests, and writes the answer to each. `core::decision` decides whether a request passes.
//!
//! Only these are HTTP requests: an event of a REST API, an HTTP API (payload 1.0 or 2.0), a
//! function URL, an Application Load Balancer or VPC Lattice, or a WebSocket API's `$connect`. Messages,
//! schedules and authorizers are not.

mod recognise;
mod respond;

pub(crate) use recognise::recognise;
pub(crate) use respond::respond;

/// The AWS service that sent an event, as far as the format of the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventSource {
    /// API Gateway with payload 1.0, including REST and WebSocket APIs.
    ApiGatewayV1,
    /// API Gateway with payload 2.0, or a function URL.
    ApiGatewayV2,
    /// An Application Load Balancer, or VPC Lattice.
    Alb,
    /// An Application Load Balancer with multi-value headers enabled.
    AlbMultiValue,
}
