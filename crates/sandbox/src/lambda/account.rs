//! The account's pool of concurrency, which every reservation is taken out of.

use serde_json::json;

use crate::error::ApiResult;
use crate::lambda::state::LambdaState;
use crate::wire::Reply;
use crate::world::Context;

/// What would be unreserved if `function` took nothing; what is, if it names no function.
pub(crate) fn pool_for(state: &LambdaState, context: &Context<'_>, function: &str) -> u32 {
    let taken: u32 = state
        .functions
        .values()
        .filter(|it| it.name != function)
        .fold(0, |sum: u32, it| sum.saturating_add(it.taken()));
    let limit = context.settings.lambda.concurrent_executions;
    limit.saturating_sub(taken)
}

pub(crate) fn settings(state: &LambdaState, context: &Context<'_>) -> ApiResult<Reply> {
    let body = json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": context.settings.lambda.concurrent_executions,
            "UnreservedConcurrentExecutions": pool_for(state, context, ""),
        },
        "AccountUsage": {
            "TotalCodeSize": state.functions.len() * 262,
            "FunctionCount": state.functions.len(),
        },
    });
    Ok(Reply::json(200, &body))
}
