//! Reading one parameter by its name.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::clock::epoch_seconds;
use crate::error::{ApiError, ApiResult};
use crate::ssm::kms;
use crate::ssm::names;
use crate::ssm::state::{Kind, SsmState, Version};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetInput {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

pub(crate) fn get(state: &mut SsmState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: GetInput = request.input()?;
    // A number after a colon selects a version.
    let (name, selector) = match input.name.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (input.name.as_str(), None),
    };
    let parameter = state
        .see(name, request.now)
        .ok_or_else(|| ApiError::ssm_bare("ParameterNotFound"))?;
    let mut versions = parameter.versions.iter();
    let version = match selector {
        None => versions.next_back(),
        Some(number) => versions.find(|it| it.version.to_string() == number),
    };
    let version = version.ok_or_else(|| {
        ApiError::ssm(
            "ParameterVersionNotFound",
            format!(
                "Systems Manager could not find version {} of {name}. Verify the version and try \
                 again.",
                selector.unwrap_or_default()
            ),
        )
    })?;
    let mut shown = show(
        request,
        name,
        parameter.kind,
        version,
        input.with_decryption,
    )?;
    if let Some(selector) = selector {
        shown["Selector"] = format!(":{selector}").into();
    }
    Ok(Reply::ok(&json!({ "Parameter": shown })))
}

/// A version of a parameter as reads show it, or a refusal to decrypt it.
pub(crate) fn show(
    request: &ApiRequest<'_>,
    name: &str,
    kind: Kind,
    version: &Version,
    decrypt: bool,
) -> ApiResult<Value> {
    kms::may_decrypt(request, kind, decrypt)?;
    Ok(json!({
        "Name": name,
        "Type": kind.as_str(),
        "Value": reveal(kind, &version.value, decrypt),
        "Version": version.version,
        "LastModifiedDate": epoch_seconds(version.modified),
        "ARN": names::arn(request.settings, name),
        "DataType": "text",
    }))
}

/// The value, scrambled if it is a secret that the caller does not decrypt.
pub(super) fn reveal(kind: Kind, value: &str, decrypt: bool) -> String {
    match kind {
        Kind::SecureString if !decrypt => {
            let scrambled: String = value.bytes().map(|byte| format!("{:02x}", !byte)).collect();
            format!("sandbox-encrypted:{scrambled}")
        }
        _ => value.to_owned(),
    }
}
