//! Builds the request: GetParameter in AWS's JSON protocol, signed with Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
use http_body_util::Full;

use super::settings::Settings;
use crate::source::BoxError;

/// The user agent, which CloudTrail records.
const USER_AGENT_VALUE: &str = concat!("maintenance-gate/", env!("CARGO_PKG_VERSION"));
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Builds the signed request for a parameter, decrypted if it is a SecureString. AWS refuses a signature whose time
/// differs by some minutes from its own.
pub(super) fn get_parameter(
    settings: &Settings,
    credentials: Credentials,
    parameter: &str,
    now: SystemTime,
) -> Result<Request<Full<Bytes>>, BoxError> {
    let name = serde_json::to_string(parameter)?;
    let body = format!(r#"{{"Name":{name},"WithDecryption":true}}"#);
    let headers = [
        (CONTENT_TYPE, "application/x-amz-json-1.1"),
        (X_AMZ_TARGET, "AmazonSSM.GetParameter"),
    ];
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&settings.region)
        .name("ssm")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signed = headers.iter().map(|(name, value)| (name.as_str(), *value));
    let signable = SignableBody::Bytes(body.as_bytes());
    let signable = SignableRequest::new("POST", &settings.url, signed, signable)?;
    let (signature, _) = sign(signable, &params)?.into_parts();

    let mut request = Request::post(&settings.url).header(USER_AGENT, USER_AGENT_VALUE);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Full::from(body))?;
    signature.apply_to_request_http1x(&mut request);
    Ok(request)
}
