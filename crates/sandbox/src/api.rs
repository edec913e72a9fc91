//! What both services share: operations, their requests and their replies.

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ApiError, ApiResult};
use crate::rate::Budget;
use crate::settings::Settings;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Systems Manager's Parameter Store.
    Ssm,
    /// Lambda.
    Lambda,
    /// STS.
    Sts,
    /// IAM.
    Iam,
}

/// The name, kind and budget of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperationInfo {
    pub(crate) service: Service,
    pub(crate) name: &'static str,
    pub(crate) write: bool,
    pub(crate) budget: Budget,
}

/// An operation of the service whose state is `S`.
pub(crate) struct Operation<S> {
    pub(crate) info: OperationInfo,
    pub(crate) run: fn(&mut S, &ApiRequest<'_>) -> ApiResult<Reply>,
}

impl OperationInfo {
    /// The log's entry for a request that asks for no operation of the sandbox.
    pub(crate) const fn unidentified(service: Service) -> Self {
        Self {
            service,
            name: "Unidentified",
            write: false,
            budget: match service {
                Service::Ssm => Budget::SsmRead,
                Service::Lambda => Budget::LambdaControl,
                Service::Sts | Service::Iam => Budget::Identity,
            },
        }
    }
}

/// The rest of a request, beside the operation it asks for.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// The segment of a REST path that names the function or mapping; empty if there is none.
    pub(crate) subject: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A request as an operation sees it.
pub(crate) struct ApiRequest<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
    /// The access key id of the caller.
    pub(crate) caller: &'a str,
    pub(crate) message: &'a Message,
}

impl ApiRequest<'_> {
    /// The value of a query parameter, if given and not empty.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let mut query = self.message.query.iter();
        let (_, value) = query.find(|(key, value)| key == name && !value.is_empty())?;
        Some(value)
    }

    /// The body as the operation's input.
    pub(crate) fn input<T: DeserializeOwned>(&self) -> ApiResult<T> {
        let body = &self.message.body;
        let body: &[u8] = if body.is_empty() { b"{}" } else { body };
        serde_json::from_slice(body).map_err(|error| ApiError::serialization(error.to_string()))
    }
}

/// The caller as IAM names it. The access key id stands for the user's name, so that a test can tell two
/// callers apart.
pub(crate) fn user_arn(settings: &Settings, caller: &str) -> String {
    let account = &settings.account;
    // A session's ARN has the role's name, and not its path.
    match settings.iam.role.as_deref().map(role_name) {
        Some(name) => format!("arn:aws:sts::{account}:assumed-role/{name}/{caller}"),
        None => format!("arn:aws:iam::{account}:user/{caller}"),
    }
}

/// The name in the ARN of a role, without its path.
pub(crate) fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Beside those of every answer.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        }
    }

    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}
