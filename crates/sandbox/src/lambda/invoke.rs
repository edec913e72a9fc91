//! Invoke: it echoes the payload, or refuses the caller at a reservation of zero.
//!
//! No code runs, and no concurrency is used. A payload with an `errorMessage`, which is how a runtime describes what
//! a handler threw, is echoed as the error of a function that failed.

use aws_smithy_types::base64;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::find;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::LambdaState;

const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");

pub(crate) fn invoke(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name)?;
    let asked = &request.message.headers;
    let kind = asked.get("x-amz-invocation-type");
    match kind.map_or(Ok("RequestResponse"), |kind| kind.to_str()) {
        Ok("RequestResponse") if function.reserved == Some(0) => Err(ApiError::too_many_requests(
            "Rate Exceeded.",
            "ReservedFunctionConcurrentInvocationLimitExceeded",
        )),
        Ok("RequestResponse") => {
            let qualifier = name.qualifier.as_deref().unwrap_or("$LATEST");
            let version = function.version_of(qualifier).to_owned();
            let body = &request.message.body;
            if !body.is_empty() && serde_json::from_slice::<Value>(body).is_err() {
                return Err(ApiError::new(
                    400,
                    "InvalidRequestContentException",
                    "Could not parse request body into json: Could not parse payload into json",
                ));
            }
            Ok(Reply {
                status: 200,
                headers: headers(&version, request),
                body: body.clone(),
            })
        }
        // AWS accepts an event whatever the reservation.
        Ok("Event") => Ok(Reply::empty(202)),
        other => Err(ApiError::constraint(
            other.unwrap_or_default(),
            "invocationType",
            "The sandbox takes one of [Event, RequestResponse]",
        )),
    }
}

/// What AWS says of an invocation beside its answer.
fn headers(version: &str, request: &ApiRequest<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
    };
    add(EXECUTED_VERSION, version);
    let answer: Option<Value> = serde_json::from_slice(&request.message.body).ok();
    let error = answer.as_ref().and_then(|it| it.get("errorMessage"));
    let mut log = format!("START RequestId: sandbox Version: {version}\n");
    if let Some(error) = error {
        add(FUNCTION_ERROR, "Unhandled");
        log += &format!("[ERROR] {error}\n");
    }
    log += "END RequestId: sandbox\n";
    let asked = &request.message.headers;
    if asked.get("x-amz-log-type").is_some_and(|it| it == "Tail") {
        add(LOG_RESULT, &base64::encode(log));
    }
    headers
}
