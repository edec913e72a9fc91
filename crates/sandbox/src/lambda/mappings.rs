//! Event source mappings, which are always on their way from one state to another.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::{epoch_seconds, later};
use crate::error::{ApiError, ApiResult};
use crate::lambda::configuration::ranged;
use crate::lambda::listing;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::{LambdaState, Mapping, MappingPhase};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 100;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    event_source_arn: Option<String>,
    function_name: Option<String>,
    enabled: Option<bool>,
    batch_size: Option<i64>,
    starting_position: Option<String>,
    self_managed_event_source: Option<SelfManaged>,
    topics: Vec<String>,
    source_access_configurations: Vec<Value>,
}

/// A cluster that AWS does not manage. It has no ARN.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SelfManaged {
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoints {
    #[serde(rename = "KAFKA_BOOTSTRAP_SERVERS")]
    servers: Vec<String>,
}

/// Settings that are kept and shown, and otherwise mean nothing here.
const KEPT: &[&str] = &[
    "StartingPosition",
    "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "DestinationConfig",
    "FilterCriteria",
    "ScalingConfig",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "AmazonManagedKafkaEventSourceConfig",
    "Topics",
    "SourceAccessConfigurations",
];

/// Forgets the mappings whose deletion is over.
pub(crate) fn settle(state: &mut LambdaState, context: &Context<'_>) {
    state
        .mappings
        .retain(|_, mapping| !mapping.is_gone(context.now));
}

pub(crate) fn create(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: Input = request.input()?;
    let given: Map<String, Value> = request.input()?;
    let service = service(&input)?;
    let function = input.function_name.as_deref();
    let function = function.ok_or_else(|| null("functionName"))?;
    if matches!(service, "kinesis" | "dynamodb" | "kafka") {
        starting_position(input.starting_position.as_deref())?;
    }
    let usual = if service == "sqs" { 10 } else { 100 };
    let source = input.event_source_arn;
    let name = FunctionRef::parse(function, context.settings)?;
    let known = state.functions.get(&name.name).is_some_and(|it| {
        name.qualifier
            .as_deref()
            .is_none_or(|qualifier| it.resolve(qualifier).is_some())
    });
    if !known {
        return Err(ApiError::invalid("Function does not exist"));
    }
    let function_arn = name.arn(context.settings);
    let settings = kept(given);
    if let Some(other) = state.mappings.values().find(|it| {
        it.source_arn == source
            && it.function_arn == function_arn
            && (source.is_some()
                || it.settings.get("SelfManagedEventSource")
                    == settings.get("SelfManagedEventSource")
                    && it.settings.get("Topics") == settings.get("Topics"))
    }) {
        return Err(ApiError::conflict(format!(
            "The event source arn (\" {} \") and function (\" {} \") provided mapping already \
             exists. Please update or delete the existing mapping with UUID {}",
            source.unwrap_or_default(),
            name.name,
            other.uuid
        )));
    }
    let mapping = Mapping {
        uuid: state.uuid(),
        source_arn: source,
        function_arn,
        batch_size: ranged(input.batch_size.unwrap_or(usual), "batchSize", 1, 10_000)?,
        enabled: input.enabled.unwrap_or(true),
        change: Some((
            MappingPhase::Creating,
            later(context.now, context.settings.lambda.mapping_change),
        )),
        modified: context.now,
        settings,
    };
    let body = show(context, &mapping);
    state.mappings.insert(mapping.uuid.clone(), mapping);
    Ok(Reply::json(202, &body))
}

/// The service that the events come from. A self-managed Kafka cluster is named by its servers instead of
/// an ARN, with its topic and how to sign in [API reference, `CreateEventSourceMapping`].
fn service(input: &Input) -> ApiResult<&str> {
    let unrecognized = || ApiError::invalid("Unrecognized event source.");
    match (&input.event_source_arn, &input.self_managed_event_source) {
        (Some(arn), None) => {
            let service = arn.split(':').nth(2).unwrap_or_default();
            let known = ["sqs", "kinesis", "dynamodb", "kafka", "mq", "rds"];
            known
                .into_iter()
                .find(|it| *it == service)
                .ok_or_else(unrecognized)
        }
        (None, Some(cluster)) => {
            let complete = !cluster.endpoints.servers.is_empty()
                && input.topics.len() == 1
                && !input.source_access_configurations.is_empty();
            complete.then_some("kafka").ok_or_else(unrecognized)
        }
        _ => Err(unrecognized()),
    }
}

fn null(field: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member \
         must not be null"
    ))
}

fn starting_position(given: Option<&str>) -> ApiResult<()> {
    match given {
        Some("LATEST" | "TRIM_HORIZON" | "AT_TIMESTAMP") => Ok(()),
        Some(other) => Err(ApiError::constraint(
            other,
            "startingPosition",
            "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
        )),
        None => Err(ApiError::invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy \
             constraint: Member must not be null.",
        )),
    }
}

fn kept(given: Map<String, Value>) -> Map<String, Value> {
    given
        .into_iter()
        .filter(|(key, value)| KEPT.contains(&key.as_str()) && !value.is_null())
        .collect()
}

fn find<'a>(state: &'a mut LambdaState, request: &Incoming) -> ApiResult<&'a mut Mapping> {
    state
        .mappings
        .get_mut(request.segment(0))
        .ok_or_else(|| ApiError::not_found("The resource you requested does not exist."))
}

/// A mapping that is still changing can be neither updated nor deleted.
fn at_rest(mapping: &Mapping, context: &Context<'_>, verb: &str) -> ApiResult<()> {
    if mapping.phase(context.now).is_some() {
        return Err(ApiError::in_use(format!(
            "Cannot {verb} the event source mapping because it is in use."
        )));
    }
    Ok(())
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
    let input: Input = request.input()?;
    let given: Map<String, Value> = request.input()?;
    let target = match &input.function_name {
        Some(text) => {
            let name = FunctionRef::parse(text, context.settings)?;
            if !state.functions.contains_key(&name.name) {
                return Err(ApiError::invalid("Function does not exist"));
            }
            Some(name.arn(context.settings))
        }
        None => None,
    };
    let lambda = &context.settings.lambda;
    let mapping = find(state, request)?;
    at_rest(mapping, context, "update")?;
    if let Some(size) = input.batch_size {
        mapping.batch_size = ranged(size, "batchSize", 1, 10_000)?;
    }
    if let Some(target) = target {
        mapping.function_arn = target;
    }
    let (phase, lasts) = match input.enabled {
        Some(true) if !mapping.enabled => (MappingPhase::Enabling, lambda.mapping_change),
        Some(false) if mapping.enabled => (MappingPhase::Disabling, lambda.mapping_disable),
        _ => (MappingPhase::Updating, lambda.mapping_change),
    };
    mapping.enabled = input.enabled.unwrap_or(mapping.enabled);
    mapping.change = Some((phase, later(context.now, lasts)));
    mapping.modified = context.now;
    mapping.settings.extend(kept(given));
    Ok(Reply::json(202, &show(context, mapping)))
}

pub(crate) fn delete(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let lasts = context.settings.lambda.mapping_change;
    let mapping = find(state, request)?;
    at_rest(mapping, context, "delete")?;
    mapping.change = Some((MappingPhase::Deleting, later(context.now, lasts)));
    mapping.modified = context.now;
    // Even one that takes no time shows its last state once.
    let mut body = show(context, mapping);
    body["State"] = "Deleting".into();
    Ok(Reply::json(202, &body))
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
        "BatchSize": mapping.batch_size,
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
