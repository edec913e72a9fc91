//! Event source mappings, whose changes are asynchronous.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::clock::{epoch_seconds, later};
use crate::error::{ApiError, ApiResult};
use crate::lambda::listing::page;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::{LambdaState, Mapping, MappingPhase};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UpdateInput {
    enabled: Option<bool>,
}

fn find<'a>(state: &'a mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<&'a mut Mapping> {
    state
        .mappings
        .get_mut(&request.message.subject)
        .ok_or_else(|| ApiError::not_found("The resource you requested does not exist."))
}

pub(crate) fn get(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let mapping = find(state, request)?;
    Ok(Reply::ok(&show(request, mapping)))
}

pub(crate) fn update(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: UpdateInput = request.input()?;
    let lambda = &request.settings.lambda;
    let mapping = find(state, request)?;
    if mapping.phase(request.now).is_some() {
        return Err(ApiError::in_use(
            "Cannot update the event source mapping because it is in use.",
        ));
    }
    let (phase, lasts) = match input.enabled {
        Some(true) if !mapping.enabled => (MappingPhase::Enabling, lambda.mapping_change),
        Some(false) if mapping.enabled => (MappingPhase::Disabling, lambda.mapping_disable),
        _ => (MappingPhase::Updating, lambda.mapping_change),
    };
    mapping.enabled = input.enabled.unwrap_or(mapping.enabled);
    mapping.change = Some((phase, later(request.now, lasts)));
    mapping.modified = request.now;
    Ok(Reply::json(202, &show(request, mapping)))
}

/// Mappings, all of them or those of one function.
///
/// A bare function name lists only the mappings of the function itself, without those of its aliases and
/// versions: AWS's documentation leaves this open, and the sandbox takes the narrow reading.
pub(crate) fn list(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let of = request.query("FunctionName");
    let of = of.map(|text| FunctionRef::parse(text, request.settings));
    let of = of
        .transpose()?
        .map(|function| function.arn(request.settings));
    let listed = state
        .mappings
        .values()
        .filter(|it| of.as_ref().is_none_or(|arn| *arn == it.function_arn))
        .map(|it| show(request, it));
    page(request, listed, "EventSourceMappings", 100)
}

fn show(request: &ApiRequest<'_>, mapping: &Mapping) -> Value {
    let settings = request.settings;
    let mut body = json!({
        "UUID": mapping.uuid,
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionArn": mapping.function_arn,
        "EventSourceMappingArn": format!(
            "arn:aws:lambda:{}:{}:event-source-mapping:{}",
            settings.region, settings.account, mapping.uuid
        ),
        "LastModified": epoch_seconds(mapping.modified),
        "State": mapping.state(request.now),
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
    });
    if let Some(source) = &mapping.source_arn {
        body["EventSourceArn"] = source.as_str().into();
    }
    for (name, value) in &mapping.settings {
        body[name] = value.clone();
    }
    body
}
