//! The answer in the form that the source of the event understands.
//!
//! A REST API answers 502 to its client if it finds a key that it does not know, so each source gets only
//! its own keys. <https://github.com/aws/aws-sam-cli/pull/1154>

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, Response};
use serde_json::{Map, Value};

use super::EventSource;

pub(crate) fn respond(response: &Response<Bytes>, source: EventSource) -> Value {
    let status = response.status();
    let headers = response.headers();
    let mut answer = Map::new();
    let mut put = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    put("statusCode", status.as_u16().into());
    match source {
        EventSource::Gateway1 => {
            put("headers", joined(headers, Some(SET_COOKIE)));
            if headers.contains_key(SET_COOKIE) {
                let cookies = Map::from_iter([(SET_COOKIE.to_string(), all(headers, &SET_COOKIE))]);
                put("multiValueHeaders", cookies.into());
            }
        }
        EventSource::Gateway2 => {
            put("headers", joined(headers, Some(SET_COOKIE)));
            if headers.contains_key(SET_COOKIE) {
                put("cookies", all(headers, &SET_COOKIE));
            }
        }
        EventSource::Alb => {
            put("statusDescription", status.to_string().into());
            put("headers", joined(headers, None));
        }
        EventSource::AlbMultiValue => {
            put("statusDescription", status.to_string().into());
            let lists = headers
                .keys()
                .map(|name| (name.to_string(), all(headers, name)));
            put("multiValueHeaders", lists.collect::<Map<_, _>>().into());
        }
    }
    // A page is UTF-8: that was checked when it was loaded.
    let body = String::from_utf8_lossy(response.body()).into_owned();
    put("body", body.into());
    put("isBase64Encoded", false.into());
    answer.into()
}

/// One value a name: several are one list (RFC 9110, 5.3).
fn joined(headers: &HeaderMap, without: Option<HeaderName>) -> Value {
    let names = headers
        .keys()
        .filter(|name| Some(*name) != without.as_ref());
    let fields = names.map(|name| {
        let values: Vec<_> = texts(headers, name).collect();
        (name.to_string(), Value::from(values.join(", ")))
    });
    fields.collect::<Map<_, _>>().into()
}

fn all(headers: &HeaderMap, name: &HeaderName) -> Value {
    texts(headers, name).map(Value::from).collect()
}

fn texts(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let values = headers.get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
