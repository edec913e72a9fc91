//! Writing a parameter: creation, which is AWS's only compare-and-set, and new versions.

use jiff::Timestamp;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::json;

use crate::api::{ApiRequest, Reply, user_arn};
use crate::clock::later;
use crate::error::{ApiError, ApiResult};
use crate::settings::EarlyReuse;
use crate::ssm::kms;
use crate::ssm::names;
use crate::ssm::state::{Kind, Parameter, SsmState};

/// Bytes of a value in the standard tier, the only one here.
const MAX_BYTES: usize = 4_096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutInput {
    name: String,
    value: String,
    r#type: Option<String>,
    #[serde(default)]
    overwrite: bool,
    allowed_pattern: Option<String>,
}

pub(crate) fn put(state: &mut SsmState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: PutInput = request.input()?;
    names::check(&input.name)?;
    check_value(&input.value)?;
    let asked = kind(&input)?;
    let existing = state.parameters.get(&input.name);
    let kind = match existing {
        Some(parameter) => {
            overwritable(parameter, &input, asked)?;
            parameter.kind
        }
        None => {
            creatable(state, &input.name, request)?;
            asked.ok_or_else(|| {
                ApiError::validation("A parameter type is required when you create a parameter.")
            })?
        }
    };
    kms::may_encrypt(request, kind)?;
    let allowed_pattern = allowed_pattern(&input, existing)?;
    if existing.is_none()
        && let Some(until) = rests_until(state, &input.name, request)
    {
        state.hide(&input.name, until);
    }
    let user = user_arn(request.settings, request.caller);
    state.remember(&input.name, request.settings.ssm.read_lag);
    let parameter = state.parameters.entry(input.name);
    let parameter = parameter.or_insert_with(|| Parameter::new(kind));
    parameter.allowed_pattern = allowed_pattern;
    let version = parameter.write(&input.value, user, request.now);
    Ok(Reply::ok(
        &json!({ "Version": version, "Tier": "Standard" }),
    ))
}

fn kind(input: &PutInput) -> ApiResult<Option<Kind>> {
    let Some(text) = &input.r#type else {
        return Ok(None);
    };
    Kind::parse(text).map(Some).ok_or_else(|| {
        ApiError::constraint(
            text,
            "type",
            "Member must satisfy enum value set: [SecureString, StringList, String]",
        )
    })
}

fn check_value(value: &str) -> ApiResult<()> {
    if value.is_empty() {
        return Err(ApiError::constraint(
            value,
            "value",
            "Member must have length greater than or equal to 1.",
        ));
    }
    if value.contains("{{") {
        return Err(ApiError::validation(
            "Parameter value can't nest another parameter. Do not use \"{{\" in the value.",
        ));
    }
    if value.len() > MAX_BYTES {
        return Err(ApiError::validation(format!(
            "Standard tier parameters support a maximum parameter value of {MAX_BYTES} characters. \
             To create a larger parameter value, upgrade the parameter to use the \
             advanced-parameter tier."
        )));
    }
    Ok(())
}

fn overwritable(parameter: &Parameter, input: &PutInput, asked: Option<Kind>) -> ApiResult<()> {
    if !input.overwrite {
        return Err(ApiError::ssm(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the \
             request to true.",
        ));
    }
    if asked.is_some_and(|kind| kind != parameter.kind) {
        return Err(ApiError::ssm(
            "HierarchyTypeMismatchException",
            "Parameter Store does not support changing a parameter type in a hierarchy.",
        ));
    }
    Ok(())
}

/// When a deleted name may be created again, if that is still in the future.
fn rests_until(state: &SsmState, name: &str, request: &ApiRequest<'_>) -> Option<Timestamp> {
    let deleted = state.deleted.get(name)?;
    let until = later(*deleted, request.settings.ssm.recreate_after);
    (request.now < until).then_some(until)
}

/// The pattern that this and later values must match. It stays when a later write gives none [Systems Manager User Guide, "Working with parameter
/// hierarchies"].
fn allowed_pattern(input: &PutInput, existing: Option<&Parameter>) -> ApiResult<Option<String>> {
    let kept = existing.and_then(|it| it.allowed_pattern.as_ref());
    let Some(pattern) = input.allowed_pattern.as_ref().or(kept) else {
        return Ok(None);
    };
    let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
        ApiError::ssm(
            "InvalidAllowedPatternException",
            format!("The allowed pattern {pattern} is not a regular expression that can be used."),
        )
    })?;
    if !whole.is_match(&input.value) {
        return Err(ApiError::ssm(
            "ParameterPatternMismatchException",
            format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
        ));
    }
    Ok(Some(pattern.clone()))
}

fn creatable(state: &SsmState, name: &str, request: &ApiRequest<'_>) -> ApiResult<()> {
    let settings = &request.settings.ssm;
    let rests = rests_until(state, name, request).is_some();
    if rests && settings.early_reuse == EarlyReuse::Refused {
        return Err(ApiError::validation(format!(
            "The sandbox refuses to create {name}: it was deleted a moment ago, and AWS asks to wait \
             {} s before the same name is created again.",
            settings.recreate_after.as_secs(),
        )));
    }
    Ok(())
}
