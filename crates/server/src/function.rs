//! The server as a Lambda function behind a function URL.
//!
//! It observes nothing by itself, and keeps no schedule, since it is frozen most of the time: an event that is no HTTP
//! request, as a rule of EventBridge sends one every minute, has each observer check once, and then has done what is due
//! by the schedule.
//!
//! A function is frozen once it has answered, so that an operation ends with the request that began it: see
//! [`Patience`](crate::operations::Patience).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse as _;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::deadline::Deadline;
use crate::observers::Observers;
use crate::schedule::{Scheduler, Told};

/// Whether this process is a Lambda function.
#[must_use]
pub fn is_function() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Answers the events of a function URL, for as long as the environment lives. At any other event it checks the
/// observers, and does what is due by the schedule.
///
/// # Errors
/// The runtime's, which end the process.
pub async fn run(
    router: Router,
    observers: Observers,
    scheduler: Scheduler,
) -> Result<(), lambda_http::Error> {
    // It remembers what failed, and when that is tried again.
    let scheduler = Arc::new(Mutex::new(scheduler));
    let service = tower::service_fn(move |event: lambda_http::Request| {
        let (router, observers) = (router.clone(), observers.clone());
        let scheduler = Arc::clone(&scheduler);
        async move {
            let request = request(event);
            if is_http(&request) {
                return router.oneshot(request).await;
            }
            let deadline = request.extensions().get::<Deadline>().map(|it| it.0);
            let observed = observers.check_all(deadline).await;
            let told = scheduler.lock().await.once_until(deadline).await;
            told.iter().for_each(log);
            let done = json!({ "observers": observed, "schedule": told });
            Ok(axum::Json(done).into_response())
        }
    });
    lambda_http::run(service).await
}

/// The answer to the event of a rule goes unread: what was done stands in the log of the function.
fn log(told: &Told) {
    match told.is_failure() {
        true => tracing::warn!("{told}"),
        false => tracing::info!("{told}"),
    }
}

/// Whether an event came from a function URL.
fn is_http(request: &http::Request<Body>) -> bool {
    let context = request.extensions().get::<RequestContext>();
    !matches!(context, Some(RequestContext::PassThrough))
}

/// As the router takes it.
fn request(mut request: lambda_http::Request) -> http::Request<Body> {
    let deadline = request.lambda_context_ref().map(|context| context.deadline);
    if let Some(deadline) = deadline {
        request.extensions_mut().insert(Deadline(instant(deadline)));
    }
    if let Some(client) = client(&request) {
        request.extensions_mut().insert(ConnectInfo(client));
    }
    request.map(Body::new)
}

/// Where the request comes from, as the function URL says, whatever its headers say. The port is unknown.
fn client(request: &lambda_http::Request) -> Option<SocketAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => {
            let address: IpAddr = context.http.source_ip.as_ref()?.parse().ok()?;
            Some(SocketAddr::new(address, 0))
        }
        _ => None,
    }
}

/// The moment of a Unix time in milliseconds.
fn instant(deadline: u64) -> Instant {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(deadline);
    let left = deadline.duration_since(SystemTime::now());
    Instant::now() + left.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_whom_the_function_url_names_and_not_a_header() {
        let event = r#"{
            "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
            "headers": {"x-forwarded-for": "192.0.2.66"}, "isBase64Encoded": false,
            "requestContext": {
                "accountId": "anonymous", "apiId": "x", "domainName": "x.lambda-url.eu-central-1.on.aws",
                "domainPrefix": "x", "requestId": "r", "routeKey": "$default", "stage": "$default",
                "time": "29/Nov/2026:08:00:00 +0000", "timeEpoch": 1795939200000,
                "http": {
                    "method": "GET", "path": "/", "protocol": "HTTP/1.1",
                    "sourceIp": "198.51.100.7", "userAgent": "curl"
                }
            }
        }"#;
        let event = lambda_http::request::from_str(event).expect("an event");
        let request = request(event);
        let ConnectInfo(client) = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .unwrap();
        assert_eq!(client.to_string(), "198.51.100.7:0");
    }
}
