//! Event source mappings, which are always on their way from one state to another.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{epoch_seconds, later};
use crate::error::{ApiError, ApiResult};
use crate::lambda::listing;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::{LambdaState, Mapping, MappingPhase};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UpdateInput {
    enabled: Option<bool>,
}

fn find<'a>(state: &'a mut LambdaState, request: &Incoming) -> ApiResult<&'a mut Mapping> {
    state
        .mappings
        .get_mut(request.segment(0))
        .ok_or_else(|| ApiError::not_found("The resource you requested does not exist."))
}

pub(crate) fn get(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let mapping = find(state, request)?;
    Ok(Reply::json(200, &show(context, mapping)))
}

pub(crate) fn update(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: UpdateInput = request.input()?;
    let lambda = &context.settings.lambda;
    let mapping = find(state, request)?;
    if mapping.phase(context.now).is_some() {
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
    mapping.change = Some((phase, later(context.now, lasts)));
    mapping.modified = context.now;
    Ok(Reply::json(202, &show(context, mapping)))
}

/// Mappings, all of them or those of one function or one source.
///
/// A bare function name finds only what maps to the function itself, not what maps to an alias or a
/// version of it: where AWS's documentation leaves room, the sandbox takes the narrow reading.
pub(crate) fn list(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let function_arn = match request.query("FunctionName") {
        Some(text) => {
            let name = FunctionRef::parse(text, context.settings)?;
            Some(name.arn(context.settings))
        }
        None => None,
    };
    let source = request.query("EventSourceArn");
    let listed = state
        .mappings
        .values()
        .filter(|it| {
            function_arn
                .as_ref()
                .is_none_or(|arn| *arn == it.function_arn)
        })
        .filter(|it| source.is_none_or(|arn| it.source_arn.as_deref() == Some(arn)))
        .map(|it| show(context, it));
    let page = listing::page(request, listed, PAGE, 10_000)?;
    Ok(Reply::json(200, &page.body("EventSourceMappings")))
}

fn show(context: &Context<'_>, mapping: &Mapping) -> Value {
    let settings = context.settings;
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
        "State": mapping.state(context.now),
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
    });
    if let Some(source) = &mapping.source_arn {
        body["EventSourceArn"] = source.as_str().into();
    }
    if let Some(body) = body.as_object_mut() {
        body.extend(mapping.settings.clone());
    }
    body
}
