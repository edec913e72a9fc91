//! Functions, their versions and their aliases: found, shown and listed.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::lambda::listing::page;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::state::{Function, LambdaState};

const LATEST: &str = "$LATEST";

/// The function, or AWS's 404 that names its ARN.
pub(crate) fn find<'a>(
    state: &'a mut LambdaState,
    request: &ApiRequest<'_>,
    name: &FunctionRef,
) -> ApiResult<&'a mut Function> {
    let missing = || {
        ApiError::not_found(format!(
            "Function not found: {}",
            name.arn(request.settings)
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
    request: &ApiRequest<'_>,
    name: &FunctionRef,
) -> ApiResult<&'a mut Function> {
    let function = find(state, request, name)?;
    if function.is_updating(request.now) {
        let bare = function_arn(request.settings, &name.name, None);
        return Err(ApiError::conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {bare}"
        )));
    }
    Ok(function)
}

pub(crate) fn get(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name)?;
    let mut configuration = show(request, function, name.qualifier.as_deref());
    let updating = configuration["Version"] == LATEST && function.is_updating(request.now);
    let update = if updating { "InProgress" } else { "Successful" };
    configuration["State"] = "Active".into();
    configuration["LastUpdateStatus"] = update.into();
    let mut body = json!({
        "Configuration": configuration,
        "Code": {
            "RepositoryType": "S3",
            "Location": format!("https://sandbox.invalid/{}", function.name),
        },
    });
    if request.settings.lambda.hide_tags {
        body["TagsError"] = json!({
            "ErrorCode": "AccessDeniedException",
            "Message": "the caller is not authorized to perform: lambda:ListTags",
        });
    } else if !function.tags.is_empty() {
        body["Tags"] = json!(function.tags);
    }
    // Only the function itself shows its reservation, not a version or an alias.
    let reserved = function.reserved_as_seen(request.now, request.settings.lambda.read_lag);
    if let (None, Some(reserved)) = (&name.qualifier, reserved) {
        body["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Ok(Reply::ok(&body))
}

pub(crate) fn list(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
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
        let latest = (!all).then(|| show(request, function, None));
        latest
            .into_iter()
            .chain(show_versions(request, function).filter(move |_| all))
    });
    page(request, listed, "Functions", 50)
}

pub(crate) fn versions(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name)?;
    page(request, show_versions(request, function), "Versions", 50)
}

pub(crate) fn aliases(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let name = FunctionRef::of(request)?;
    let function = find(state, request, &name)?;
    let listed = function.aliases.iter().map(|(alias_name, alias)| {
        json!({
            "AliasArn": function_arn(request.settings, &function.name, Some(alias_name)),
            "Name": alias_name,
            "FunctionVersion": alias.version,
            "RoutingConfig": alias.routing,
        })
    });
    page(request, listed, "Aliases", 50)
}

/// `$LATEST` and the published versions.
fn show_versions(request: &ApiRequest<'_>, function: &Function) -> impl Iterator<Item = Value> {
    let numbers = function.versions.keys().map(u64::to_string);
    std::iter::once(LATEST.to_owned())
        .chain(numbers)
        .map(|version| show(request, function, Some(&version)))
}

/// A function's configuration, of a qualifier that it has or, under its bare ARN, of `$LATEST`. Without the
/// states, which AWS leaves out of lists.
fn show(request: &ApiRequest<'_>, function: &Function, qualifier: Option<&str>) -> Value {
    let version = qualifier.map_or(LATEST, |qualifier| function.version_of(qualifier));
    let configuration = function.resolve(version).unwrap_or(&function.latest);
    let mut body = json!({
        "FunctionName": function.name,
        "FunctionArn": function_arn(request.settings, &function.name, qualifier),
        "Runtime": "provided.al2023",
        "Role": format!("arn:aws:iam::{}:role/sandbox", request.settings.account),
        "Handler": "bootstrap",
        "CodeSize": 262,
        "Description": "",
        "Timeout": configuration.timeout,
        "MemorySize": 128,
        "LastModified": iso(configuration.modified),
        "CodeSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "Version": version,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
    });
    if let Some(arn) = &configuration.dead_letter {
        body["DeadLetterConfig"] = json!({ "TargetArn": arn });
    }
    if !configuration.variables.is_empty() {
        body["Environment"] = match request.settings.lambda.hide_environment {
            false => json!({ "Variables": configuration.variables }),
            true => json!({ "Error": {
                "ErrorCode": "AccessDeniedException",
                "Message": "Lambda was unable to decrypt your environment variables because the KMS access was denied.",
            }}),
        };
    }
    body
}

/// Lambda's own way to write a date.
pub(crate) fn iso(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S.%3f+0000")
        .to_string()
}
