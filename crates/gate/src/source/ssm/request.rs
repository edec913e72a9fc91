//! The request: GetParameter in AWS's JSON protocol, signed.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http_body_util::Full;
use serde_json::json;

use super::settings::Settings;
use crate::source::BoxError;
use crate::source::http::Request;

/// Who asks, for AWS's own records (CloudTrail).
const USER_AGENT_VALUE: &str = concat!("maintenance-gate/", env!("CARGO_PKG_VERSION"));

/// Asks for this parameter, as of this moment: AWS refuses what was signed more than some minutes ago.
pub(super) fn get_parameter(
    settings: &Settings,
    parameter: &str,
    now: SystemTime,
) -> Result<Request, BoxError> {
    let body = json!({ "Name": parameter }).to_string();
    let headers = [
        (HOST.as_str(), settings.endpoint.host.as_str()),
        (CONTENT_TYPE.as_str(), "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonSSM.GetParameter"),
    ];
    let identity = settings.credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&settings.region)
        .name("ssm")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signable = SignableRequest::new(
        "POST",
        settings.endpoint.url(),
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (instructions, _signature) = sign(signable, &params)?.into_parts();

    let mut request = http::Request::post(settings.endpoint.path.as_str());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request = request.header(USER_AGENT, USER_AGENT_VALUE);
    let (signed, _query) = instructions.into_parts();
    for header in signed {
        let mut value = HeaderValue::from_str(header.value())?;
        value.set_sensitive(header.sensitive());
        request = request.header(header.name(), value);
    }
    Ok(request.body(Full::new(Bytes::from(body)))?)
}
