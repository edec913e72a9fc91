//! The sources that read Parameter Store over a socket. A new one is one more [`Kind`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_sdk_ssm::{Client, Config};
use maintenance_gate::{Fetch, FlagSource, SsmSource};

/// A name that no resolver has to be asked for: a label has at most 63 letters.
const NO_SUCH_HOST: &str = "parameter-store-parameter-store-parameter-store-parameter-store-1";

/// How the gate reads Parameter Store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// By the AWS SDK.
    Sdk,
}

impl Kind {
    /// Each of them passes the same tests.
    pub(crate) const ALL: [Self; 1] = [Self::Sdk];

    /// A source that asks at this address.
    pub(crate) fn at(self, address: SocketAddr) -> Box<dyn FlagSource> {
        match self {
            Self::Sdk => Box::new(sdk(&format!("http://{address}"), sandbox())),
        }
    }

    /// One whose host has no address.
    pub(crate) fn without_dns(self, _: SocketAddr) -> Box<dyn FlagSource> {
        match self {
            Self::Sdk => Box::new(sdk(&format!("http://{NO_SUCH_HOST}"), sandbox())),
        }
    }

    /// One that finds no credentials.
    pub(crate) fn without_credentials(self, address: SocketAddr) -> Box<dyn FlagSource> {
        match self {
            Self::Sdk => {
                let none = SharedCredentialsProvider::new(NoCredentials);
                Box::new(sdk(&format!("http://{address}"), none))
            }
        }
    }
}

fn sandbox() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::for_tests())
}

/// As `SsmSource::from_env` makes it: no retries of its own. Here over plain HTTP.
fn sdk(endpoint: &str, credentials: SharedCredentialsProvider) -> SsmSource {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    SsmSource::new(Client::from_conf(config))
}

#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("there are none")))
    }
}

/// A source that can be exchanged for another while the gate runs. Clones share it.
#[derive(Clone)]
pub(crate) struct Switch(Arc<(Box<dyn FlagSource>, Box<dyn FlagSource>, AtomicBool)>);

impl Switch {
    pub(crate) fn new(good: Box<dyn FlagSource>, bad: Box<dyn FlagSource>) -> Self {
        Self(Arc::new((good, bad, AtomicBool::new(false))))
    }

    /// Whether the bad one is asked.
    pub(crate) fn to_bad(&self, bad: bool) {
        self.0.2.store(bad, Ordering::SeqCst);
    }
}

impl FlagSource for Switch {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (good, bad, is_bad) = &*self.0;
        let source = if is_bad.load(Ordering::SeqCst) {
            bad
        } else {
            good
        };
        source.fetch(parameter)
    }
}
