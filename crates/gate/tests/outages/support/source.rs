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
use maintenance_gate::{ExtensionSource, Fetch, FlagSource, SdkSource, SsmSource};

/// A name that no resolver has to be asked for: a label has at most 63 letters.
const NO_SUCH_HOST: &str = "parameter-store-parameter-store-parameter-store-parameter-store-1";

/// How the gate reads Parameter Store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// By a signed request.
    Ssm,
    /// By the AWS SDK.
    Sdk,
    /// By the AWS Parameters and Secrets extension, which is at the other end of the line here.
    Extension,
}

impl Kind {
    /// Each of them passes the same tests.
    pub(crate) const ALL: [Self; 3] = [Self::Ssm, Self::Sdk, Self::Extension];

    /// A source that asks at this address.
    pub(crate) fn at(self, address: SocketAddr) -> Box<dyn FlagSource> {
        match self {
            Self::Ssm => Box::new(ssm(&address.to_string(), true)),
            Self::Sdk => Box::new(sdk(&address.to_string(), sandbox())),
            Self::Extension => Box::new(extension(address, true)),
        }
    }

    /// One whose host has no address; none if it looks up no name.
    pub(crate) fn without_dns(self) -> Option<Box<dyn FlagSource>> {
        match self {
            Self::Ssm => Some(Box::new(ssm(NO_SUCH_HOST, true))),
            Self::Sdk => Some(Box::new(sdk(NO_SUCH_HOST, sandbox()))),
            Self::Extension => None,
        }
    }

    /// One that finds no credentials.
    pub(crate) fn without_credentials(self, address: SocketAddr) -> Box<dyn FlagSource> {
        match self {
            Self::Ssm => Box::new(ssm(&address.to_string(), false)),
            Self::Sdk => {
                let none = SharedCredentialsProvider::new(NoCredentials);
                Box::new(sdk(&address.to_string(), none))
            }
            Self::Extension => Box::new(extension(address, false)),
        }
    }

    /// Whether a fetch has a connection of its own, so that none can have died meanwhile.
    pub(crate) fn keeps_no_connection(self) -> bool {
        match self {
            Self::Ssm | Self::Extension => true,
            Self::Sdk => false,
        }
    }

    /// Checks how many requests so many reads were.
    #[track_caller]
    pub(crate) fn made(self, requests: usize, reads: usize, case: &str) {
        assert_eq!(requests, reads, "{case}: requests of {self:?}, and reads");
    }
}

type Variables = &'static [(&'static str, &'static str)];

const REGION: Variables = &[("AWS_REGION", "us-east-1")];
const CREDENTIALS: Variables = &[
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "sandbox"),
    ("AWS_SECRET_ACCESS_KEY", "sandbox"),
];
const TOKEN: Variables = &[("AWS_SESSION_TOKEN", "sandbox")];

/// The variable of this name, of `more` or of those that are always the same.
fn variable(all: Variables, more: (&str, &str), name: &str) -> Option<String> {
    let found = all
        .iter()
        .copied()
        .chain([more])
        .find(|(key, _)| *key == name);
    found.map(|(_, value)| value.to_owned())
}

fn ssm(host: &str, has_credentials: bool) -> SsmSource {
    let variables = if has_credentials { CREDENTIALS } else { REGION };
    let url = format!("http://{host}");
    SsmSource::from_vars(move |name| variable(variables, ("AWS_ENDPOINT_URL", &url), name))
}

fn extension(address: SocketAddr, has_token: bool) -> ExtensionSource {
    let variables = if has_token { TOKEN } else { REGION };
    let port = address.port().to_string();
    ExtensionSource::from_vars(move |name| {
        variable(
            variables,
            ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port),
            name,
        )
    })
}

fn sandbox() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::for_tests())
}

/// As `SdkSource::from_env` makes it: no retries of its own. Here over plain HTTP.
fn sdk(host: &str, credentials: SharedCredentialsProvider) -> SdkSource {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{host}"))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    SdkSource::new(Client::from_conf(config))
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
pub(crate) struct Switch(Arc<Sources>);

struct Sources {
    good: Box<dyn FlagSource>,
    bad: Box<dyn FlagSource>,
    is_bad: AtomicBool,
}

impl Switch {
    pub(crate) fn new(good: Box<dyn FlagSource>, bad: Box<dyn FlagSource>) -> Self {
        Self(Arc::new(Sources {
            good,
            bad,
            is_bad: AtomicBool::new(false),
        }))
    }

    /// Whether the bad one is asked.
    pub(crate) fn to_bad(&self, bad: bool) {
        self.0.is_bad.store(bad, Ordering::SeqCst);
    }
}

impl FlagSource for Switch {
    fn fetch(&self, parameter: &str) -> Fetch {
        let sources = &*self.0;
        let source = match sources.is_bad.load(Ordering::SeqCst) {
            true => &sources.bad,
            false => &sources.good,
        };
        source.fetch(parameter)
    }
}
