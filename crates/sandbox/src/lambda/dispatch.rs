//! From the name of an operation to the function that performs it.

use crate::error::{ApiError, ApiResult};
use crate::lambda::invoke::Job;
use crate::lambda::state::LambdaState;
use crate::lambda::{
    account, event_invoke, functions, invoke, mappings, policy, provisioned, reserved, tags,
    versions,
};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// Performs one operation of Lambda: an answer, or an invocation to run outside the lock.
pub(crate) fn dispatch(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Result<Reply, Job>> {
    mappings::settle(state, context);
    let reply = match request.operation.name {
        "Invoke" => return invoke::invoke(state, context, request),
        "CreateFunction" => functions::create(state, context, request),
        "DeleteFunction" => functions::delete(state, context, request),
        "GetFunction" => functions::get(state, context, request),
        "GetFunctionConfiguration" => functions::get_configuration(state, context, request),
        "UpdateFunctionConfiguration" => functions::update_configuration(state, context, request),
        "UpdateFunctionCode" => functions::update_code(state, context, request),
        "ListFunctions" => functions::list(state, context, request),
        "PublishVersion" => versions::publish_version(state, context, request),
        "ListVersionsByFunction" => versions::list_versions(state, context, request),
        "CreateAlias" => versions::create_alias(state, context, request),
        "UpdateAlias" => versions::update_alias(state, context, request),
        "DeleteAlias" => versions::delete_alias(state, context, request),
        "GetAlias" => versions::get_alias(state, context, request),
        "ListAliases" => versions::list_aliases(state, context, request),
        "PutFunctionConcurrency" => reserved::put(state, context, request),
        "GetFunctionConcurrency" => reserved::get(state, context, request),
        "DeleteFunctionConcurrency" => reserved::delete(state, context, request),
        "PutProvisionedConcurrencyConfig" => provisioned::put(state, context, request),
        "GetProvisionedConcurrencyConfig" => provisioned::get(state, context, request),
        "DeleteProvisionedConcurrencyConfig" => provisioned::delete(state, context, request),
        "ListProvisionedConcurrencyConfigs" => provisioned::list(state, context, request),
        "CreateEventSourceMapping" => mappings::create(state, context, request),
        "GetEventSourceMapping" => mappings::get(state, context, request),
        "UpdateEventSourceMapping" => mappings::update(state, context, request),
        "DeleteEventSourceMapping" => mappings::delete(state, context, request),
        "ListEventSourceMappings" => mappings::list(state, context, request),
        "GetAccountSettings" => account::settings(state, context),
        "TagResource" => tags::tag(state, context, request),
        "UntagResource" => tags::untag(state, context, request),
        "ListTags" => tags::list(state, context, request),
        "GetPolicy" => policy::get(state, context, request),
        "AddPermission" => policy::add(state, context, request),
        "RemovePermission" => policy::remove(state, context, request),
        "GetFunctionEventInvokeConfig" => event_invoke::get(state, context, request),
        "PutFunctionEventInvokeConfig" => event_invoke::put(state, context, request),
        "DeleteFunctionEventInvokeConfig" => event_invoke::delete(state, context, request),
        "ListFunctionEventInvokeConfigs" => event_invoke::list(state, context, request),
        other => Err(ApiError::new(
            404,
            "UnknownOperationException",
            format!("The sandbox does not know the operation {other}."),
        )),
    };
    reply.map(Ok)
}
