//! Provisioned concurrency: on versions and aliases only, at least one, and allocated asynchronously.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::clock::later;
use crate::error::{ApiError, ApiResult};
use crate::lambda::functions::{find, iso, settled};
use crate::lambda::listing::page;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::reserved::{UNRESERVED_MINIMUM, below_minimum, count, pool_for};
use crate::lambda::state::{Function, LambdaState, Provisioned};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutInput {
    provisioned_concurrent_executions: Option<i64>,
}

/// The function and the qualifier of the request; both exist.
fn qualified(
    state: &LambdaState,
    request: &ApiRequest<'_>,
    on_latest: &str,
) -> ApiResult<(FunctionRef, String)> {
    let name = FunctionRef::of(request)?;
    let qualifier = name
        .qualifier
        .clone()
        .ok_or_else(|| ApiError::constraint("null", "qualifier", "Member must not be null"))?;
    if qualifier == "$LATEST" {
        return Err(ApiError::invalid(on_latest));
    }
    let function = state.functions.get(&name.name);
    if function.is_none_or(|it| it.resolve(&qualifier).is_none()) {
        let is_version = qualifier.chars().all(|c| c.is_ascii_digit());
        let what = if is_version {
            "Function not found:"
        } else {
            "Cannot find alias arn:"
        };
        let arn = name.arn(request.settings);
        return Err(ApiError::not_found(format!("{what} {arn}")));
    }
    Ok((name, qualifier))
}

const NOT_PUBLISHED: &str =
    "The function resource provided must be an alias or a published version.";
const UNPUBLISHED: &str =
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";

pub(crate) fn put(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: PutInput = request.input()?;
    let wanted = count(
        input.provisioned_concurrent_executions,
        "provisionedConcurrentExecutions",
        1,
    )?;
    let (name, qualifier) = qualified(state, request, UNPUBLISHED)?;
    let pool = pool_for(state, request, "");
    let function = settled(state, request, &name)?;
    one_per_version(function, &qualifier)?;
    fits(function, &qualifier, wanted, pool)?;
    let config = Provisioned {
        requested: wanted,
        ready_at: later(request.now, request.settings.lambda.provision),
        modified: request.now,
    };
    let body = show(request, &config);
    function.provisioned.insert(qualifier, config);
    Ok(Reply::json(202, &body))
}

/// Refuses more than the function's reservation or, without one, than the account's unreserved concurrency.
fn fits(function: &Function, qualifier: &str, wanted: u32, pool: u32) -> ApiResult<()> {
    let own = function.provisioned.get(qualifier);
    let own = own.map_or(0, |it| it.requested);
    let added = wanted.saturating_sub(own);
    let total = (function.total_provisioned() - own).saturating_add(wanted);
    match function.reserved {
        Some(reserved) if total > reserved => Err(ApiError::invalid(
            "Requested Provisioned Concurrency should not be greater than the \
             reservedConcurrentExecution for function",
        )),
        None if added > pool => Err(ApiError::new(
            400,
            "InvalidParameterValueException",
            format!(
                "Specified ConcurrentExecutions for function is greater than account's unreserved \
                 concurrency [{pool}]."
            ),
        )),
        None if added > 0 && pool - added < UNRESERVED_MINIMUM => {
            Err(below_minimum("ConcurrentExecutions"))
        }
        _ => Ok(()),
    }
}

/// A version and an alias that points at it cannot both be provisioned.
fn one_per_version(function: &Function, qualifier: &str) -> ApiResult<()> {
    let provisioned = |qualifier: &str| function.provisioned.contains_key(qualifier);
    match function.aliases.get(qualifier) {
        Some(alias) if alias.version == "$LATEST" => Err(ApiError::invalid(UNPUBLISHED)),
        // [hashicorp/terraform#24957], in AWS's words.
        Some(alias) if alias.is_weighted() => Err(ApiError::invalid(
            "Alias with weights can not be used with Provisioned Concurrency",
        )),
        Some(alias) if provisioned(&alias.version) => Err(ApiError::conflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already \
             Provisioned version",
        )),
        Some(_) => Ok(()),
        None => {
            let mut aliases = function.aliases.iter();
            if aliases.any(|(name, alias)| alias.version == qualifier && provisioned(name)) {
                return Err(ApiError::conflict(
                    "Version is pointed by a Provisioned Concurrency alias",
                ));
            }
            Ok(())
        }
    }
}

pub(crate) fn get(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let (name, qualifier) = qualified(state, request, NOT_PUBLISHED)?;
    let function = find(state, request, &name)?;
    let config = function.provisioned.get(&qualifier);
    let config = config.ok_or_else(ApiError::no_provisioned)?;
    Ok(Reply::ok(&show(request, config)))
}

pub(crate) fn delete(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let (name, qualifier) = qualified(state, request, NOT_PUBLISHED)?;
    let function = settled(state, request, &name)?;
    function.provisioned.remove(&qualifier);
    Ok(Reply::empty(204))
}

pub(crate) fn list(state: &mut LambdaState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let function = find(state, request, &FunctionRef::unqualified(request)?)?;
    let listed = function.provisioned.iter().map(|(qualifier, config)| {
        let mut entry = show(request, config);
        let arn = function_arn(request.settings, &function.name, Some(qualifier));
        entry["FunctionArn"] = arn.into();
        entry
    });
    page(request, listed, "ProvisionedConcurrencyConfigs", 50)
}

fn show(request: &ApiRequest<'_>, config: &Provisioned) -> Value {
    let available = config.available(request.now);
    json!({
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": available,
        "AllocatedProvisionedConcurrentExecutions": available,
        "Status": config.status(request.now),
        "LastModified": iso(config.modified),
    })
}
