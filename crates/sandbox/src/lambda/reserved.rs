//! Reserved concurrency: unset, 0 and a number are three different things. Every reservation reduces the
//! account's unreserved concurrency.

use serde::Deserialize;
use serde_json::json;

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::{find, settled};
use crate::lambda::names::FunctionRef;
use crate::lambda::state::LambdaState;

/// How much concurrency of the account must stay unreserved.
pub(crate) const UNRESERVED_MINIMUM: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutInput {
    reserved_concurrent_executions: Option<i64>,
}

/// Refuses aliases and versions: a reservation belongs to the function.
fn never_qualified(request: &ApiRequest<'_>) -> ApiResult<FunctionRef> {
    let function = FunctionRef::of(request)?;
    if function.qualifier.is_some() {
        return Err(ApiError::invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not \
             support this operation. Please specify either a function name or an unqualified \
             function ARN.",
        ));
    }
    Ok(function)
}

pub(crate) fn put(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = never_qualified(request)?;
    let input: PutInput = request.input()?;
    // AWS looks for the function, under this odd ARN, before it looks at the number.
    if !state.functions.contains_key(&name.name) {
        return Err(ApiError::not_found(format!(
            "Function not found: {}:$LATEST",
            name.arn(request.settings)
        )));
    }
    let wanted = count(
        input.reserved_concurrent_executions,
        "reservedConcurrentExecutions",
        0,
    )?;
    let pool = pool_for(state, request, &name.name);
    let function = settled(state, request, &name)?;
    if wanted > function.taken() && pool.saturating_sub(wanted) < UNRESERVED_MINIMUM {
        return Err(below_minimum("ReservedConcurrentExecutions"));
    }
    let provisioned = function.total_provisioned();
    if wanted < provisioned {
        // The extra spaces are AWS's own.
        return Err(ApiError::invalid(format!(
            " ReservedConcurrentExecutions  {wanted} should not be lower than function's total \
             provisioned concurrency [{provisioned}]."
        )));
    }
    function.reserve(Some(wanted), request.now);
    Ok(Reply::ok(
        &json!({ "ReservedConcurrentExecutions": wanted }),
    ))
}

pub(crate) fn get(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let function = find(state, request, &FunctionRef::unqualified(request)?)?;
    Ok(Reply::ok(&match function.reserved {
        Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
        None => json!({}),
    }))
}

pub(crate) fn delete(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = never_qualified(request)?;
    settled(state, request, &name)?.reserve(None, request.now);
    Ok(Reply::empty(204))
}

pub(crate) fn account_settings(
    state: &mut LambdaState,
    request: &ApiRequest<'_>,
) -> ApiResult<Reply> {
    Ok(Reply::ok(&json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": request.settings.lambda.concurrent_executions,
            "UnreservedConcurrentExecutions": pool_for(state, request, ""),
        },
        "AccountUsage": {
            "TotalCodeSize": state.functions.len() * 262,
            "FunctionCount": state.functions.len(),
        },
    })))
}

/// The unreserved concurrency without the share of `function`; with all shares if there is no such function.
pub(crate) fn pool_for(state: &LambdaState, request: &ApiRequest<'_>, function: &str) -> u32 {
    let others = state.functions.values().filter(|it| it.name != function);
    let taken = others.fold(0, |sum: u32, it| sum.saturating_add(it.taken()));
    let limit = request.settings.lambda.concurrent_executions;
    limit.saturating_sub(taken)
}

/// A number of concurrent executions, within the limits of the API's model.
pub(crate) fn count(value: Option<i64>, field: &str, min: u32) -> ApiResult<u32> {
    let shown = value.map_or("null".to_owned(), |value| value.to_string());
    let rule = match value {
        None => "Member must not be null".to_owned(),
        Some(value) if value < i64::from(min) => {
            format!("Member must have value greater than or equal to {min}")
        }
        Some(value) => match i32::try_from(value) {
            Ok(count) => return Ok(count.unsigned_abs()),
            Err(_) => format!("Member must have value less than or equal to {}", i32::MAX),
        },
    };
    Err(ApiError::constraint(&shown, field, &rule))
}

/// The refusal to reduce unreserved concurrency too far. AWS sends it without a `Type`.
pub(crate) fn below_minimum(what: &str) -> ApiError {
    ApiError::new(
        400,
        "InvalidParameterValueException",
        format!(
            "Specified {what} for function decreases account's UnreservedConcurrentExecution below \
             its minimum value of [{UNRESERVED_MINIMUM}]."
        ),
    )
}
