//! Published versions, and the aliases that point at them: listed here, made by seeding.

use serde_json::{Value, json};

use crate::error::ApiResult;
use crate::lambda::configuration::{self, Shown};
use crate::lambda::functions::find;
use crate::lambda::listing;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::state::{Alias, LambdaState};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 50;

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
    });
    if let Some(routing) = &alias.routing {
        body["RoutingConfig"] = routing.clone();
    }
    body
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
