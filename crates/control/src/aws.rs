//! Connecting to AWS: credentials, region and endpoint are the SDK's business; how calls are sent is
//! settled here.
//!
//! The SDK's own retries are off: each attempt has to wait for its turn in the shared budget of calls
//! and may only change something while the lease is held, so attempts are counted in one place,
//! `retry`.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

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

/// The two services that the control plane talks to.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Parameter Store.
    pub ssm: aws_sdk_ssm::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
}

/// Prepares clients. Nothing is sent and no trust root is read before the first call.
pub async fn connect(settings: &AwsSettings) -> Clients {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(LazyTls)
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
    Clients {
        ssm: aws_sdk_ssm::Client::new(&config),
        lambda: aws_sdk_lambda::Client::new(&config),
    }
}

/// An HTTP client that reads the system's trust roots at the first `https` request: reading them takes
/// milliseconds, which a command against a local endpoint need not spend.
#[derive(Debug, Default)]
struct LazyTls;

impl HttpClient for LazyTls {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(BySchemeConnector {
            plain: client(TrustStore::empty()).http_connector(settings, components),
            secure: OnceLock::new(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

#[derive(Debug)]
struct BySchemeConnector {
    plain: SharedHttpConnector,
    secure: OnceLock<SharedHttpConnector>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl BySchemeConnector {
    fn secure(&self) -> &SharedHttpConnector {
        self.secure.get_or_init(|| {
            client(TrustStore::default()).http_connector(&self.settings, &self.components)
        })
    }
}

/// rustls on ring: the SDK's default provider takes tens of milliseconds to start. A client for `http`
/// alone would be all of HTTP once more in the program; one that trusts nobody is as quick to make.
fn client(roots: TrustStore) -> SharedHttpClient {
    // To build it cannot fail; the default reads the system's roots.
    let context = TlsContext::builder().with_trust_store(roots).build();
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context.unwrap_or_default())
        .build_https()
}

impl HttpConnector for BySchemeConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("http://") {
            self.plain.call(request)
        } else {
            self.secure().call(request)
        }
    }
}
