//! Connecting to AWS: credentials, region and endpoint are the SDK's business; how calls are sent is
//! settled here.
//!
//! The SDK's own retries are off: each attempt has to wait for its turn in the shared budget of calls
//! and may only change something while the lease is held, so attempts are counted in one place,
//! `retry`.
//!
//! Reading order: `environment` (what the SDK gets to read), `http` (proxy and certificates),
//! `credentials`, `access` (why AWS cannot be called at all), `call_error` and
//! `error` (what the error of a call means), `unanswered`.

mod access;
mod call_error;
mod cloudwatch;
mod credentials;
mod environment;
mod error;
mod http;
mod identity;
mod setting;
mod signed;
mod unanswered;

pub use access::AccessError;
pub(crate) use call_error::{CallError, doubted, echoes, required};
pub use error::{AwsError, AwsErrorKind};
pub use identity::{CallerIdentity, Identity};
pub use setting::{SettingError, check_url};
pub use unanswered::{Calls, Unanswered};

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

pub use cloudwatch::CloudWatch;
use credentials::Checked;
use environment::Environment;
use http::Http;
pub use http::{Visit, Visitor};
use setting::check_header;
use signed::Signer;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt of a call may take; all calls we make answer in well under a second.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// What an operator may say about AWS. What is left out comes from the SDK's own variables and files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The profile of the shared configuration file.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// An endpoint to call instead of AWS's.
    pub endpoint_url: Option<String>,
}

/// The services that the control plane talks to.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Parameter Store.
    pub ssm: aws_sdk_ssm::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// CloudWatch, for observers of alarms.
    pub cloudwatch: CloudWatch,
    /// What Parameter Store and Lambda have not answered yet.
    pub calls: Calls,
    /// A visitor of the app's site.
    pub visitor: Visitor,
    /// Who calls.
    pub identity: Identity,
}

/// Prepares clients. Nothing is sent and no trust root is read before the first call, but for the region
/// and the profile, which are looked for as the AWS CLI does it.
///
/// # Errors
/// If a variable, a setting or a file cannot be used.
pub async fn connect(settings: &AwsSettings) -> Result<Clients, SettingError> {
    let environment = Environment::read(settings).await?;
    let http = Http::new(&environment)?;
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .env(environment.env())
        .profile_files(environment.files())
        .http_client(http.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        );
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    // The variables and the files are checked by their names: what is left is the machine's metadata.
    if let Some(region) = config.region() {
        check_header(region.as_ref()).map_err(|problem| {
            let hint = "set AWS_REGION";
            SettingError::new(
                "the region that the metadata of this machine answered",
                problem,
                hint,
            )
        })?;
    }
    let checked = config.credentials_provider().map(|provider| {
        SharedCredentialsProvider::new(Checked {
            provider,
            origin: environment.origin(),
        })
    });
    let mut builder = config.into_builder();
    builder.set_credentials_provider(checked);
    let config = builder.build();
    let calls = Calls::default();
    let visitor = Visitor::new(&http);
    let cloudwatch = CloudWatch::new(&config, Signer::new(&config, visitor.clone()));
    let identity = Identity::new(&config, &visitor);
    let ssm = aws_sdk_ssm::config::Builder::from(&config).interceptor(calls.clone());
    let lambda = aws_sdk_lambda::config::Builder::from(&config).interceptor(calls.clone());
    Ok(Clients {
        ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
        lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
        cloudwatch,
        calls,
        visitor,
        identity,
    })
}
