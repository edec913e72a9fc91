//! Invoke, which is answered as a caller of AWS sees it: an echo, or a refusal at a reservation of zero.
//!
//! No code runs, and nothing is counted as running.

use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::{find, named};
use crate::lambda::state::LambdaState;
use crate::wire::{Incoming, Reply};
use crate::world::Context;

pub(crate) fn invoke(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let function = find(state, context, &name)?;
    match request.header("x-amz-invocation-type") {
        None | Some("RequestResponse") if function.reserved == Some(0) => {
            Err(ApiError::too_many_requests(
                "Rate Exceeded.",
                "ReservedFunctionConcurrentInvocationLimitExceeded",
            ))
        }
        None | Some("RequestResponse") => Ok(Reply {
            status: 200,
            body: request.body.clone(),
        }),
        // AWS accepts an event whatever the reservation.
        Some("Event") => Ok(Reply::empty(202)),
        Some(other) => Err(ApiError::constraint(
            other,
            "invocationType",
            "The sandbox takes one of [Event, RequestResponse]",
        )),
    }
}
