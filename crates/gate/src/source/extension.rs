//! A flag in Parameter Store, by the AWS Parameters and Secrets Lambda extension: a process beside the
//! handler that asks Parameter Store for it and caches the answer.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html>

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use http::header::HOST;
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::asker::Asker;
use super::http::{Origin, Request, Scheme};
use super::reason::refusal;
use super::{BoxError, Fetch, FlagSource, parameter};

/// What may stand in a query as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Reads the flag from the AWS Parameters and Secrets Lambda extension, a layer that the function must
/// have. The function's role needs `ssm:GetParameter`, as the extension asks with it. Needs a tokio
/// runtime with I/O and time.
///
/// | variable | means |
/// |---|---|
/// | `SSM_PARAMETER_STORE_TTL` | how long the extension goes on with what it read, in seconds, 0 to 300. **300 unless set, on top of the gate's own TTL**: set it to 0 or to a few seconds, or nobody sees a maintenance begin for five minutes |
/// | `PARAMETERS_SECRETS_EXTENSION_HTTP_PORT` | where the extension listens; 2773 unless set |
/// | `AWS_SESSION_TOKEN` | what it is asked with; Lambda sets it |
///
/// The extension saves calls where several parts of one environment read the same parameter; each
/// environment still has its own. It answers only while an invocation runs, and it answers every
/// failure with the same words, also that there is no such parameter: so **the flag must exist**,
/// which it does once `maintenance on` has run. The reason of a failure is in its log.
#[derive(Clone)]
pub struct ExtensionSource(Asker);

impl ExtensionSource {
    /// With what the environment of the process says, at each fetch.
    #[must_use]
    pub fn from_env() -> Self {
        Self(Asker::from_env())
    }

    /// As [`from_env`](Self::from_env), from any place that has such variables.
    #[must_use]
    pub fn from_vars(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Asker::from_vars(var))
    }

    /// How long a connection that was kept may be silent before another one is tried beside it; 100 ms
    /// unless set. Less than the gate's [budget](crate::Builder::refresh_budget), so that one which died
    /// while the environment was frozen costs no refresh.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self(self.0.patience(patience))
    }

    fn port(&self) -> Result<u16, BoxError> {
        const VARIABLE: &str = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT";
        match self.0.vars.get(VARIABLE) {
            None => Ok(2773),
            Some(port) => port
                .parse()
                .map_err(|_| format!("{VARIABLE} is not a port").into()),
        }
    }

    fn token(&self) -> Result<HeaderValue, BoxError> {
        let token = self.0.vars.get("AWS_SESSION_TOKEN").ok_or(
            "AWS_SESSION_TOKEN is not set: the AWS Parameters and Secrets extension runs in Lambda only",
        )?;
        let mut value = HeaderValue::from_str(&token)
            .map_err(|_| "AWS_SESSION_TOKEN holds a character that cannot be in it")?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn request(&self, port: u16, parameter: &str) -> Result<Request, BoxError> {
        let name = utf8_percent_encode(parameter, ENCODED);
        let request = http::Request::get(format!("/systemsmanager/parameters/get?name={name}"))
            .header(HOST, format!("localhost:{port}"))
            .header("x-aws-parameters-secrets-token", self.token()?)
            .body(Full::default())?;
        Ok(request)
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
            let origin = Origin {
                scheme: Scheme::Http,
                // Not by name: that would cost a look-up, and a thread for it.
                host: "127.0.0.1".to_owned(),
                port: source.port()?,
            };
            let request = source.request(origin.port, &parameter)?;
            let answer = source.0.client.send(&origin, request).await?;
            if answer.status != http::StatusCode::OK {
                let refusal = refusal(Some(answer.status.as_u16()), None, None);
                return Err(match refusal.downcast_ref::<super::Throttled>() {
                    Some(_) => refusal,
                    None => format!("{refusal} from the extension: its log says why").into(),
                });
            }
            parameter::read(&answer.body).map(Some)
        })
    }
}
