//! The admin paths under `/_sandbox/`, for tests that drive a real binary over HTTP. The crate's documentation
//! lists them.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::sandbox::Sandbox;

/// The prefix of the admin paths.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// Answers a request to an admin path.
pub(crate) fn handle(sandbox: &Sandbox, request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let done = || json!({});
    let answer = match (&parts.method, path.trim_start_matches(PREFIX)) {
        (&Method::POST, "faults") => serde_json::from_slice(&body).map(|fault: Fault| {
            sandbox.inject(fault);
            done()
        }),
        (&Method::DELETE, "faults") => {
            sandbox.clear_faults();
            Ok(done())
        }
        (&Method::GET, "calls") => Ok(json!(sandbox.call_counts())),
        (&Method::DELETE, "calls") => {
            sandbox.reset_calls();
            Ok(done())
        }
        (&Method::GET, "functions") => Ok(json!(sandbox.fleet())),
        (&Method::POST, "rate-limits") => serde_json::from_slice(&body).map(|on: bool| {
            sandbox.configure(|settings| settings.rate_limits = on);
            done()
        }),
        (method, _) => {
            let error = format!("the sandbox has no {method} {path}");
            return respond(StatusCode::NOT_FOUND, &json!({ "error": error }));
        }
    };
    match answer {
        Ok(body) => respond(StatusCode::OK, &body),
        Err(error) => respond(
            StatusCode::BAD_REQUEST,
            &json!({ "error": error.to_string() }),
        ),
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
