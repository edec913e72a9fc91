//! Reads the flag from Parameter Store with the AWS SDK: for credentials that are not in the environment, and for
//! handlers that already have a client. The SDK adds several milliseconds to a cold start.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::types::Parameter;
use aws_smithy_http_client::tls;
use tokio::sync::OnceCell;

use super::reason::{chain, refusal};
use super::{BoxError, Fetch, FlagSource, ParameterValue};

/// Reads the flag with `GetParameter`, through the AWS SDK. The handler's role needs `ssm:GetParameter` on
/// `parameter/maintenance/<app>/flags/*`, and `kms:Decrypt` on its key if the parameter is a SecureString.
/// Needs a tokio runtime, as the SDK does.
#[derive(Clone)]
pub struct SdkSource {
    client: Arc<OnceCell<Client>>,
}

impl SdkSource {
    /// Uses a client that the handler already has, with its own retries and timeouts.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client: Arc::new(OnceCell::new_with(Some(client))),
        }
    }

    /// Creates a client at the first fetch, from what the SDK finds in the environment: in
    /// Lambda, region and credentials; elsewhere also profiles and `AWS_ENDPOINT_URL`. The client does not
    /// retry: the gate does, with a backoff.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            client: Arc::default(),
        }
    }
}

impl std::fmt::Debug for SdkSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SdkSource").finish_non_exhaustive()
    }
}

impl FlagSource for SdkSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (client, name) = (Arc::clone(&self.client), parameter.to_owned());
        Box::pin(async move {
            let client = client.get_or_try_init(connect).await?;
            let request = client.get_parameter().name(name).with_decryption(true);
            match request.send().await {
                Ok(output) => output
                    .parameter
                    .and_then(read)
                    .map(Some)
                    .ok_or_else(|| "Parameter Store answered without a value".into()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|error| error.is_parameter_not_found()) =>
                {
                    Ok(None)
                }
                Err(error) => Err(why(error)),
            }
        })
    }
}

/// Returns the parameter's value and version. The SDK's version is 0 where the answer has none.
fn read(parameter: Parameter) -> Option<ParameterValue> {
    let version = u64::try_from(parameter.version)
        .ok()
        .filter(|version| *version > 0);
    Some(ParameterValue::from(parameter.value?).with_version(version))
}

fn why(error: SdkError<GetParameterError, HttpResponse>) -> BoxError {
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    match error.as_service_error() {
        Some(service) => refusal(status, service.code(), service.message()),
        // For example from a proxy: without AWS's JSON, but with a status.
        None if status == Some(429) => refusal(status, None, None),
        None => chain(&error).into(),
    }
}

async fn connect() -> Result<Client, BoxError> {
    // The behaviour version is pinned, so that an update of the SDK changes nothing. TLS uses ring, since the default
    // aws-lc adds tens of milliseconds to a cold start.
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .load()
        .await;
    Ok(Client::new(&config))
}
