//! From the name of an operation to the function that performs it.

use crate::error::ApiResult;
use crate::ssm::state::SsmState;
use crate::ssm::{delete, page, put, read};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// Performs one operation of Parameter Store.
pub(crate) fn dispatch(
    state: &mut SsmState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let body = match request.operation.name {
        "PutParameter" => put::put(state, context, request.input()?)?,
        "GetParameter" => read::get(state, context, &request.input()?)?,
        "GetParametersByPath" => page::by_path(state, context, &request.input()?)?,
        "DeleteParameters" => delete::delete(state, context, request.input()?)?,
        other => {
            return Err(crate::error::ApiError::new(
                400,
                "UnknownOperationException",
                format!("The sandbox does not know the operation AmazonSSM.{other}."),
            ));
        }
    };
    Ok(Reply::json(200, &body))
}
