//! The resource policy of a function: kept and shown, never evaluated.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::{find, named};
use crate::lambda::state::LambdaState;
use crate::wire::{Incoming, Reply};
use crate::world::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddInput {
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
}

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
    let body = json!({
        "Policy": policy.to_string(),
        "RevisionId": function.latest.revision,
    });
    Ok(Reply::json(200, &body))
}

pub(crate) fn add(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: AddInput = request.input()?;
    let name = named(request, context)?;
    let arn = name.arn(context.settings);
    let function = find(state, context, &name)?;
    let statements = function
        .policy
        .entry(name.qualifier.unwrap_or_default())
        .or_default();
    if statements.contains_key(&input.statement_id) {
        return Err(ApiError::conflict(format!(
            "The statement id ({}) provided already exists. Please provide a new statement id, or \
             remove the existing statement.",
            input.statement_id
        )));
    }
    let principal = if input.principal.ends_with(".amazonaws.com") {
        json!({ "Service": input.principal })
    } else {
        json!({ "AWS": input.principal })
    };
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": input.action,
        "Resource": arn,
    });
    if let Some(source) = input.source_arn {
        statement["Condition"] = json!({ "ArnLike": { "AWS:SourceArn": source } });
    }
    let text = Value::String(statement.to_string());
    statements.insert(input.statement_id, statement);
    Ok(Reply::json(201, &json!({ "Statement": text })))
}

pub(crate) fn remove(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let function = find(state, context, &name)?;
    let id = request.segment(2);
    function
        .policy
        .get_mut(name.qualifier.as_deref().unwrap_or_default())
        .and_then(|statements| statements.remove(id))
        .ok_or_else(|| {
            ApiError::not_found(format!("Statement {id} is not found in resource policy."))
        })?;
    Ok(Reply::empty(204))
}
