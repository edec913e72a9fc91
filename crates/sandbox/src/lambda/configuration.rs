//! A function's configuration as the API shows it, and the checks of what callers set.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{ApiError, ApiResult};
use crate::lambda::names::function_arn;
use crate::lambda::state::{Configuration, Function};
use crate::settings::Settings;
use crate::world::Context;

/// The longest timeout, in seconds.
const MAX_TIMEOUT: u32 = 900;

/// The settings that CreateFunction and UpdateFunctionConfiguration share.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Settable {
    runtime: Option<String>,
    role: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    timeout: Option<i64>,
    memory_size: Option<i64>,
    environment: Option<EnvironmentInput>,
    dead_letter_config: Option<DeadLetterInput>,
    pub(crate) revision_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EnvironmentInput {
    variables: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeadLetterInput {
    target_arn: Option<String>,
}

impl Configuration {
    /// What a function has when nobody said otherwise.
    pub(crate) fn blank(settings: &Settings, revision: String, now: Timestamp) -> Self {
        Self {
            runtime: "provided.al2023".to_owned(),
            role: format!("arn:aws:iam::{}:role/sandbox", settings.account),
            handler: "bootstrap".to_owned(),
            description: String::new(),
            timeout: 3,
            memory: 128,
            environment: Map::new(),
            dead_letter: None,
            code_sha256: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_owned(),
            revision,
            modified: now,
        }
    }

    /// Takes over what the caller set, or refuses it all.
    pub(crate) fn apply(&mut self, input: Settable) -> ApiResult<()> {
        if let Some(timeout) = input.timeout {
            self.timeout = ranged(timeout, "timeout", 1, MAX_TIMEOUT)?;
        }
        if let Some(memory) = input.memory_size {
            self.memory = ranged(memory, "memorySize", 128, 32_768)?;
        }
        if let Some(role) = input.role {
            if !role.starts_with("arn:aws:iam::") || !role.contains(":role/") {
                return Err(ApiError::constraint(
                    &role,
                    "role",
                    "Member must satisfy regular expression pattern: \
                     arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
                ));
            }
            self.role = role;
        }
        if let Some(dead_letter) = input.dead_letter_config {
            // An empty ARN takes the queue away.
            self.dead_letter = dead_letter.target_arn.filter(|arn| !arn.is_empty());
        }
        if let Some(runtime) = input.runtime {
            self.runtime = runtime;
        }
        if let Some(handler) = input.handler {
            self.handler = handler;
        }
        if let Some(description) = input.description {
            self.description = description;
        }
        if let Some(environment) = input.environment {
            if environment
                .variables
                .values()
                .any(|value| !value.is_string())
            {
                return Err(ApiError::serialization(
                    "the variables of an environment are strings",
                ));
            }
            self.environment = environment.variables;
        }
        Ok(())
    }
}

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
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": 262,
        "Description": configuration.description,
        "Timeout": configuration.timeout,
        "MemorySize": configuration.memory,
        "LastModified": iso(configuration.modified),
        "CodeSha256": configuration.code_sha256,
        "Version": version,
        "Environment": { "Variables": configuration.environment },
        "TracingConfig": { "Mode": "PassThrough" },
        "RevisionId": configuration.revision,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": { "Size": 512 },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": {
            "LogFormat": "Text",
            "LogGroup": format!("/aws/lambda/{}", function.name),
        },
    });
    if let Some(arn) = &configuration.dead_letter {
        body["DeadLetterConfig"] = json!({ "TargetArn": arn });
    }
    let latest = version == "$LATEST";
    if latest && function.is_pending(context.now) {
        body["State"] = "Pending".into();
        body["StateReason"] = "The function is being created.".into();
        body["StateReasonCode"] = "Creating".into();
    } else {
        body["State"] = "Active".into();
        let updating = latest && function.is_updating(context.now);
        body["LastUpdateStatus"] = if updating { "InProgress" } else { "Successful" }.into();
        if updating {
            body["LastUpdateStatusReason"] = "The function is being created.".into();
            body["LastUpdateStatusReasonCode"] = "Creating".into();
        }
    }
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
