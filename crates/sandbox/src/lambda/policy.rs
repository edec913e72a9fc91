//! The resource policy of a function: kept and shown, never evaluated.

use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::{find, named};
use crate::lambda::state::LambdaState;
use crate::wire::{Incoming, Reply};
use crate::world::Context;

fn none() -> ApiError {
    ApiError::not_found("The resource you requested does not exist.")
}

pub(crate) fn get(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let function = find(state, context, &name).map_err(|_| none())?;
    let key = name.qualifier.unwrap_or_default();
    let statements = function
        .policy
        .get(&key)
        .filter(|it| !it.is_empty())
        .ok_or_else(none)?;
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": statements.values().collect::<Vec<_>>(),
    });
    Ok(Reply::json(200, &json!({ "Policy": policy.to_string() })))
}

/// A statement that lets a service, named by its principal (`s3.amazonaws.com`), invoke a function.
pub(crate) fn statement(id: &str, principal: &str, resource: &str) -> Value {
    json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": { "Service": principal },
        "Action": "lambda:InvokeFunction",
        "Resource": resource,
    })
}
