//! What becomes of asynchronous events that fail: retries, age and destinations.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::epoch_seconds;
use crate::error::{ApiError, ApiResult};
use crate::lambda::configuration::ranged;
use crate::lambda::functions::{find, named};
use crate::lambda::listing;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::state::{EventInvoke, LambdaState};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 50;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    maximum_retry_attempts: Option<i64>,
    maximum_event_age_in_seconds: Option<i64>,
    destination_config: Option<Destinations>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Destinations {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    destination: Option<String>,
}

fn show(context: &Context<'_>, function: &str, qualifier: &str, config: &EventInvoke) -> Value {
    let side = |arn: &Option<String>| match arn {
        Some(arn) => json!({ "Destination": arn }),
        None => json!({}),
    };
    let mut body = json!({
        "LastModified": epoch_seconds(config.modified),
        "FunctionArn": function_arn(context.settings, function, Some(qualifier)),
        "DestinationConfig": {
            "OnSuccess": side(&config.on_success),
            "OnFailure": side(&config.on_failure),
        },
    });
    if let Some(retries) = config.max_retries {
        body["MaximumRetryAttempts"] = retries.into();
    }
    if let Some(age) = config.max_age_seconds {
        body["MaximumEventAgeInSeconds"] = age.into();
    }
    body
}

fn none(context: &Context<'_>, name: &FunctionRef) -> ApiError {
    let qualifier = name.qualifier_or_latest();
    let arn = function_arn(context.settings, &name.name, Some(qualifier));
    ApiError::not_found(format!(
        "The function {arn} doesn't have an EventInvokeConfig"
    ))
}

pub(crate) fn get(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let qualifier = name.qualifier_or_latest();
    let config = state
        .functions
        .get(&name.name)
        .and_then(|function| function.event_invoke.get(qualifier))
        .ok_or_else(|| none(context, &name))?;
    let body = show(context, &name.name, qualifier, config);
    Ok(Reply::json(200, &body))
}

pub(crate) fn put(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: Input = request.input()?;
    let name = named(request, context)?;
    let retries = input
        .maximum_retry_attempts
        .map(|it| ranged(it, "maximumRetryAttempts", 0, 2))
        .transpose()?;
    let age = input
        .maximum_event_age_in_seconds
        .map(|it| ranged(it, "maximumEventAgeInSeconds", 60, 21_600))
        .transpose()?;
    if retries.is_none() && age.is_none() && input.destination_config.is_none() {
        return Err(ApiError::invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    let function = find(state, context, &name)
        .map_err(|_| ApiError::not_found("The function doesn't exist."))?;
    let destinations = input.destination_config.unwrap_or_default();
    let config = EventInvoke {
        max_retries: retries,
        max_age_seconds: age,
        on_success: destinations.on_success.and_then(|it| it.destination),
        on_failure: destinations.on_failure.and_then(|it| it.destination),
        modified: context.now,
    };
    let qualifier = name.qualifier_or_latest();
    let body = show(context, &name.name, qualifier, &config);
    function.event_invoke.insert(qualifier.to_owned(), config);
    Ok(Reply::json(200, &body))
}

pub(crate) fn delete(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let qualifier = name.qualifier_or_latest();
    state
        .functions
        .get_mut(&name.name)
        .and_then(|function| function.event_invoke.remove(qualifier))
        .ok_or_else(|| none(context, &name))?;
    Ok(Reply::empty(204))
}

pub(crate) fn list(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let function = find(state, context, &name)?;
    let listed = function
        .event_invoke
        .iter()
        .map(|(qualifier, config)| show(context, &name.name, qualifier, config));
    let page = listing::page(request, listed, PAGE, PAGE)?;
    Ok(Reply::json(200, &page.body("FunctionEventInvokeConfigs")))
}
