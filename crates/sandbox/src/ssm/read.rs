//! Reading parameters by name, and their history.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::epoch_seconds;
use crate::error::{ApiError, ApiResult};
use crate::ssm::kms;
use crate::ssm::names::{self, Selected};
use crate::ssm::page::{self, Token};
use crate::ssm::state::{Kind, Parameter, SsmState, Version};
use crate::world::Context;

/// The most names one GetParameters takes.
const MAX_NAMES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetInput {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetManyInput {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HistoryInput {
    name: String,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(crate) fn get(
    state: &mut SsmState,
    context: &Context<'_>,
    input: GetInput,
) -> ApiResult<Value> {
    let selected = names::select(&input.name);
    let parameter = find(state, context, selected.name, selected.selector)?;
    kms::may_decrypt(context, parameter.kind, input.with_decryption)?;
    Ok(json!({
        "Parameter": describe(context, &selected, &parameter, input.with_decryption),
    }))
}

pub(crate) fn get_many(
    state: &mut SsmState,
    context: &Context<'_>,
    input: GetManyInput,
) -> ApiResult<Value> {
    check_names(&input.names)?;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for name in &input.names {
        let selected = names::select(name);
        match find(state, context, selected.name, selected.selector) {
            Ok(parameter) => {
                kms::may_decrypt(context, parameter.kind, input.with_decryption)?;
                found.push(describe(
                    context,
                    &selected,
                    &parameter,
                    input.with_decryption,
                ));
            }
            Err(_) => missing.push(name.as_str()),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
}

/// One to ten names, each once.
pub(crate) fn check_names(names: &[String]) -> ApiResult<()> {
    let listed = names.join(", ");
    if names.is_empty() || names.len() > MAX_NAMES {
        let rule = if names.is_empty() {
            "Member must have length greater than or equal to 1"
        } else {
            "Member must have length less than or equal to 10"
        };
        return Err(ApiError::constraint(&format!("[{listed}]"), "names", rule));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ApiError::validation(
            "Invalid request: names can't contain the same name twice.",
        ));
    }
    Ok(())
}

pub(crate) fn history(
    state: &mut SsmState,
    context: &Context<'_>,
    input: &HistoryInput,
) -> ApiResult<Value> {
    let parameter = find(state, context, &input.name, None)?;
    kms::may_decrypt(context, parameter.kind, input.with_decryption)?;
    let size = page::size(input.max_results, 50)?;
    let after = Token::read(input.next_token.as_deref(), &input.name)?;
    let after: i64 = after.map_or(Ok(0), |token| {
        token.last.parse().map_err(|_| page::bad_token())
    })?;
    let rest: Vec<&Version> = parameter
        .versions
        .iter()
        .filter(|it| it.version > after)
        .collect();
    let listed: Vec<Value> = rest
        .iter()
        .take(size)
        .map(|version| {
            let mut entry = json!({
                "Name": input.name,
                "Type": parameter.kind.as_str(),
                "LastModifiedDate": epoch_seconds(version.modified),
                "LastModifiedUser": version.user,
                "Value": reveal(parameter.kind, &version.value, input.with_decryption),
                "Version": version.version,
                "Labels": version.labels,
                "Tier": version.tier,
                "Policies": [],
                "DataType": "text",
            });
            if let Some(description) = &version.description {
                entry["Description"] = description.as_str().into();
            }
            entry
        })
        .collect();
    let mut body = json!({ "Parameters": listed });
    if rest.len() > size {
        let last = rest[size - 1].version.to_string();
        body["NextToken"] = Token::new(&input.name, &last).write(context).into();
    }
    Ok(body)
}

/// The parameter as this reader sees it, with the selected version certain to be there.
fn find(
    state: &mut SsmState,
    context: &Context<'_>,
    name: &str,
    selector: Option<&str>,
) -> ApiResult<Parameter> {
    let parameter = state
        .see(name, context.now)
        .ok_or_else(|| ApiError::ssm_bare("ParameterNotFound"))?;
    if parameter.version(selector).is_none() {
        return Err(no_version(name, selector.unwrap_or_default()));
    }
    Ok(parameter)
}

pub(crate) fn no_version(name: &str, selector: &str) -> ApiError {
    ApiError::ssm(
        "ParameterVersionNotFound",
        format!(
            "Systems Manager could not find version {selector} of {name}. Verify the version and try again."
        ),
    )
}

/// A parameter as the three Get operations return it.
pub(crate) fn describe(
    context: &Context<'_>,
    selected: &Selected<'_>,
    parameter: &Parameter,
    decrypt: bool,
) -> Value {
    let Some(version) = parameter.version(selected.selector) else {
        return Value::Null;
    };
    let mut body = json!({
        "Name": selected.name,
        "Type": parameter.kind.as_str(),
        "Value": reveal(parameter.kind, &version.value, decrypt),
        "Version": version.version,
        "LastModifiedDate": epoch_seconds(version.modified),
        "ARN": names::arn(&context.settings.region, &context.settings.account, selected.name),
        "DataType": "text",
    });
    if let Some(selector) = selected.selector {
        body["Selector"] = format!(":{selector}").into();
    }
    body
}

/// A secret that nobody asked to decrypt comes back as something else.
pub(crate) fn reveal(kind: Kind, value: &str, decrypt: bool) -> String {
    match kind {
        Kind::SecureString if !decrypt => {
            let scrambled: String = value.bytes().map(|byte| format!("{:02x}", !byte)).collect();
            format!("sandbox-encrypted:{scrambled}")
        }
        _ => value.to_owned(),
    }
}
