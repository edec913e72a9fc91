//! Published versions, and the aliases that point at them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::lambda::configuration::{self, Shown};
use crate::lambda::functions::{find, settled, stale};
use crate::lambda::listing;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::state::{Alias, Function, LambdaState, Version};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 50;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PublishInput {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AliasInput {
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<Value>,
    revision_id: Option<String>,
}

/// Makes a version of `$LATEST`, unless the newest one already is just that. Returns its number.
pub(crate) fn publish(function: &mut Function) -> u64 {
    if !function.published || function.last_version == 0 {
        function.last_version += 1;
        let configuration = function.latest.clone();
        function
            .versions
            .insert(function.last_version, Version { configuration });
        function.published = true;
    }
    function.last_version
}

/// Deletes a version that no alias points at.
pub(crate) fn remove(function: &mut Function, qualifier: &str) -> ApiResult<()> {
    let Ok(number) = qualifier.parse::<u64>() else {
        return Err(ApiError::invalid(
            "Deletion of aliases and of $LATEST is not allowed here: specify a version.",
        ));
    };
    let pointing: Vec<&str> = function
        .aliases
        .iter()
        .filter(|(_, alias)| alias.version == qualifier)
        .map(|(name, _)| name.as_str())
        .collect();
    if !pointing.is_empty() {
        return Err(ApiError::conflict(format!(
            "Unable to delete version because the following aliases reference it: [{}]",
            pointing.join(", ")
        )));
    }
    function.versions.remove(&number);
    function.forget(qualifier);
    Ok(())
}

pub(crate) fn publish_version(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: PublishInput = request.input()?;
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let function = settled(state, context, &name)?;
    if input
        .revision_id
        .is_some_and(|it| it != function.latest.revision)
    {
        return Err(stale());
    }
    let current = &function.latest.code_sha256;
    if let Some(asked) = input.code_sha256.filter(|it| it != current) {
        return Err(ApiError::invalid(format!(
            "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({current}). \
             Please try again with the CodeSHA256 in $LATEST."
        )));
    }
    let number = publish(function);
    if let (Some(description), Some(version)) =
        (input.description, function.versions.get_mut(&number))
    {
        version.configuration.description = description;
    }
    let body = configuration::show(context, function, &Shown::Number(number));
    Ok(Reply::json(201, &body))
}

pub(crate) fn list_versions(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let function = find(state, context, &name)?;
    let numbers = function
        .versions
        .keys()
        .map(|number| Shown::Number(*number));
    let listed = std::iter::once(Shown::LatestQualified)
        .chain(numbers)
        .map(|shown| configuration::show_listed(context, function, &shown));
    let page = listing::page(request, listed, PAGE, 10_000)?;
    Ok(Reply::json(200, &page.body("Versions")))
}

fn show_alias(context: &Context<'_>, function: &str, name: &str, alias: &Alias) -> Value {
    let mut body = json!({
        "AliasArn": function_arn(context.settings, function, Some(name)),
        "Name": name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    });
    if let Some(routing) = &alias.routing {
        body["RoutingConfig"] = routing.clone();
    }
    body
}

/// The version an alias is to point at must be there.
fn check_version(
    context: &Context<'_>,
    function: &Function,
    version: &str,
    routing: Option<&Value>,
) -> ApiResult<()> {
    let missing = |version: &str| {
        let arn = function_arn(context.settings, &function.name, Some(version));
        ApiError::not_found(format!("Function not found: {arn}"))
    };
    let is_version = version == "$LATEST" || version.parse::<u64>().is_ok();
    if !is_version || function.resolve(version).is_none() {
        return Err(missing(version));
    }
    let Some(weights) = routing
        .and_then(|it| it.get("AdditionalVersionWeights"))
        .and_then(Value::as_object)
    else {
        return Ok(());
    };
    if weights.len() > 1 {
        return Err(ApiError::invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ));
    }
    for other in weights.keys() {
        if other == version {
            return Err(ApiError::invalid(format!(
                "Invalid function version {version}. Function version {version} is already included \
                 in routing configuration."
            )));
        }
        if function.resolve(other).is_none() {
            return Err(missing(other));
        }
    }
    if version == "$LATEST" && !weights.is_empty() {
        return Err(ApiError::new(
            400,
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ));
    }
    Ok(())
}

pub(crate) fn create_alias(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: AliasInput = request.input()?;
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let alias = input.name.unwrap_or_default();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if alias.is_empty() || !alias.chars().all(word) || alias.chars().all(|c| c.is_ascii_digit()) {
        return Err(ApiError::constraint(
            &alias,
            "name",
            "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        ));
    }
    let version = input.function_version.unwrap_or_default();
    let revision = state.uuid();
    let missing = || {
        let arn = function_arn(context.settings, &name.name, Some(&version));
        ApiError::not_found(format!("Function not found: {arn}"))
    };
    let function = state.functions.get_mut(&name.name).ok_or_else(missing)?;
    check_version(context, function, &version, input.routing_config.as_ref())?;
    if function.aliases.contains_key(&alias) {
        let arn = function_arn(context.settings, &name.name, Some(&alias));
        return Err(ApiError::conflict(format!("Alias already exists: {arn}")));
    }
    let created = Alias {
        version,
        description: input.description.unwrap_or_default(),
        routing: input.routing_config,
        revision,
    };
    let body = show_alias(context, &name.name, &alias, &created);
    function.aliases.insert(alias, created);
    Ok(Reply::json(201, &body))
}

pub(crate) fn update_alias(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: AliasInput = request.input()?;
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let alias_name = request.segment(2);
    let revision = state.uuid();
    let missing = || {
        let arn = function_arn(context.settings, &name.name, Some(alias_name));
        ApiError::not_found(format!("Alias not found: {arn}"))
    };
    let function = state.functions.get_mut(&name.name).ok_or_else(missing)?;
    let mut alias = function
        .aliases
        .get(alias_name)
        .ok_or_else(missing)?
        .clone();
    if input.revision_id.is_some_and(|it| it != alias.revision) {
        return Err(stale());
    }
    alias.version = input.function_version.unwrap_or(alias.version);
    alias.description = input.description.unwrap_or(alias.description);
    alias.routing = input.routing_config.or(alias.routing);
    alias.revision = revision;
    check_version(context, function, &alias.version, alias.routing.as_ref())?;
    let body = show_alias(context, &name.name, alias_name, &alias);
    function.aliases.insert(alias_name.to_owned(), alias);
    Ok(Reply::json(200, &body))
}

pub(crate) fn delete_alias(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let alias = request.segment(2);
    // Deleting what is not there succeeds; what hangs on the alias goes with it.
    if let Some(function) = state.functions.get_mut(&name.name) {
        function.aliases.remove(alias);
        function.forget(alias);
    }
    Ok(Reply::empty(204))
}

pub(crate) fn get_alias(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let wanted = request.segment(2);
    let alias = state
        .functions
        .get(&name.name)
        .and_then(|function| function.aliases.get(wanted))
        .ok_or_else(|| {
            let arn = function_arn(context.settings, &name.name, Some(wanted));
            ApiError::not_found(format!("Cannot find alias arn: {arn}"))
        })?;
    let body = show_alias(context, &name.name, wanted, alias);
    Ok(Reply::json(200, &body))
}

pub(crate) fn list_aliases(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let function = find(state, context, &name)?;
    let version = request.query("FunctionVersion");
    let listed = function
        .aliases
        .iter()
        .filter(|(_, alias)| version.is_none_or(|version| alias.version == version))
        .map(|(alias_name, alias)| show_alias(context, &function.name, alias_name, alias));
    let page = listing::page(request, listed, PAGE, 10_000)?;
    Ok(Reply::json(200, &page.body("Aliases")))
}
