//! The source itself.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::settings::Settings;
#[cfg(feature = "ssm-sdk")]
use super::settings::are_there;
use super::{answer, request};
use crate::source::asker::Asker;
use crate::source::{Fetch, FlagSource};

/// Reads the flag with `GetParameter`, by one signed request and without the AWS SDK. The handler's
/// role needs `ssm:GetParameter` on `parameter/maintenance/<app>/flags/*`. Needs a tokio runtime with
/// I/O and time.
///
/// | variable | means |
/// |---|---|
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | who asks; always set in Lambda. Read at each fetch, since they may be renewed |
/// | `AWS_REGION`, else `AWS_DEFAULT_REGION` | where; always set in Lambda |
/// | `AWS_ENDPOINT_URL_SSM`, else `AWS_ENDPOINT_URL` | another endpoint, with or without TLS; its path, if any, of letters, digits and `-._~`; unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true` |
/// | `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` | `true` for such an endpoint of AWS. The TLS is not FIPS-validated |
/// | `AWS_CA_BUNDLE` | a PEM file of certificate authorities to trust instead of Mozilla's, which are compiled in: the isolated regions (`us-iso-…`) have their own |
///
/// Its TLS is 1.3 or 1.2 with what every server of them has: AES-GCM, a key exchange on P-256 or P-384,
/// and certificates of RSA or of these curves. A proxy that has only X25519, ChaCha20 or a certificate of
/// Ed25519 is not understood.
///
/// Profiles, containers' and instances' credentials and proxies are not for it: that is what the SDK
/// is for (feature `ssm-sdk`).
///
/// It keeps one connection. If that died while the environment was frozen, or is silent for 100 ms, it
/// opens another; so a fetch now and then is two requests. It does not retry otherwise: the gate does,
/// with a backoff.
#[derive(Clone)]
pub struct SsmSource(Asker);

impl SsmSource {
    /// With what the environment of the process says. Nothing is read or checked before the first
    /// fetch.
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

    /// Whether the credentials and the region are there.
    #[cfg(feature = "ssm-sdk")]
    pub(crate) fn is_configured(&self) -> bool {
        are_there(&self.0.vars)
    }
}

impl fmt::Debug for SsmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SsmSource").finish_non_exhaustive()
    }
}

impl FlagSource for SsmSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (asker, parameter) = (self.0.clone(), parameter.to_owned());
        Box::pin(async move {
            let settings = Settings::read(&asker.vars)?;
            let request = request::get_parameter(&settings, &parameter, SystemTime::now())?;
            let origin = &settings.endpoint.origin;
            answer::read(&asker.client.send(origin, request).await?)
        })
    }
}
