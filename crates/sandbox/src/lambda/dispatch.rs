//! From the name of an operation to the function that performs it.

use crate::error::{ApiError, ApiResult};
use crate::lambda::state::LambdaState;
use crate::lambda::{
    account, event_invoke, functions, invoke, mappings, policy, provisioned, reserved, versions,
};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// Performs one operation of Lambda.
pub(crate) fn dispatch(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    match request.operation.name {
        "Invoke" => invoke::invoke(state, context, request),
        "GetFunction" => functions::get(state, context, request),
        "ListFunctions" => functions::list(state, context, request),
        "ListVersionsByFunction" => versions::list_versions(state, context, request),
        "ListAliases" => versions::list_aliases(state, context, request),
        "PutFunctionConcurrency" => reserved::put(state, context, request),
        "GetFunctionConcurrency" => reserved::get(state, context, request),
        "DeleteFunctionConcurrency" => reserved::delete(state, context, request),
        "PutProvisionedConcurrencyConfig" => provisioned::put(state, context, request),
        "GetProvisionedConcurrencyConfig" => provisioned::get(state, context, request),
        "DeleteProvisionedConcurrencyConfig" => provisioned::delete(state, context, request),
        "ListProvisionedConcurrencyConfigs" => provisioned::list(state, context, request),
        "GetEventSourceMapping" => mappings::get(state, context, request),
        "UpdateEventSourceMapping" => mappings::update(state, context, request),
        "ListEventSourceMappings" => mappings::list(state, context, request),
        "GetAccountSettings" => account::settings(state, context),
        "GetPolicy" => policy::get(state, context, request),
        "ListFunctionEventInvokeConfigs" => event_invoke::list(state, context, request),
        other => Err(ApiError::new(
            404,
            "UnknownOperationException",
            format!("The sandbox does not know the operation {other}."),
        )),
    }
}
