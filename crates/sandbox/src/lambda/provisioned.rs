//! Provisioned concurrency: on versions and aliases only, at least one, and allocated in its own time.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::later;
use crate::error::{ApiError, ApiResult};
use crate::lambda::account;
use crate::lambda::configuration::{iso, ranged};
use crate::lambda::functions::{find, named, settled};
use crate::lambda::listing;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::reserved::{UNRESERVED_MINIMUM, below_minimum};
use crate::lambda::state::{Function, LambdaState, Provisioned};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    provisioned_concurrent_executions: Option<i64>,
}

/// The function and the qualifier asked for, both certain to be there.
fn qualified(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
    on_latest: &str,
) -> ApiResult<(FunctionRef, String)> {
    let name = named(request, context)?;
    let qualifier = name.qualifier.clone().ok_or_else(|| {
        ApiError::validation(
            "1 validation error detected: Value null at 'qualifier' failed to satisfy constraint: \
             Member must not be null",
        )
    })?;
    if qualifier == "$LATEST" {
        return Err(ApiError::invalid(on_latest));
    }
    let is_version = qualifier.chars().all(|c| c.is_ascii_digit());
    let known = state
        .functions
        .get(&name.name)
        .is_some_and(|function| function.resolve(&qualifier).is_some());
    if !known {
        let arn = name.arn(context.settings);
        return Err(ApiError::not_found(if is_version {
            format!("Function not found: {arn}")
        } else {
            format!("Cannot find alias arn: {arn}")
        }));
    }
    Ok((name, qualifier))
}

const NOT_PUBLISHED: &str =
    "The function resource provided must be an alias or a published version.";
const UNPUBLISHED: &str =
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";

pub(crate) fn put(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let input: PutInput = request.input()?;
    let wanted = ranged(
        input.provisioned_concurrent_executions.unwrap_or(0),
        "provisionedConcurrentExecutions",
        1,
        i32::MAX.unsigned_abs(),
    )?;
    let (name, qualifier) = qualified(state, context, request, UNPUBLISHED)?;
    let pool = account::pool_for(state, context, "");
    let function = settled(state, context, &name)?;
    one_per_version(function, &qualifier)?;
    let own = function
        .provisioned
        .get(&qualifier)
        .map_or(0, |it| it.requested);
    let added = wanted.saturating_sub(own);
    match function.reserved {
        Some(reserved)
            if (function.total_provisioned() - own).saturating_add(wanted) > reserved =>
        {
            return Err(ApiError::invalid(
                "Requested Provisioned Concurrency should not be greater than the \
                 reservedConcurrentExecution for function",
            ));
        }
        Some(_) => {}
        None if added > pool => {
            return Err(ApiError::new(
                400,
                "InvalidParameterValueException",
                format!(
                    "Specified ConcurrentExecutions for function is greater than account's \
                     unreserved concurrency [{pool}]."
                ),
            ));
        }
        None if added > 0 && pool - added < UNRESERVED_MINIMUM => {
            return Err(below_minimum("ConcurrentExecutions"));
        }
        None => {}
    }
    let config = Provisioned {
        requested: wanted,
        ready_at: later(context.now, context.settings.lambda.provision),
        modified: context.now,
    };
    let body = show(context, &config);
    function.provisioned.insert(qualifier, config);
    Ok(Reply::json(202, &body))
}

/// A version and an alias that points at it cannot both be provisioned.
fn one_per_version(function: &Function, qualifier: &str) -> ApiResult<()> {
    match function.aliases.get(qualifier) {
        Some(alias) if alias.version == "$LATEST" => Err(ApiError::invalid(UNPUBLISHED)),
        // [hashicorp/terraform#24957], in AWS's words.
        Some(alias) if alias.is_weighted() => Err(ApiError::invalid(
            "Alias with weights can not be used with Provisioned Concurrency",
        )),
        Some(alias) if function.provisioned.contains_key(&alias.version) => {
            Err(ApiError::conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already \
             Provisioned version",
            ))
        }
        Some(_) => Ok(()),
        None => {
            let pointed = function.aliases.iter().any(|(name, alias)| {
                alias.version == qualifier && function.provisioned.contains_key(name)
            });
            if pointed {
                return Err(ApiError::conflict(
                    "Version is pointed by a Provisioned Concurrency alias",
                ));
            }
            Ok(())
        }
    }
}

pub(crate) fn get(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let (name, qualifier) = qualified(state, context, request, NOT_PUBLISHED)?;
    let function = find(state, context, &name)?;
    let config = function
        .provisioned
        .get(&qualifier)
        .ok_or_else(ApiError::no_provisioned)?;
    Ok(Reply::json(200, &show(context, config)))
}

pub(crate) fn delete(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let (name, qualifier) = qualified(state, context, request, NOT_PUBLISHED)?;
    settled(state, context, &name)?
        .provisioned
        .remove(&qualifier);
    Ok(Reply::empty(204))
}

pub(crate) fn list(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let bare = FunctionRef {
        qualifier: None,
        ..name
    };
    let function = find(state, context, &bare)?;
    let listed = function.provisioned.iter().map(|(qualifier, config)| {
        let mut entry = show(context, config);
        let arn = function_arn(context.settings, &function.name, Some(qualifier));
        entry["FunctionArn"] = arn.into();
        entry
    });
    let page = listing::page(request, listed, PAGE, PAGE)?;
    Ok(Reply::json(
        200,
        &page.body("ProvisionedConcurrencyConfigs"),
    ))
}

fn show(context: &Context<'_>, config: &Provisioned) -> Value {
    let available = config.available(context.now);
    json!({
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": available,
        "AllocatedProvisionedConcurrentExecutions": available,
        "Status": config.status(context.now),
        "LastModified": iso(config.modified),
    })
}
