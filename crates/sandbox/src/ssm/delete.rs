//! Deleting parameters; the name then has to rest.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::ssm::read;
use crate::ssm::state::SsmState;
use crate::world::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteInput {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteManyInput {
    names: Vec<String>,
}

pub(crate) fn delete(
    state: &mut SsmState,
    context: &Context<'_>,
    input: &DeleteInput,
) -> ApiResult<Value> {
    if remove(state, context, &input.name) {
        Ok(json!({}))
    } else {
        Err(ApiError::ssm_bare("ParameterNotFound"))
    }
}

pub(crate) fn delete_many(
    state: &mut SsmState,
    context: &Context<'_>,
    input: DeleteManyInput,
) -> ApiResult<Value> {
    read::check_names(&input.names)?;
    let (deleted, missing): (Vec<String>, Vec<String>) = input
        .names
        .into_iter()
        .partition(|name| remove(state, context, name));
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": missing }))
}

fn remove(state: &mut SsmState, context: &Context<'_>, name: &str) -> bool {
    if !state.parameters.contains_key(name) {
        return false;
    }
    state.remember(name, context.settings.ssm.read_lag);
    state.parameters.remove(name);
    state.deleted.insert(name.to_owned(), context.now);
    true
}
