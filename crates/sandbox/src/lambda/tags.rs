//! Tags, of functions and of mappings' functions alone: mappings keep none here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::find;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::{Function, LambdaState};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const MAX_TAGS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagInput {
    tags: Map<String, Value>,
}

/// Tags as given, which are strings.
pub(crate) fn read(given: Map<String, Value>) -> ApiResult<BTreeMap<String, String>> {
    let tags: BTreeMap<String, String> = given
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(value) => Ok((key, value)),
            other => Err(ApiError::serialization(format!(
                "the tag {key} is no string: {other}"
            ))),
        })
        .collect::<ApiResult<_>>()?;
    limited(tags.len())?;
    Ok(tags)
}

fn limited(count: usize) -> ApiResult<()> {
    if count > MAX_TAGS {
        return Err(ApiError::invalid(
            "Number of tags exceeds resource tag limit.",
        ));
    }
    Ok(())
}

fn tagged<'a>(
    state: &'a mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<&'a mut Function> {
    let arn = request.segment(0);
    if !arn.starts_with("arn:aws:lambda:") || !arn.contains(":function:") {
        return Err(ApiError::constraint(
            arn,
            "resource",
            "Member must be the ARN of a function (the sandbox tags nothing else)",
        ));
    }
    let name = FunctionRef::parse(arn, context.settings)?;
    if name.qualifier.is_some() {
        return Err(ApiError::invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        ));
    }
    find(state, context, &name)
}

pub(crate) fn tag(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: TagInput = request.input()?;
    let function = tagged(state, context, request)?;
    if input.tags.is_empty() {
        return Err(ApiError::invalid(
            "An error occurred and the request cannot be processed.",
        ));
    }
    let mut tags = function.tags.clone();
    tags.extend(read(input.tags)?);
    limited(tags.len())?;
    function.tags = tags;
    Ok(Reply::empty(204))
}

pub(crate) fn untag(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let keys = request.query_all("tagKeys");
    if keys.is_empty() {
        return Err(ApiError::validation(
            "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: \
             Member must not be null",
        ));
    }
    let function = tagged(state, context, request)?;
    function.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Reply::empty(204))
}

pub(crate) fn list(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let function = tagged(state, context, request)?;
    Ok(Reply::json(200, &json!({ "Tags": function.tags })))
}
