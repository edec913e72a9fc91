//! Invoke: refused or accepted as AWS would, answered by a closure or an echo.
//!
//! Nothing is counted as running: the only concurrency that matters here is a reservation of zero.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::{find, named};
use crate::lambda::state::LambdaState;
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// What stands in for a function's code: payload in, payload or error message out.
pub type Handler = Arc<dyn Fn(Bytes) -> Result<Bytes, String> + Send + Sync>;

/// An invocation that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// The function's name.
    pub function: String,
    /// The version it led to: a number or `$LATEST`.
    pub version: String,
    /// Whether the caller did not wait (`InvocationType: Event`).
    pub asynchronous: bool,
    /// When it arrived.
    pub at: Timestamp,
    /// What became of it.
    pub fate: InvocationFate,
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvocationFate {
    /// The function ran.
    Ran,
    /// Refused with 429: its reserved concurrency is zero, and the caller waited.
    Refused,
    /// Its reserved concurrency is zero: the event went to this dead-letter queue or on-failure
    /// destination without a retry, though the caller was told 202.
    Diverted(String),
    /// As before, but there was nowhere to go: the event is lost.
    Lost,
}

/// An invocation to be carried out once the lock on the world is released.
pub(crate) struct Job {
    pub(crate) function: String,
    pub(crate) version: String,
    pub(crate) payload: Bytes,
    pub(crate) asynchronous: bool,
}

/// Either an answer right away, or work to do first.
pub(crate) fn invoke(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Result<Reply, Job>> {
    let name = named(request, context)?;
    let kind = request
        .header("x-amz-invocation-type")
        .unwrap_or("RequestResponse");
    let function = find(state, context, &name)?;
    let qualifier = name.qualifier_or_latest();
    let version = function.version_of(qualifier).to_owned();
    let asynchronous = match kind {
        "RequestResponse" => false,
        "Event" => true,
        "DryRun" => return Ok(Ok(Reply::empty(204))),
        other => {
            return Err(ApiError::constraint(
                other,
                "invocationType",
                "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
            ));
        }
    };
    let stopped = function.reserved == Some(0);
    let fate = match (stopped, asynchronous) {
        (false, _) => InvocationFate::Ran,
        (true, false) => InvocationFate::Refused,
        (true, true) => {
            let destination = function
                .event_invoke
                .get(qualifier)
                .and_then(|config| config.on_failure.clone());
            let dead_letter = function.latest.dead_letter.clone();
            destination
                .or(dead_letter)
                .map_or(InvocationFate::Lost, InvocationFate::Diverted)
        }
    };
    state.invocations.push(Invocation {
        function: name.name.clone(),
        version: version.clone(),
        asynchronous,
        at: context.now,
        fate,
    });
    match (stopped, asynchronous) {
        (true, false) => Err(ApiError::too_many_requests(
            "Rate Exceeded.",
            "ReservedFunctionConcurrentInvocationLimitExceeded",
        )),
        (true, true) => Ok(Ok(Reply::empty(202))),
        (false, _) => Ok(Err(Job {
            function: name.name,
            version,
            payload: request.body.clone(),
            asynchronous,
        })),
    }
}

impl Job {
    /// Runs the handler, or echoes the payload if there is none.
    pub(crate) fn run(self, handler: Option<Handler>) -> Reply {
        let result = match handler {
            Some(handler) => handler(self.payload),
            None if self.payload.is_empty() => Ok(Bytes::from_static(b"null")),
            None => Ok(self.payload),
        };
        if self.asynchronous {
            return Reply::empty(202);
        }
        let mut reply = match result {
            Ok(body) => Reply {
                body,
                ..Reply::empty(200)
            },
            Err(message) => {
                let body = json!({ "errorMessage": message, "errorType": "HandlerError" });
                let mut reply = Reply::json(200, &body);
                reply
                    .headers
                    .push(("x-amz-function-error", "Unhandled".to_owned()));
                reply
            }
        };
        reply.headers.push(("x-amz-executed-version", self.version));
        reply
    }
}
