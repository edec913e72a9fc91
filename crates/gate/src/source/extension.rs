//! Reads the flag through the AWS Parameters and Secrets Lambda extension: a process beside the
//! handler that reads Parameter Store and caches the answer.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html>

use std::fmt;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use percent_encoding::utf8_percent_encode;

use super::environment::{Variables, of_process};
use super::http::{HttpClient, client, connector, round_trip};
use super::reason::refusal;
use super::{BoxError, Fetch, FlagSource, Throttled, get_parameter};
use crate::request::COMPONENT;

/// Reads the flag from the AWS Parameters and Secrets Lambda extension, a layer that the function must
/// have. The extension uses the function's role, which needs `ssm:GetParameter`, and `kms:Decrypt` if
/// the parameter is a SecureString. Needs a tokio runtime with I/O and time.
///
/// | variable | means |
/// |---|---|
/// | `SSM_PARAMETER_STORE_TTL` | how long the extension answers from its cache, in seconds, 0 to 300. **300 unless set, on top of the gate's own TTL**: set it to 0 or to a few seconds, or visitors see a maintenance begin up to five minutes late |
/// | `PARAMETERS_SECRETS_EXTENSION_HTTP_PORT` | where the extension listens; 2773 unless set |
/// | `AWS_SESSION_TOKEN` | authorizes the request; Lambda sets it |
///
/// The extension saves calls where several parts of one environment read the same parameter; each
/// environment still has its own cache. The extension answers only while an invocation runs, and gives the same
/// answer for every failure, including a parameter that does not exist: so **the flag must exist**,
/// which it does once `maintenance on` has run. The extension logs the reason of a failure.
#[derive(Clone)]
pub struct ExtensionSource {
    variables: Variables,
    client: HttpClient<HttpConnector>,
}

impl ExtensionSource {
    /// Reads the environment of the process, at each fetch.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(of_process)
    }

    /// Like [`from_env`](Self::from_env), but reads the variables with `var`.
    #[must_use]
    pub fn from_vars(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            variables: Variables::new(var),
            client: client(connector()),
        }
    }

    fn port(&self) -> Result<u16, BoxError> {
        const VARIABLE: &str = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT";
        match self.variables.get(VARIABLE) {
            None => Ok(2773),
            Some(port) => port
                .parse()
                .map_err(|_| format!("{VARIABLE} is not a port").into()),
        }
    }

    fn token(&self) -> Result<HeaderValue, BoxError> {
        let token = self.variables.get("AWS_SESSION_TOKEN").ok_or(
            "AWS_SESSION_TOKEN is not set: the AWS Parameters and Secrets extension runs in Lambda only",
        )?;
        let mut value = HeaderValue::from_str(&token)
            .map_err(|_| "AWS_SESSION_TOKEN holds a character that cannot be in it")?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn request(&self, parameter: &str) -> Result<Request<Full<Bytes>>, BoxError> {
        let (port, name) = (self.port()?, utf8_percent_encode(parameter, COMPONENT));
        // An address, since a name would need a look-up, and a thread for it.
        let request = Request::get(format!(
            "http://127.0.0.1:{port}/systemsmanager/parameters/get?name={name}&withDecryption=true"
        ));
        Ok(request
            .header(HOST, format!("localhost:{port}"))
            .header("x-aws-parameters-secrets-token", self.token()?)
            .body(Full::default())?)
    }
}

impl fmt::Debug for ExtensionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtensionSource").finish_non_exhaustive()
    }
}

impl FlagSource for ExtensionSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (source, parameter) = (self.clone(), parameter.to_owned());
        Box::pin(async move {
            let request = source.request(&parameter)?;
            let answer = round_trip(&source.client, request).await?;
            if answer.status() != StatusCode::OK {
                let refusal = refusal(Some(answer.status().as_u16()), None, None);
                return Err(match refusal.downcast_ref::<Throttled>() {
                    Some(_) => refusal,
                    None => format!("{refusal} from the extension: its log says why").into(),
                });
            }
            get_parameter::read(answer.body()).map(Some)
        })
    }

    fn validate(&self) -> Result<(), BoxError> {
        self.request("/").map(drop)
    }
}
