//! A flag in Parameter Store, by the AWS SDK. Needs a tokio runtime, as the SDK does.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_smithy_http_client::tls;

use super::{BoxError, Fetch, FlagSource, Throttled};
use crate::turn::Once;

/// Far above the gate's budget: it only ends what nobody waits for any more.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Reads the flag with `GetParameter`. The handler's role needs `ssm:GetParameter` on
/// `parameter/maintenance/<app>/flags/*`.
#[derive(Clone)]
pub struct SsmSource {
    client: Arc<Once<Client>>,
}

impl SsmSource {
    /// Uses a client that the handler has anyway, with whatever retries and timeouts it has.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client: Arc::new(Once::new(Some(client))),
        }
    }

    /// Makes its own client at the first fetch, from what the SDK finds in the environment: in
    /// Lambda, region and credentials; elsewhere also profiles and `AWS_ENDPOINT_URL`. It does not
    /// retry: the gate does, with a backoff.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            client: Arc::new(Once::new(None)),
        }
    }
}

impl std::fmt::Debug for SsmSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SsmSource").finish_non_exhaustive()
    }
}

impl FlagSource for SsmSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (client, name) = (Arc::clone(&self.client), parameter.to_owned());
        Box::pin(async move {
            let client = client.get_or_make(connect).await?;
            match client.get_parameter().name(name).send().await {
                Ok(output) => output
                    .parameter
                    .and_then(|parameter| parameter.value)
                    .map(Some)
                    .ok_or_else(|| "Parameter Store answered without a value".into()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|error| error.is_parameter_not_found()) =>
                {
                    Ok(None)
                }
                Err(error) => Err(reason(error)),
            }
        })
    }
}

/// Why a fetch failed, in a line. AWS's own words only where it refuses what was asked: of a refused
/// signature they quote the signed headers, and with them the session token.
fn reason<R: std::fmt::Debug + Send + Sync + 'static>(
    error: SdkError<GetParameterError, R>,
) -> BoxError {
    let Some(service) = error.as_service_error() else {
        let mut words = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            source = cause.source();
        }
        return words.into();
    };
    let code = service.code().unwrap_or("unknown error");
    let message = match code {
        "AccessDeniedException" | "ThrottlingException" => service.message().unwrap_or_default(),
        _ => "",
    };
    let words = format!("{code} {message}").trim_end().to_owned();
    match code {
        "ThrottlingException" | "Throttling" | "RequestLimitExceeded" => {
            Throttled::new(words).into()
        }
        _ => words.into(),
    }
}

async fn connect() -> Result<Client, BoxError> {
    // Pinned, so that an update of the SDK changes nothing; ring, since the default aws-lc costs a
    // cold start tens of milliseconds.
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(GIVE_UP).build())
        .load()
        .await;
    Ok(Client::new(&config))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ssm::error::ErrorMetadata;

    use super::*;

    #[test]
    fn a_refusal_for_the_rate_says_so_by_its_type() {
        for (code, throttled) in [
            ("ThrottlingException", true),
            ("AccessDeniedException", false),
            ("InternalServerError", false),
        ] {
            let metadata = ErrorMetadata::builder().code(code).build();
            let error = GetParameterError::generic(metadata);
            let error = reason(SdkError::service_error(error, ()));
            assert_eq!(error.is::<Throttled>(), throttled, "{code}");
        }
    }

    #[test]
    fn a_refused_signature_is_named_and_never_quoted() {
        let failed = |code: &str, message: &str| {
            let metadata = ErrorMetadata::builder().code(code).message(message).build();
            reason(SdkError::service_error(
                GetParameterError::generic(metadata),
                (),
            ))
            .to_string()
        };
        let quoted = "the canonical string is x-amz-security-token:TOPSECRET";
        assert_eq!(
            failed("InvalidSignatureException", quoted),
            "InvalidSignatureException"
        );
        assert_eq!(
            failed(
                "AccessDeniedException",
                "not authorized to perform: ssm:GetParameter"
            ),
            "AccessDeniedException not authorized to perform: ssm:GetParameter"
        );
    }
}
