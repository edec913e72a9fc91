//! The server as a Lambda function behind a function URL.
//!
//! A function is frozen once it has answered, so that an operation ends with the request that began it: see
//! [`Patience`].

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use lambda_http::RequestExt as _;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::operations::Patience;

/// Whether this process is a Lambda function.
#[must_use]
pub fn is_function() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Answers the events of a function URL, for as long as the environment lives.
///
/// # Errors
/// The runtime's, which end the process.
pub async fn run(router: Router) -> Result<(), lambda_http::Error> {
    lambda_http::run(router.map_request(request)).await
}

/// As the router takes it.
fn request(mut request: lambda_http::Request) -> http::Request<Body> {
    let deadline = request.lambda_context_ref().map(|context| context.deadline);
    if let Some(deadline) = deadline {
        let patience = Patience::until(instant(deadline));
        request.extensions_mut().insert(patience);
    }
    request.map(Body::new)
}

/// The moment of a Unix time in milliseconds.
fn instant(deadline: u64) -> Instant {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(deadline);
    let left = deadline.duration_since(SystemTime::now());
    Instant::now() + left.unwrap_or_default()
}
