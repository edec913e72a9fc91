//! The sandbox's own paths under `/_sandbox/`, for tests that drive a real binary over HTTP.
//!
//! | request | does |
//! |---|---|
//! | `POST /_sandbox/faults` | injects one rule, or a list of them (below); answers `{"ids": [1]}` |
//! | `GET /_sandbox/faults` | the rules, how often each matched and struck |
//! | `DELETE /_sandbox/faults` | removes all rules |
//! | `GET /_sandbox/calls` | `{"counts": {…}, "calls": […]}` |
//! | `POST /_sandbox/reset-calls` | forgets the log and the counts |
//! | `GET /_sandbox/hanging?after=0&timeout_ms=30000` | waits until a call numbered above `after` hangs: `{"hanging": […]}`; 408 when the time is up |
//! | `POST /_sandbox/release` | lets go of hanging calls: their connections drop |
//! | `GET /_sandbox/state` | `{"functions": {…}, "parameters": {…}}` |
//! | `POST /_sandbox/rate-limits` | `{"on": true}` for AWS's numbers, `{"on": false}` for none |
//!
//! A rule:
//! ```json
//! {"operation": "PutParameter", "service": "ssm", "write": true, "target": "/flags/",
//!  "nth": 3, "times": 1, "when": "after", "action": {"fail": {"code": "ServiceException", "status": 500, "message": "…"}}}
//! ```
//! All fields but `action` may be left out. `times: 0` means without end, `every: 2` every second
//! call. Other actions: `"throttle"`, `"access-denied"`, `"drop"`, `"hang"`, `{"delay_ms": 500}`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::{Action, Fault};
use crate::ops::Service;
use crate::rate::RateLimits;
use crate::sandbox::Sandbox;

/// What the sandbox keeps for itself of the paths.
pub(crate) const PREFIX: &str = "/_sandbox/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    operation: Option<String>,
    service: Option<Service>,
    write: Option<bool>,
    target: Option<String>,
    nth: Option<u64>,
    times: Option<u64>,
    every: Option<u64>,
    when: Option<RuleWhen>,
    action: RuleAction,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RuleWhen {
    Before,
    After,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RuleAction {
    Fail {
        code: String,
        status: u16,
        message: String,
    },
    AccessDenied,
    Throttle,
    #[serde(rename = "delay_ms")]
    Delay(u64),
    Drop,
    Hang,
}

#[derive(Deserialize)]
struct RateLimitsInput {
    on: bool,
}

impl Rule {
    fn into_fault(self) -> Fault {
        let mut builder = match self.operation {
            Some(operation) => Fault::on(&operation),
            None => Fault::any_call(),
        };
        builder = match self.write {
            Some(write) => builder.write(write),
            None => builder,
        };
        if let Some(service) = self.service {
            builder = builder.service(service);
        }
        if let Some(target) = &self.target {
            builder = builder.target(target);
        }
        if let Some(nth) = self.nth {
            builder = builder.nth(nth);
        }
        if let Some(every) = self.every {
            builder = builder.every(every);
        }
        builder = match self.times {
            Some(0) => builder.always(),
            Some(times) => builder.times(times),
            None => builder,
        };
        if let Some(RuleWhen::After) = self.when {
            builder = builder.after();
        }
        builder.action(match self.action {
            RuleAction::Fail {
                code,
                status,
                message,
            } => Action::Fail {
                code,
                status,
                message,
            },
            RuleAction::AccessDenied => Action::AccessDenied,
            RuleAction::Throttle => Action::Throttle,
            RuleAction::Delay(ms) => Action::Delay(Duration::from_millis(ms)),
            RuleAction::Drop => Action::Drop,
            RuleAction::Hang => Action::Hang,
        })
    }
}

/// Answers a request to one of the paths above.
pub(crate) async fn handle(sandbox: &Sandbox, request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let name = parts.uri.path().trim_start_matches(PREFIX).to_owned();
    match (parts.method, name.as_str()) {
        (Method::POST, "faults") => inject(sandbox, &body),
        (Method::GET, "faults") => ok(&json!({ "faults": sandbox.faults() })),
        (Method::DELETE, "faults") => {
            sandbox.clear_faults();
            ok(&json!({}))
        }
        (Method::GET, "calls") => ok(&json!({
            "counts": sandbox.call_counts(),
            "calls": sandbox.calls(),
        })),
        (Method::POST, "reset-calls") => {
            sandbox.reset_calls();
            ok(&json!({}))
        }
        (Method::GET, "hanging") => hanging(sandbox, parts.uri.query().unwrap_or_default()).await,
        (Method::POST, "release") => {
            sandbox.release_hanging();
            ok(&json!({}))
        }
        (Method::GET, "state") => ok(&json!({
            "functions": sandbox.fleet(),
            "parameters": sandbox.parameters(),
        })),
        (Method::POST, "rate-limits") => match serde_json::from_slice(&body) {
            Ok(RateLimitsInput { on }) => {
                let limits = if on {
                    RateLimits::aws()
                } else {
                    RateLimits::off()
                };
                sandbox.configure(|settings| settings.rate_limits = limits);
                ok(&json!({}))
            }
            Err(error) => bad(&error.to_string()),
        },
        (method, name) => answer(
            StatusCode::NOT_FOUND,
            &json!({ "error": format!("the sandbox has no {method} {PREFIX}{name}") }),
        ),
    }
}

fn inject(sandbox: &Sandbox, body: &Bytes) -> Response<Bytes> {
    let rules = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(rules)) => rules,
        Ok(rule) => vec![rule],
        Err(error) => return bad(&error.to_string()),
    };
    // All of them or none.
    let rules: Result<Vec<Rule>, _> = rules.into_iter().map(serde_json::from_value).collect();
    match rules {
        Ok(rules) => {
            let ids: Vec<_> = rules
                .into_iter()
                .map(|rule| sandbox.inject(rule.into_fault()))
                .collect();
            ok(&json!({ "ids": ids }))
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn hanging(sandbox: &Sandbox, query: &str) -> Response<Bytes> {
    let number = |name: &str, default: u64| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(default)
    };
    let patience = Duration::from_millis(number("timeout_ms", 30_000));
    match tokio::time::timeout(patience, sandbox.hanging(number("after", 0))).await {
        Ok(held) => ok(&json!({ "hanging": held })),
        Err(_) => answer(StatusCode::REQUEST_TIMEOUT, &json!({ "hanging": [] })),
    }
}

fn ok(body: &Value) -> Response<Bytes> {
    answer(StatusCode::OK, body)
}

fn bad(why: &str) -> Response<Bytes> {
    answer(StatusCode::BAD_REQUEST, &json!({ "error": why }))
}

fn answer(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
