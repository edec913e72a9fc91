//! A function's configuration as the API shows it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::lambda::names::function_arn;
use crate::lambda::state::Function;
use crate::world::Context;

/// An integer within what the model allows.
pub(crate) fn ranged(value: i64, field: &str, min: u32, max: u32) -> ApiResult<u32> {
    let rule = if value < i64::from(min) {
        format!("Member must have value greater than or equal to {min}")
    } else {
        format!("Member must have value less than or equal to {max}")
    };
    u32::try_from(value)
        .ok()
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| ApiError::constraint(&value.to_string(), field, &rule))
}

/// Which version a configuration is shown as.
pub(crate) enum Shown<'a> {
    /// `$LATEST`, under the bare ARN.
    Latest,
    /// `$LATEST`, under an ARN that says so, as in lists of versions.
    LatestQualified,
    /// A published version.
    Number(u64),
    /// What an alias or a qualifier leads to.
    Through(&'a str),
}

/// A function's configuration, with its states.
pub(crate) fn show(context: &Context<'_>, function: &Function, shown: &Shown<'_>) -> Value {
    let number;
    let (qualifier, version) = match shown {
        Shown::Latest => (None, "$LATEST"),
        Shown::LatestQualified => (Some("$LATEST"), "$LATEST"),
        Shown::Number(version) => {
            number = version.to_string();
            (Some(number.as_str()), number.as_str())
        }
        Shown::Through(qualifier) => (Some(*qualifier), function.version_of(qualifier)),
    };
    let configuration = function.resolve(version).unwrap_or(&function.latest);
    let settings = context.settings;
    let mut body = json!({
        "FunctionName": function.name,
        "FunctionArn": function_arn(settings, &function.name, qualifier),
        "Runtime": "provided.al2023",
        "Role": format!("arn:aws:iam::{}:role/sandbox", settings.account),
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
    body["State"] = "Active".into();
    let updating = version == "$LATEST" && function.is_updating(context.now);
    body["LastUpdateStatus"] = if updating { "InProgress" } else { "Successful" }.into();
    body
}

/// As [`show`], without the states, which AWS leaves out of lists.
pub(crate) fn show_listed(context: &Context<'_>, function: &Function, shown: &Shown<'_>) -> Value {
    let mut body = show(context, function, shown);
    if let Some(body) = body.as_object_mut() {
        body.retain(|key, _| !key.starts_with("State") && !key.starts_with("LastUpdateStatus"));
    }
    body
}

/// Lambda's own way to write a date.
pub(crate) fn iso(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S.%3f+0000")
        .to_string()
}
