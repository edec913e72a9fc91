//! CloudWatch, of which one call is needed: DescribeAlarms, in AWS's JSON protocol, signed with Signature Version 4.
//!
//! Not by its SDK: that has another protocol, and features of the SDK's common crates, with which all of the SDK
//! would be compiled anew, and HTTP twice.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::access::AccessError;
use super::call_error::CallError;
use super::http::Route;

/// How long before their end credentials are got anew.
const BEFORE_EXPIRY: Duration = Duration::from_secs(300);
/// How long credentials without an end are kept: a file may change.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// CloudWatch in a region, with credentials; by default with neither, so that it can be asked nothing.
#[derive(Clone, Default)]
pub struct CloudWatch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    route: Route,
    provider: Option<SharedCredentialsProvider>,
    region: Option<String>,
    endpoint: Option<String>,
    known: Mutex<Option<(Credentials, SystemTime)>>,
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWatch").finish_non_exhaustive()
    }
}

/// What DescribeAlarms answers, as far as it is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    #[serde(default)]
    metric_alarms: Vec<Alarm>,
    #[serde(default)]
    composite_alarms: Vec<Alarm>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    alarm_name: String,
    state_value: String,
}

/// An error as the protocol has it.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl CloudWatch {
    pub(super) fn new(
        route: Route,
        provider: Option<SharedCredentialsProvider>,
        region: Option<String>,
        endpoint: Option<String>,
    ) -> Self {
        Self(Arc::new(Shared {
            route,
            provider,
            region,
            endpoint,
            known: Mutex::default(),
        }))
    }

    /// The state of a metric or composite alarm, as CloudWatch has it; none if there is no such alarm.
    pub(crate) async fn alarm(&self, name: &str) -> Result<Option<String>, CallError> {
        let region = self.0.region.as_deref();
        let region = region.ok_or_else(|| CallError::access(AccessError::NoRegion))?;
        let credentials = self.credentials().await?;
        // Left out, CloudWatch looks at metric alarms alone.
        let types = ["MetricAlarm", "CompositeAlarm"];
        let body = json!({"AlarmNames": [name], "AlarmTypes": types}).to_string();
        let request = self.request(region, credentials, body);
        let request = request.map_err(|error| CallError::unsent(error.to_string()))?;
        let answer = self.0.route.connector(request.uri());
        let answer = answer.map_err(|error| CallError::unsent(error.to_string()))?;
        let mut answer = answer.call(request).await.map_err(CallError::unreached)?;
        let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
        let body = ByteStream::new(body).collect().await;
        let body = body.map_err(|_| CallError::incomplete("it ends in the middle"))?;
        let body = body.into_bytes();
        if !answer.status().is_success() {
            let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
            // With the namespace of its model in front, in some of AWS's services.
            let code = refusal.code.rsplit('#').next().unwrap_or_default();
            let status = answer.status().as_u16();
            return Err(CallError::refused(status, code, &refusal.message));
        }
        let alarms: Alarms = serde_json::from_slice(&body)
            .map_err(|_| CallError::incomplete("it is not a list of alarms"))?;
        let mut all = alarms
            .metric_alarms
            .into_iter()
            .chain(alarms.composite_alarms);
        let found = all.find(|alarm| alarm.alarm_name == name);
        Ok(found.map(|alarm| alarm.state_value))
    }

    fn request(
        &self,
        region: &str,
        credentials: Credentials,
        body: String,
    ) -> Result<HttpRequest, BoxError> {
        let url = match &self.0.endpoint {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => {
                let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
                format!("https://monitoring.{region}.amazonaws.com{suffix}/")
            }
        };
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            (
                "x-amz-target",
                "GraniteServiceVersion20100801.DescribeAlarms",
            ),
        ];
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("monitoring")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), signable)?;
        let (signature, _) = sign(signable, &params)?.into_parts();
        let mut request = http::Request::post(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(SdkBody::from(body))?;
        signature.apply_to_request_http1x(&mut request);
        Ok(HttpRequest::try_from(request)?)
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
