//! The resource policy, which says what invokes a function, and the on-failure destinations of its asynchronous
//! events. Both are shown and never evaluated.

use serde_json::json;

use crate::api::{ApiRequest, Reply};
use crate::clock::epoch_seconds;
use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::find;
use crate::lambda::listing::page;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::state::LambdaState;

pub(crate) fn policy(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name).ok();
    let statements = function.and_then(|it| it.policy.get(&name.qualifier.unwrap_or_default()));
    let statements = statements
        .ok_or_else(|| ApiError::not_found("The resource you requested does not exist."))?;
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": statements.values().collect::<Vec<_>>(),
    });
    Ok(Reply::ok(&json!({ "Policy": policy.to_string() })))
}

/// The on-failure destinations of a function and of its qualifiers.
pub(crate) fn destinations(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name)?;
    let listed = function.event_invoke.iter().map(|(qualifier, config)| {
        json!({
            "LastModified": epoch_seconds(config.modified),
            "FunctionArn": function_arn(request.settings, &name.name, Some(qualifier)),
            "DestinationConfig": {
                "OnSuccess": {},
                "OnFailure": { "Destination": config.on_failure },
            },
        })
    });
    page(request, listed, "FunctionEventInvokeConfigs", 50)
}
