//! Clients of both services in front of a sandbox, and helpers to assert on errors.

use aws_credential_types::Credentials;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use maintenance_sandbox::{Sandbox, Settings};
use serde_json::json;

pub(crate) fn quick() -> Sandbox {
    Sandbox::new(Settings::quick())
}

pub(crate) fn ssm(sandbox: &Sandbox) -> aws_sdk_ssm::Client {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::from_keys("akid", "secret", None))
        .retry_config(aws_sdk_ssm::config::retry::RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    aws_sdk_ssm::Client::from_conf(config)
}

pub(crate) fn lambda(sandbox: &Sandbox) -> aws_sdk_lambda::Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::from_keys("akid", "secret", None))
        .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

/// Status, code and message of a refusal.
#[track_caller]
pub(crate) fn refusal<T, E>(
    result: Result<T, SdkError<E, aws_sdk_lambda::config::http::HttpResponse>>,
) -> (u16, String, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug + 'static,
{
    let Err(error) = result else {
        panic!("it was not refused");
    };
    let Some(response) = error.raw_response() else {
        panic!("it was not answered: {error:?}");
    };
    let status = response.status().as_u16();
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().unwrap_or_default().to_owned();
    (status, code, message)
}

/// Status and code alone.
#[track_caller]
pub(crate) fn code<T, E>(
    result: Result<T, SdkError<E, aws_sdk_lambda::config::http::HttpResponse>>,
) -> (u16, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug + 'static,
{
    let (status, code, _) = refusal(result);
    (status, code)
}

pub(crate) fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A whole HTTP request, for a client that is not the SDK.
pub(crate) fn get_parameter(name: &str) -> String {
    let body = json!({ "Name": name }).to_string();
    format!(
        "POST / HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\
         X-Amz-Target: AmazonSSM.GetParameter\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=akid/20260101/us-east-1/ssm/aws4_request\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
