//! AWS's two wire protocols: which operation a request is, and how an answer is written.
//!
//! Parameter Store speaks JSON 1.1 (an `X-Amz-Target` header, everything in the body), Lambda
//! speaks REST-JSON (method, path, query). Signatures are not verified; their presence and the
//! region they were made for are, since that is where a misconfigured client shows.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ApiError, ApiResult};
use crate::lambda;
use crate::ops::{self, Operation, Service};

/// A request whose operation is known.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) operation: &'static Operation,
    /// What follows the resource in the path, decoded: the function, alias, mapping or ARN.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The parameter, function, mapping or path it names, for the log.
    pub(crate) target: Option<String>,
    /// The access key id that signed it.
    pub(crate) caller: String,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            body: Bytes::from(body.to_string()),
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            body: Bytes::new(),
        }
    }
}

impl Incoming {
    /// The value of a query parameter, if given and not empty.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A segment of the path after the resource; empty if there is none.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.path.get(index).map_or("", String::as_str)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as the operation's input. Unknown fields are ignored, wrong types are not.
    pub(crate) fn input<T: DeserializeOwned>(&self) -> ApiResult<T> {
        let body: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body
        };
        serde_json::from_slice(body).map_err(|error| ApiError::serialization(error.to_string()))
    }
}

/// Finds the operation a request asks for, or the refusal that names what is unknown.
pub(crate) fn identify(
    request: Request<Bytes>,
    region: &str,
) -> Result<Incoming, (Service, ApiError)> {
    let (parts, body) = request.into_parts();
    let target = parts
        .headers
        .get("x-amz-target")
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let service = if target.is_some() {
        Service::Ssm
    } else {
        Service::Lambda
    };
    let caller = caller(&parts.headers, region).map_err(|error| (service, error))?;
    match target {
        Some(target) => {
            let operation = target
                .strip_prefix("AmazonSSM.")
                .and_then(|name| ops::operation(Service::Ssm, name))
                .ok_or_else(|| (service, unknown(&format!("the operation {target}"))))?;
            Ok(Incoming {
                operation,
                path: Vec::new(),
                query: Vec::new(),
                headers: parts.headers,
                target: ssm_target(&body),
                body,
                caller,
            })
        }
        None => {
            let segments: Vec<String> = parts
                .uri
                .path()
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(decode)
                .collect();
            let query: Vec<(String, String)> = parts
                .uri
                .query()
                .unwrap_or_default()
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect();
            let route = lambda::route(parts.method.as_str(), &segments, &query);
            let (operation, path) = route
                .and_then(|(name, path)| Some((ops::operation(Service::Lambda, name)?, path)))
                .ok_or_else(|| {
                    let what = format!("{} {}", parts.method, parts.uri.path());
                    let mut error = unknown(&what);
                    error.status = 404;
                    (service, error)
                })?;
            let target = lambda::target(&path, &body);
            Ok(Incoming {
                operation,
                path,
                query,
                headers: parts.headers,
                body,
                target,
                caller,
            })
        }
    }
}

fn unknown(what: &str) -> ApiError {
    ApiError::new(
        400,
        "UnknownOperationException",
        format!("The sandbox does not know {what}."),
    )
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Who signed the request, refusing what AWS's front door refuses before any service sees it.
fn caller(headers: &HeaderMap, region: &str) -> ApiResult<String> {
    let scope = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split("Credential=").nth(1))
        .map(|value| value.split([',', ' ']).next().unwrap_or_default())
        .ok_or_else(|| {
            ApiError::new(
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            )
        })?;
    let mut parts = scope.split('/');
    let key = parts.next().unwrap_or_default();
    let signed_for = parts.nth(1).unwrap_or_default();
    if signed_for != region {
        return Err(ApiError::new(
            403,
            "InvalidSignatureException",
            format!(
                "Credential should be scoped to a valid region, not '{signed_for}': this sandbox is '{region}'."
            ),
        ));
    }
    Ok(key.to_owned())
}

fn ssm_target(body: &Bytes) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    if let Some(name) = body.get("Name").or_else(|| body.get("Path")) {
        return name.as_str().map(str::to_owned);
    }
    let names = body.get("Names")?.as_array()?;
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    Some(names.join(","))
}

const JSON_1_1: &str = "application/x-amz-json-1.1";
const JSON: &str = "application/json";

/// Writes an answer the way its service does.
pub(crate) fn respond(
    service: Service,
    request_id: u64,
    result: Result<Reply, ApiError>,
) -> Response<Bytes> {
    let (status, content_type, headers, body) = match result {
        Ok(reply) => (reply.status, content_type(service), Vec::new(), reply.body),
        Err(error) => error_parts(service, error),
    };
    let mut response = Response::new(body);
    // A status outside of HTTP's range can only come from a fault somebody asked for.
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let map = response.headers_mut();
    map.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let id = format!("00000000-0000-4000-8000-{request_id:012x}");
    if let Ok(id) = HeaderValue::from_str(&id) {
        map.insert("x-amzn-requestid", id);
    }
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            map.insert(name, value);
        }
    }
    response
}

fn content_type(service: Service) -> &'static str {
    match service {
        Service::Ssm => JSON_1_1,
        Service::Lambda => JSON,
    }
}

type Parts = (u16, &'static str, Vec<(&'static str, String)>, Bytes);

fn error_parts(service: Service, error: ApiError) -> Parts {
    let mut body = Map::new();
    let mut headers = Vec::new();
    match service {
        Service::Ssm => {
            body.insert("__type".to_owned(), error.code.as_ref().into());
        }
        Service::Lambda => headers.push(("x-amzn-errortype", error.code.into_owned())),
    }
    for (key, value) in error.fields {
        body.insert(key.to_owned(), value.into());
    }
    if let Some(message) = error.message {
        body.insert(error.message_key.to_owned(), message.into());
    }
    let body = Bytes::from(Value::Object(body).to_string());
    (error.status, content_type(service), headers, body)
}
