//! Functions: finding and reading them.

use serde_json::json;

use crate::error::{ApiError, ApiResult};
use crate::lambda::configuration::{self, Shown};
use crate::lambda::listing;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::{Function, LambdaState};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// How many a page of ListFunctions has at most, whatever MaxItems says.
const PAGE: usize = 50;

/// The function, or AWS's 404 that names its ARN.
pub(crate) fn find<'a>(
    state: &'a mut LambdaState,
    context: &Context<'_>,
    name: &FunctionRef,
) -> ApiResult<&'a mut Function> {
    let missing = || {
        ApiError::not_found(format!(
            "Function not found: {}",
            name.arn(context.settings)
        ))
    };
    let function = state.functions.get_mut(&name.name).ok_or_else(missing)?;
    match &name.qualifier {
        Some(qualifier) if function.resolve(qualifier).is_none() => Err(missing()),
        _ => Ok(function),
    }
}

/// As [`find`], refusing while an update of the function is in progress.
pub(crate) fn settled<'a>(
    state: &'a mut LambdaState,
    context: &Context<'_>,
    name: &FunctionRef,
) -> ApiResult<&'a mut Function> {
    let now = context.now;
    let function = find(state, context, name)?;
    if function.is_updating(now) {
        let bare = crate::lambda::function_arn(context.settings, &name.name, None);
        return Err(ApiError::conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {bare}"
        )));
    }
    Ok(function)
}

/// The function that the path names, with the qualifier of the path or the query.
pub(crate) fn named(request: &Incoming, context: &Context<'_>) -> ApiResult<FunctionRef> {
    FunctionRef::parse(request.segment(0), context.settings)?.with_query(request.query("Qualifier"))
}

pub(crate) fn get(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let function = find(state, context, &name)?;
    let mut body = json!({
        "Configuration": configuration::show(context, function, &shown(&name)),
        "Code": {
            "RepositoryType": "S3",
            "Location": format!("https://sandbox.invalid/{}", function.name),
        },
    });
    if context.settings.lambda.hide_tags {
        body["TagsError"] = json!({
            "ErrorCode": "AccessDeniedException",
            "Message": "the caller is not authorized to perform: lambda:ListTags",
        });
    } else if !function.tags.is_empty() {
        body["Tags"] = json!(function.tags);
    }
    // Only the function itself shows its reservation, not a version or an alias.
    let reserved = function.reserved_as_seen(context.now, context.settings.lambda.read_lag);
    if let (None, Some(reserved)) = (&name.qualifier, reserved) {
        body["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Ok(Reply::json(200, &body))
}

fn shown(name: &FunctionRef) -> Shown<'_> {
    match name.qualifier.as_deref() {
        None => Shown::Latest,
        Some("$LATEST") => Shown::LatestQualified,
        Some(qualifier) => Shown::Through(qualifier),
    }
}

pub(crate) fn list(
    state: &LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let all = match request.query("FunctionVersion") {
        None => false,
        Some("ALL") => true,
        Some(other) => {
            return Err(ApiError::constraint(
                other,
                "functionVersion",
                "Member must satisfy enum value set: [ALL]",
            ));
        }
    };
    let listed = state.functions.values().flat_map(|function| {
        let latest = if all {
            Shown::LatestQualified
        } else {
            Shown::Latest
        };
        let versions = function.versions.keys().filter(move |_| all);
        std::iter::once(latest)
            .chain(versions.map(|number| Shown::Number(*number)))
            .map(move |shown| configuration::show_listed(context, function, &shown))
    });
    let page = listing::page(request, listed, PAGE, 10_000)?;
    Ok(Reply::json(200, &page.body("Functions")))
}
