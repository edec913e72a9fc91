//! Writing a parameter: creation, which is the only compare-and-set there is, and new versions.

use jiff::Timestamp;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{later, since};
use crate::error::{ApiError, ApiResult};
use crate::settings::EarlyReuse;
use crate::ssm::kms;
use crate::ssm::names;
use crate::ssm::state::{Kind, Parameter, SsmState, Version};
use crate::world::Context;

/// Versions kept of one parameter.
const MAX_VERSIONS: usize = 100;
/// Bytes of a value in the standard and in the advanced tier.
const STANDARD_BYTES: usize = 4_096;
const ADVANCED_BYTES: usize = 8_192;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutInput {
    name: String,
    value: String,
    r#type: Option<String>,
    #[serde(default)]
    overwrite: bool,
    tier: Option<String>,
    description: Option<String>,
    allowed_pattern: Option<String>,
    #[serde(default)]
    tags: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LabelInput {
    name: String,
    parameter_version: Option<i64>,
    labels: Vec<String>,
}

pub(crate) fn put(
    state: &mut SsmState,
    context: &Context<'_>,
    input: PutInput,
) -> ApiResult<Value> {
    let settings = &context.settings.ssm;
    names::check(&input.name)?;
    let kind = kind(&input)?;
    let existing = state.parameters.get(&input.name);
    let tier = tier(&input, existing)?;
    value(&input.value, &tier)?;
    if input.overwrite && !input.tags.is_empty() {
        return Err(ApiError::validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with \
             tags, please remove overwrite flag. To update tags for an existing parameter, please use \
             AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let (kind, number) = match existing {
        Some(parameter) => {
            overwritable(parameter, &input, kind, context)?;
            let newest = parameter.versions.back().map_or(0, |it| it.version);
            (parameter.kind, newest + 1)
        }
        None => {
            creatable(state, &input, context)?;
            let kind = kind.ok_or_else(|| {
                ApiError::validation("A parameter type is required when you create a parameter.")
            })?;
            (kind, 1)
        }
    };
    kms::may_encrypt(context, kind)?;
    let pattern = allowed_pattern(&input, existing)?;
    if number == 1
        && let Some(until) = rests_until(state, &input.name, context)
    {
        state.hide(&input.name, until);
    }
    state.remember(&input.name, settings.read_lag);
    let parameter = state
        .parameters
        .entry(input.name)
        .or_insert_with(|| Parameter {
            kind,
            allowed_pattern: None,
            versions: Default::default(),
        });
    parameter.allowed_pattern = pattern;
    let description = input.description.or_else(|| {
        let newest = parameter.versions.back()?;
        newest.description.clone()
    });
    if parameter.versions.len() == MAX_VERSIONS {
        parameter.versions.pop_front();
    }
    parameter.versions.push_back(Version {
        version: number,
        value: input.value,
        description,
        tier: tier.clone(),
        modified: context.now,
        user: context.user_arn(),
        labels: Vec::new(),
    });
    Ok(json!({ "Version": number, "Tier": tier }))
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

/// The tier the new version gets; an advanced parameter never goes back to standard.
fn tier(input: &PutInput, existing: Option<&Parameter>) -> ApiResult<String> {
    let advanced = existing
        .and_then(|it| it.versions.back())
        .is_some_and(|it| it.tier == "Advanced");
    match input.tier.as_deref() {
        None if advanced => Ok("Advanced".to_owned()),
        None | Some("Standard") if !advanced => Ok("Standard".to_owned()),
        Some("Standard") => Err(ApiError::validation(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from \
             the advanced-parameter tier to the standard-parameter tier.",
        )),
        Some("Advanced") => Ok("Advanced".to_owned()),
        Some("Intelligent-Tiering") => {
            let large = input.value.len() > STANDARD_BYTES || advanced;
            Ok(if large { "Advanced" } else { "Standard" }.to_owned())
        }
        other => Err(ApiError::constraint(
            other.unwrap_or_default(),
            "tier",
            "Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]",
        )),
    }
}

fn value(value: &str, tier: &str) -> ApiResult<()> {
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
    if tier == "Standard" && value.len() > STANDARD_BYTES {
        return Err(ApiError::validation(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD_BYTES} \
             characters. To create a larger parameter value, upgrade the parameter to use the \
             advanced-parameter tier."
        )));
    }
    if value.len() > ADVANCED_BYTES {
        return Err(ApiError::validation(format!(
            "Advanced tier parameters support a maximum parameter value of {ADVANCED_BYTES} characters."
        )));
    }
    Ok(())
}

fn overwritable(
    parameter: &Parameter,
    input: &PutInput,
    kind: Option<Kind>,
    context: &Context<'_>,
) -> ApiResult<()> {
    if !input.overwrite {
        return Err(ApiError::ssm(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the \
             request to true.",
        ));
    }
    if kind.is_some_and(|kind| kind != parameter.kind) {
        return Err(ApiError::ssm(
            "HierarchyTypeMismatchException",
            "Parameter Store does not support changing a parameter type in a hierarchy.",
        ));
    }
    let spacing = context.settings.ssm.update_spacing;
    let last = parameter.versions.back().map(|it| it.modified);
    if last.is_some_and(|last| since(last, context.now) < spacing) {
        return Err(ApiError::ssm(
            "TooManyUpdates",
            "There are concurrent updates for a resource that supports one update at a time.",
        ));
    }
    let full = parameter.versions.len() >= MAX_VERSIONS;
    if full
        && parameter
            .versions
            .front()
            .is_some_and(|it| !it.labels.is_empty())
    {
        return Err(ApiError::ssm(
            "ParameterMaxVersionLimitExceeded",
            "The oldest version of the parameter has a label and can't be deleted to make room for \
             a new one. Move the label to another version and try again.",
        ));
    }
    Ok(())
}

/// Until when a name that was deleted should rest, if it still should.
fn rests_until(state: &SsmState, name: &str, context: &Context<'_>) -> Option<Timestamp> {
    let deleted = state.deleted.get(name)?;
    let until = later(*deleted, context.settings.ssm.recreate_after);
    (context.now < until).then_some(until)
}

/// The pattern that this and later values must match. One that was given stays: overwriting a value
/// without a pattern is held against it [Systems Manager User Guide, "Working with parameter
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

fn creatable(state: &SsmState, input: &PutInput, context: &Context<'_>) -> ApiResult<()> {
    let settings = &context.settings.ssm;
    let rests = rests_until(state, &input.name, context).is_some();
    if rests && settings.early_reuse == EarlyReuse::Refused {
        return Err(ApiError::validation(format!(
            "The sandbox refuses to create {}: it was deleted a moment ago, and AWS asks to wait {} s \
             before the same name is created again.",
            input.name,
            settings.recreate_after.as_secs(),
        )));
    }
    if state.parameters.len() >= settings.max_parameters {
        return Err(ApiError::ssm(
            "ParameterLimitExceeded",
            "You have exceeded the number of parameters for this AWS account. Delete one or more \
             parameters and try again.",
        ));
    }
    Ok(())
}

/// Attaches labels to a version, the newest unless one is named; a label moves from where it was.
pub(crate) fn label(state: &mut SsmState, input: LabelInput) -> ApiResult<Value> {
    let parameter = state
        .parameters
        .get_mut(&input.name)
        .ok_or_else(|| ApiError::ssm_bare("ParameterNotFound"))?;
    let newest = parameter.versions.back().map_or(0, |it| it.version);
    let wanted = input.parameter_version.unwrap_or(newest);
    if !parameter.versions.iter().any(|it| it.version == wanted) {
        return Err(super::read::no_version(&input.name, &wanted.to_string()));
    }
    for version in &mut parameter.versions {
        version.labels.retain(|label| !input.labels.contains(label));
        if version.version == wanted {
            version.labels.extend(input.labels.iter().cloned());
        }
    }
    Ok(json!({ "InvalidLabels": [], "ParameterVersion": wanted }))
}
