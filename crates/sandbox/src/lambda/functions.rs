//! Functions: creating, reading, deploying and deleting them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::later;
use crate::error::{ApiError, ApiResult};
use crate::lambda::configuration::{self, Settable, Shown};
use crate::lambda::listing;
use crate::lambda::names::FunctionRef;
use crate::lambda::state::{Configuration, Function, LambdaState};
use crate::lambda::{tags, versions};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

/// How many a page of ListFunctions has at most, whatever MaxItems says.
const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    function_name: String,
    role: String,
    code: Map<String, Value>,
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    tags: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CodeInput {
    zip_file: Option<String>,
    publish: bool,
    revision_id: Option<String>,
}

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

/// As [`find`], refusing while the function is being created or updated.
pub(crate) fn settled<'a>(
    state: &'a mut LambdaState,
    context: &Context<'_>,
    name: &FunctionRef,
) -> ApiResult<&'a mut Function> {
    let now = context.now;
    let function = find(state, context, name)?;
    if function.is_pending(now) {
        return Err(ApiError::conflict(
            "The operation cannot be performed at this time. The function is currently in the \
             following state: Pending",
        ));
    }
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

pub(crate) fn create(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: CreateInput = request.input()?;
    let settable: Settable = request.input()?;
    let name = FunctionRef::parse(&input.function_name, context.settings)?;
    if name.qualifier.is_some() {
        return Err(ApiError::invalid("A new function can't have a qualifier."));
    }
    if input.code.is_empty() {
        return Err(ApiError::invalid(
            "Please provide a source for function code.",
        ));
    }
    if state.functions.contains_key(&name.name) {
        return Err(ApiError::conflict(format!(
            "Function already exist: {}",
            name.name
        )));
    }
    let revision = state.uuid();
    let mut latest = Configuration::blank(context.settings, revision, context.now);
    latest.role = input.role;
    latest.apply(settable)?;
    let mut function = Function::new(&name.name, latest);
    function.tags = tags::read(input.tags)?;
    function.pending_until = Some(later(context.now, context.settings.lambda.create));
    if input.publish {
        versions::publish(&mut function);
    }
    let body = configuration::show(context, &function, &Shown::Latest);
    state.functions.insert(name.name, function);
    Ok(Reply::json(201, &body))
}

pub(crate) fn delete(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let function = find(state, context, &name)?;
    match name.qualifier.as_deref() {
        None => {
            // Its mappings stay behind, pointing at nothing: so it is on AWS.
            state.functions.remove(&name.name);
        }
        Some(qualifier) => versions::remove(function, qualifier)?,
    }
    Ok(Reply::empty(204))
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

pub(crate) fn get_configuration(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = named(request, context)?;
    let function = find(state, context, &name)?;
    let body = configuration::show(context, function, &shown(&name));
    Ok(Reply::json(200, &body))
}

fn shown(name: &FunctionRef) -> Shown<'_> {
    match name.qualifier.as_deref() {
        None => Shown::Latest,
        Some("$LATEST") => Shown::LatestQualified,
        Some(qualifier) => Shown::Through(qualifier),
    }
}

pub(crate) fn update_configuration(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: Settable = request.input()?;
    let asked = input.revision_id.clone();
    deploy(state, context, request, asked, false, |latest, _| {
        latest.apply(input)
    })
}

pub(crate) fn update_code(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: CodeInput = request.input()?;
    deploy(
        state,
        context,
        request,
        input.revision_id,
        input.publish,
        |latest, serial| {
            // The code is not kept: any upload is new code.
            let size = input.zip_file.map_or(0, |zip| zip.len());
            latest.code_sha256 = format!("sandbox-{serial:08}-{size:08}");
            Ok(())
        },
    )
}

fn deploy(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
    asked: Option<String>,
    publish: bool,
    change: impl FnOnce(&mut Configuration, u64) -> ApiResult<()>,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let serial = state.serial();
    let revision = state.uuid();
    let function = settled(state, context, &name)?;
    if asked.is_some_and(|asked| asked != function.latest.revision) {
        return Err(stale());
    }
    let mut latest = function.latest.clone();
    change(&mut latest, serial)?;
    latest.revision = revision;
    latest.modified = context.now;
    function.latest = latest;
    function.published = false;
    if publish {
        versions::publish(function);
    }
    function.updating_until = Some(later(context.now, context.settings.lambda.update));
    let body = configuration::show(context, function, &Shown::Latest);
    Ok(Reply::json(200, &body))
}

/// Somebody else changed it since the caller looked.
pub(crate) fn stale() -> ApiError {
    ApiError::precondition(
        "The Revision Id provided does not match the latest Revision Id. Call the \
         GetFunction/GetAlias API to retrieve the latest Revision Id",
    )
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
