//! Deleting parameters. AWS asks to wait before the name is created again.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::json;

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::ssm::state::SsmState;

/// The most names one call takes.
const MAX_NAMES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteInput {
    names: Vec<String>,
}

pub(crate) fn delete(state: &mut SsmState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: DeleteInput = request.input()?;
    check(&input.names)?;
    let delete = |name: &String| {
        if state.parameters.contains_key(name) {
            state.remember(name, request.settings.ssm.read_lag);
        }
        state.delete(name, request.now)
    };
    let (deleted, missing): (Vec<String>, Vec<String>) = input.names.into_iter().partition(delete);
    Ok(Reply::ok(
        &json!({ "DeletedParameters": deleted, "InvalidParameters": missing }),
    ))
}

/// One to ten names, each once.
fn check(names: &[String]) -> ApiResult<()> {
    let rule = match names.len() {
        0 => "Member must have length greater than or equal to 1",
        1..=MAX_NAMES => "",
        _ => "Member must have length less than or equal to 10",
    };
    if !rule.is_empty() {
        let listed = format!("[{}]", names.join(", "));
        return Err(ApiError::constraint(&listed, "names", rule));
    }
    let distinct: HashSet<&String> = names.iter().collect();
    if distinct.len() < names.len() {
        return Err(ApiError::validation(
            "Invalid request: names can't contain the same name twice.",
        ));
    }
    Ok(())
}
