//! The request: GetParameter in AWS's JSON protocol, signed.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use serde::Serialize;

use super::settings::Settings;
use super::sign::{ToSign, authorization, moment};
use crate::source::BoxError;
use crate::source::http::Request;

/// Who asks, for AWS's own records (CloudTrail).
const USER_AGENT_VALUE: &str = concat!("maintenance-gate/", env!("CARGO_PKG_VERSION"));

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter<'a> {
    name: &'a str,
}

/// Asks for this parameter, as of this moment: AWS refuses what was signed more than some minutes ago.
pub(super) fn get_parameter(
    settings: &Settings,
    parameter: &str,
    now: SystemTime,
) -> Result<Request, BoxError> {
    let Settings {
        endpoint,
        region,
        credentials,
    } = settings;
    let body = serde_json::to_string(&GetParameter { name: parameter })?;
    let moment = moment(now)?;
    // In the order in which they are signed.
    let mut headers = vec![
        (CONTENT_TYPE, "application/x-amz-json-1.1"),
        (HOST, endpoint.host.as_str()),
        (X_AMZ_DATE, moment.as_str()),
    ];
    if let Some(token) = &credentials.token {
        headers.push((X_AMZ_SECURITY_TOKEN, token));
    }
    headers.push((X_AMZ_TARGET, "AmazonSSM.GetParameter"));
    let to_sign = ToSign {
        path: &endpoint.path,
        headers: &headers,
        body: &body,
    };
    let authorization = authorization(&to_sign, credentials, region, "ssm", &moment);
    headers.push((AUTHORIZATION, &authorization));
    headers.push((USER_AGENT, USER_AGENT_VALUE));

    let mut request = Request::default();
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::try_from(endpoint.path.as_str())?;
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value)?;
        value.set_sensitive(name == AUTHORIZATION || name == X_AMZ_SECURITY_TOKEN);
        request.headers_mut().insert(name, value);
    }
    *request.body_mut() = Full::new(Bytes::from(body));
    Ok(request)
}
