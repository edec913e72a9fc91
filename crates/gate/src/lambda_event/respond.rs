//! Writes the answer in the format that the sender of the event expects.
//!
//! A REST API answers its client with 502 if it finds an unknown key, so each sender gets only its own keys. <https://github.com/aws/aws-sam-cli/pull/1154>

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::EventSource;

pub(crate) fn respond(response: &Response<Bytes>, source: EventSource) -> Value {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    // The gate never repeats a header.
    let headers = response.headers().iter();
    let mut headers: Map<_, _> = headers
        .map(|(name, value)| (name.to_string(), text(value.as_bytes()).into()))
        .collect();
    let mut answer = Map::new();
    let mut put = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    put("statusCode", response.status().as_u16().into());
    match source {
        EventSource::ApiGatewayV1 => {}
        EventSource::ApiGatewayV2 => {
            if let Some(cookie) = headers.remove("set-cookie") {
                put("cookies", json!([cookie]));
            }
        }
        EventSource::Alb | EventSource::AlbMultiValue => {
            put("statusDescription", response.status().to_string().into());
        }
    }
    if source == EventSource::AlbMultiValue {
        for value in headers.values_mut() {
            *value = json!([value.take()]);
        }
        put("multiValueHeaders", headers.into());
    } else {
        put("headers", headers.into());
    }
    // Loading a page checks that it is UTF-8.
    put("body", text(response.body()).into());
    put("isBase64Encoded", false.into());
    answer.into()
}
