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
    source_account: Option<String>,
    event_source_token: Option<String>,
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
    let mut statement = statement(&input.statement_id, &input.principal, &input.action, &arn);
    if let Some(source) = input.source_arn {
        statement["Condition"]["ArnLike"]["AWS:SourceArn"] = source.into();
    }
    if let Some(account) = input.source_account {
        statement["Condition"]["StringEquals"]["AWS:SourceAccount"] = account.into();
    }
    if let Some(token) = input.event_source_token {
        statement["Condition"]["StringEquals"]["lambda:EventSourceToken"] = token.into();
    }
    let text = Value::String(statement.to_string());
    statements.insert(input.statement_id, statement);
    Ok(Reply::json(201, &json!({ "Statement": text })))
}

/// A statement that allows a principal an action.
pub(crate) fn statement(id: &str, by: &str, action: &str, resource: &str) -> Value {
    json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": principal(by),
        "Action": action,
        "Resource": resource,
    })
}

/// A principal as a policy shows it: a service by its domain (`s3.amazonaws.com`,
/// `alexa-appkit.amazon.com`, `ec2.amazonaws.com.cn`), an account or a role by its ARN, or anybody.
fn principal(given: &str) -> Value {
    let is_account = given.len() == 12 && given.bytes().all(|b| b.is_ascii_digit());
    if given == "*" {
        json!("*")
    } else if is_account {
        json!({ "AWS": format!("arn:aws:iam::{given}:root") })
    } else if given.starts_with("arn:") {
        json!({ "AWS": given })
    } else {
        json!({ "Service": given })
    }
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
