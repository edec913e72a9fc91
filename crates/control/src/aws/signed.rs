//! Calls to services whose SDK is not in the program: signed with Signature Version 4 here, and sent the way that all
//! other calls take.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::Mutex;

use super::access::AccessError;
use super::call_error::CallError;
use super::http::Visitor;

/// How long before their end credentials are got anew.
const BEFORE_EXPIRY: Duration = Duration::from_secs(300);
/// How long credentials without an end are kept: a file may change.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// Signs calls and sends them; by default without a region or credentials, so that it can call nothing. Clones share
/// the credentials.
#[derive(Clone, Default)]
pub(super) struct Signer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    visitor: Visitor,
    provider: Option<SharedCredentialsProvider>,
    region: Option<String>,
    known: Mutex<Option<(Credentials, SystemTime)>>,
}

/// A call to one service.
pub(super) struct Signed<'a> {
    /// As it is signed: `iam`.
    pub(super) service: &'static str,
    pub(super) region: &'a str,
    pub(super) url: String,
    pub(super) headers: &'a [(&'static str, &'static str)],
    pub(super) body: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.0.region)
            .finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(config: &SdkConfig, visitor: Visitor) -> Self {
        Self(Arc::new(Shared {
            visitor,
            provider: config.credentials_provider(),
            region: config.region().map(ToString::to_string),
            known: Mutex::default(),
        }))
    }

    /// The region of the app.
    pub(super) fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// Posts the call, and returns the status and the body of its answer.
    pub(super) async fn post(&self, call: Signed<'_>) -> Result<(u16, String), CallError> {
        let credentials = self.credentials().await?;
        let request = request(call, credentials);
        let request = request.map_err(|error| CallError::unsent(error.to_string()))?;
        let answer = self.0.visitor.send(request).await;
        answer.map_err(CallError::unreached)
    }

    /// The credentials, kept until shortly before they end.
    async fn credentials(&self) -> Result<Credentials, CallError> {
        let mut known = self.0.known.lock().await;
        let now = SystemTime::now();
        if let Some((credentials, until)) = &*known
            && now < *until
        {
            return Ok(credentials.clone());
        }
        let none = || CallError::unsent("no AWS credentials were found".to_owned());
        let provider = self.0.provider.as_ref().ok_or_else(none)?;
        let got = provider.provide_credentials().await;
        let got = got.map_err(|error| match AccessError::unsent(&error) {
            Some(access) => CallError::access(access),
            None => CallError::unsent(error.to_string()),
        })?;
        let until = got.expiry().and_then(|end| end.checked_sub(BEFORE_EXPIRY));
        let kept = now + KEPT_FOR;
        *known = Some((got.clone(), until.map_or(kept, |until| until.min(kept))));
        Ok(got)
    }
}

fn request(call: Signed<'_>, credentials: Credentials) -> Result<http::Request<String>, BoxError> {
    let Signed {
        service,
        region,
        url,
        headers,
        body,
    } = call;
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signable = SignableBody::Bytes(body.as_bytes());
    let signable = SignableRequest::new("POST", &url, headers.iter().copied(), signable)?;
    let (signature, _) = sign(signable, &params)?.into_parts();
    let mut request = http::Request::post(&url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body)?;
    signature.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// Where a service is, if not at AWS's own address: as its SDK would find it.
pub(super) fn endpoint_of(config: &SdkConfig, service_id: &str) -> Option<String> {
    let is_of_all = config.get_origin("endpoint_url").is_client_config();
    let key = ServiceConfigKey::builder()
        .service_id(service_id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = config.service_config().filter(|_| !is_of_all);
    let own = own.zip(key.ok()).and_then(|(it, key)| it.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}
