//! [`SsmSource`], which puts the parts of this module together.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;

use super::connector::{Connector, https};
use super::credentials::{self, CredentialsSource, are_valid};
use super::settings::Settings;
use super::{answer, request};
use crate::source::environment::{Variables, of_process};
use crate::source::http::{HttpClient, client, round_trip};
use crate::source::{BoxError, Fetch, FlagSource};

/// Reads the flag with `GetParameter`, with one signed request and without the AWS SDK. The handler's
/// role needs `ssm:GetParameter` on `parameter/maintenance/<app>/flags/*`, and `kms:Decrypt` on its key if
/// the parameter is a SecureString. Needs a tokio runtime with I/O and time.
///
/// | variable | means |
/// |---|---|
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | the credentials. Read at each fetch, since they may be renewed |
/// | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `AWS_CONTAINER_CREDENTIALS_FULL_URI`, and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` or `AWS_CONTAINER_AUTHORIZATION_TOKEN` | the endpoint that has the credentials, where there are no keys: under SnapStart, on ECS and on EKS |
/// | `AWS_REGION`, else `AWS_DEFAULT_REGION` | the region; always set in Lambda |
/// | `AWS_ENDPOINT_URL_SSM`, else `AWS_ENDPOINT_URL` | another endpoint, with or without TLS; its path, if any, of letters, digits and `-._~`; unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true` |
/// | `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` | not `true`, unless the endpoint is named: its TLS is not FIPS-validated |
/// | `AWS_CA_BUNDLE` | a PEM file of certificate authorities to trust instead of Mozilla's, which are compiled in: the isolated regions (`us-iso-…`) have their own |
/// | `HTTPS_PROXY`, `NO_PROXY` | the HTTP proxy to an `https` endpoint, and the hosts that need none |
///
/// `SsmSource` reads no profiles and no credentials of EC2 instances: use the SDK for them (feature `ssm-sdk`).
/// It does not retry: the gate does, with a backoff.
#[derive(Clone)]
pub struct SsmSource {
    variables: Variables,
    /// Created once: the certificate authorities and proxies of the environment do not change.
    client: Arc<OnceLock<HttpClient<Connector>>>,
    /// The credentials of a container endpoint, until they expire.
    credentials: Arc<Mutex<Option<Credentials>>>,
}

impl SsmSource {
    /// Reads the environment of the process.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(of_process)
    }

    /// Like [`from_env`](Self::from_env), but reads the variables with `var`.
    #[must_use]
    pub fn from_vars(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            variables: Variables::new(var),
            client: Arc::default(),
            credentials: Arc::default(),
        }
    }

    fn client(&self) -> Result<&HttpClient<Connector>, BoxError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = client(https(&self.variables)?);
        Ok(self.client.get_or_init(|| made))
    }

    async fn credentials(&self, source: CredentialsSource) -> Result<Credentials, BoxError> {
        let request = match source {
            CredentialsSource::Environment(credentials) => return Ok(credentials),
            CredentialsSource::Container(request) => request,
        };
        let lock = || {
            self.credentials
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let known = lock().clone();
        if let Some(credentials) = known.filter(|it| are_valid(it, SystemTime::now())) {
            return Ok(credentials);
        }
        let credentials = credentials::fetch(self.client()?, request).await?;
        *lock() = Some(credentials.clone());
        Ok(credentials)
    }
}

impl fmt::Debug for SsmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SsmSource").finish_non_exhaustive()
    }
}

impl FlagSource for SsmSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (source, parameter) = (self.clone(), parameter.to_owned());
        Box::pin(async move {
            let settings = Settings::read(&source.variables)?;
            let credentials = CredentialsSource::read(&source.variables)?;
            let credentials = source.credentials(credentials).await?;
            let now = SystemTime::now();
            let request = request::get_parameter(&settings, credentials, &parameter, now)?;
            answer::read(&round_trip(source.client()?, request).await?)
        })
    }

    fn validate(&self) -> Result<(), BoxError> {
        Settings::read(&self.variables)?;
        CredentialsSource::read(&self.variables)?;
        self.client()?;
        Ok(())
    }
}
