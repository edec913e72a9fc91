//! Invoke: it echoes the payload, or refuses the caller at a reservation of zero.
//!
//! No code runs, and no concurrency is used.

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::find;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::LambdaState;

pub(crate) fn invoke(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name)?;
    let kind = request.message.headers.get("x-amz-invocation-type");
    match kind.map_or(Ok("RequestResponse"), |kind| kind.to_str()) {
        Ok("RequestResponse") if function.reserved == Some(0) => Err(ApiError::too_many_requests(
            "Rate Exceeded.",
            "ReservedFunctionConcurrentInvocationLimitExceeded",
        )),
        Ok("RequestResponse") => Ok(Reply {
            status: 200,
            body: request.message.body.clone(),
        }),
        // AWS accepts an event whatever the reservation.
        Ok("Event") => Ok(Reply::empty(202)),
        other => Err(ApiError::constraint(
            other.unwrap_or_default(),
            "invocationType",
            "The sandbox takes one of [Event, RequestResponse]",
        )),
    }
}
