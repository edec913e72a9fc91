//! Reserved concurrency: unset, zero or a number, which are three different things.

use serde::Deserialize;
use serde_json::json;

use crate::error::{ApiError, ApiResult};
use crate::lambda::account;
use crate::lambda::functions::{find, settled};
use crate::lambda::names::FunctionRef;
use crate::lambda::state::LambdaState;
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// How much concurrency of the account must stay unreserved.
pub(crate) const UNRESERVED_MINIMUM: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    reserved_concurrent_executions: Option<i64>,
}

/// Refuses aliases and versions: a reservation belongs to the function.
fn unqualified(request: &Incoming, context: &Context<'_>) -> ApiResult<FunctionRef> {
    let function = FunctionRef::parse(request.segment(0), context.settings)?
        .with_query(request.query("Qualifier"))?;
    if function.qualifier.is_some() {
        return Err(ApiError::invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not \
             support this operation. Please specify either a function name or an unqualified \
             function ARN.",
        ));
    }
    Ok(function)
}

pub(crate) fn put(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = unqualified(request, context)?;
    let input: PutInput = request.input()?;
    let wanted = input.reserved_concurrent_executions.ok_or_else(|| {
        ApiError::validation(
            "1 validation error detected: Value null at 'reservedConcurrentExecutions' failed to \
             satisfy constraint: Member must not be null",
        )
    })?;
    // AWS looks for the function, under this odd ARN, before it looks at the number.
    if !state.functions.contains_key(&name.name) {
        return Err(ApiError::not_found(format!(
            "Function not found: {}:$LATEST",
            name.arn(context.settings)
        )));
    }
    let wanted = super::configuration::ranged(
        wanted,
        "reservedConcurrentExecutions",
        0,
        i32::MAX.unsigned_abs(),
    )?;
    let pool = account::pool_for(state, context, &name.name);
    let function = settled(state, context, &name)?;
    let raised = wanted > function.taken();
    if raised && pool.saturating_sub(wanted) < UNRESERVED_MINIMUM {
        return Err(below_minimum("ReservedConcurrentExecutions"));
    }
    let provisioned = function.total_provisioned();
    if wanted < provisioned {
        // Two blanks and one in front: AWS's own words.
        return Err(ApiError::invalid(format!(
            " ReservedConcurrentExecutions  {wanted} should not be lower than function's total \
             provisioned concurrency [{provisioned}]."
        )));
    }
    function.reserve(Some(wanted), context.now);
    Ok(Reply::json(
        200,
        &json!({ "ReservedConcurrentExecutions": wanted }),
    ))
}

/// The refusal that keeps the account's pool from running dry. AWS sends it without a `Type`.
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

pub(crate) fn get(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    // AWS takes a qualified name here and answers for the function.
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let bare = FunctionRef {
        qualifier: None,
        ..name
    };
    let function = find(state, context, &bare)?;
    let body = match function.reserved {
        Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
        None => json!({}),
    };
    Ok(Reply::json(200, &body))
}

pub(crate) fn delete(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = unqualified(request, context)?;
    settled(state, context, &name)?.reserve(None, context.now);
    Ok(Reply::empty(204))
}
