//! AWS's two wire protocols: from a request to its operation, and from a reply to its response.
//!
//! Parameter Store speaks JSON 1.1 (an `X-Amz-Target` header, everything in the body), Lambda speaks
//! REST-JSON (method, path, query). Signatures are not verified. A request must be signed, and for
//! the sandbox's region: that catches a misconfigured client.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::api::{Message, Operation, OperationInfo, Reply, Service};
use crate::error::{ApiError, ApiResult};
use crate::identity::{self, IdentityState};
use crate::lambda::{self, LambdaState};
use crate::ssm::{self, SsmState};

/// An operation of either service.
#[derive(Clone, Copy)]
pub(crate) enum AnyOperation {
    Ssm(&'static Operation<SsmState>),
    Lambda(&'static Operation<LambdaState>),
    Identity(&'static Operation<IdentityState>),
}

impl AnyOperation {
    pub(crate) fn info(self) -> OperationInfo {
        match self {
            Self::Ssm(operation) => operation.info,
            Self::Lambda(operation) => operation.info,
            Self::Identity(operation) => operation.info,
        }
    }
}

/// A request whose operation is known.
pub(crate) struct Incoming {
    pub(crate) operation: AnyOperation,
    /// The parameter, function or mapping it names, for the log.
    pub(crate) target: Option<String>,
    /// The access key id that signed it.
    pub(crate) caller: String,
    pub(crate) message: Message,
}

/// Finds the operation that a request asks for, or a refusal that names the request.
pub(crate) fn identify(
    request: Request<Bytes>,
    region: &str,
) -> Result<Incoming, (Service, ApiError)> {
    let (parts, body) = request.into_parts();
    let header = parts.headers.get("x-amz-target");
    let header = header.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    let signed = signed_service(&parts.headers);
    let service = match (&header, signed.as_deref()) {
        (Some(_), _) => Service::Ssm,
        (None, Some("sts")) => Service::Sts,
        (None, Some("iam")) => Service::Iam,
        (None, _) => Service::Lambda,
    };
    let refused = |error| (service, error);
    // IAM is one for all regions.
    let region = match service {
        Service::Iam => "us-east-1",
        _ => region,
    };
    let caller = caller(&parts.headers, region).map_err(refused)?;
    let mut message = Message {
        headers: parts.headers,
        body,
        ..Message::default()
    };
    let (operation, target) = match header {
        Some(header) => {
            let name = header.strip_prefix("AmazonSSM.").unwrap_or_default();
            let mut operations = ssm::OPERATIONS.iter();
            let operation = operations
                .find(|operation| operation.info.name == name)
                .ok_or_else(|| refused(unknown(400, &format!("the operation {header}"))))?;
            (AnyOperation::Ssm(operation), ssm_target(&message.body))
        }
        None if matches!(service, Service::Sts | Service::Iam) => {
            let form = String::from_utf8_lossy(&message.body).replace('+', " ");
            message.query = pairs(&form);
            let asked = message.query.iter().find(|(key, _)| key == "Action");
            let asked = asked.map_or("", |(_, action)| action.as_str());
            let mut operations = identity::OPERATIONS.iter();
            let operation = operations
                .find(|it| it.info.service == service && it.info.name == asked)
                .ok_or_else(|| refused(unknown(400, &format!("the operation {asked}"))))?;
            (AnyOperation::Identity(operation), None)
        }
        None => {
            let path: Vec<String> = pieces(parts.uri.path(), '/').map(decode).collect();
            message.query = pairs(parts.uri.query().unwrap_or_default());
            let called = format!("{} {}", parts.method, path.join("/"));
            let (route, operation) = lambda::OPERATIONS
                .iter()
                .find(|(route, _)| has_route(&called, &message.query, route))
                .ok_or_else(|| {
                    let asked = format!("{} {}", parts.method, parts.uri.path());
                    refused(unknown(404, &asked))
                })?;
            let named = route.split('/').position(|segment| segment == "*");
            let named = named.and_then(|index| path.into_iter().nth(index));
            message.subject = named.clone().unwrap_or_default();
            let target = named.map(|named| lambda::bare_name(&named).to_owned());
            (AnyOperation::Lambda(operation), target)
        }
    };
    Ok(Incoming {
        operation,
        target,
        caller,
        message,
    })
}

/// The pairs of a query or a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = pieces(text, '&').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    });
    pairs.collect()
}

/// The service that the request is signed for.
fn signed_service(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let scope = value.split("Credential=").nth(1)?;
    scope.split('/').nth(3).map(str::to_owned)
}

fn pieces(text: &str, separator: char) -> impl Iterator<Item = &str> {
    text.split(separator).filter(|piece| !piece.is_empty())
}

/// Whether a route matches a method with its path, and a query.
fn has_route(called: &str, query: &[(String, String)], route: &str) -> bool {
    let (path, flag) = route.split_once('?').unwrap_or((route, ""));
    let (mut ours, mut theirs) = (path.split('/'), called.split('/'));
    let same_path = loop {
        match (ours.next(), theirs.next()) {
            (None, None) => break true,
            (Some(ours), Some(theirs)) if ours == "*" || ours == theirs => {}
            _ => break false,
        }
    };
    let has_flag = |(key, value): &(String, String)| flag.split_once('=') == Some((key, value));
    same_path && (flag.is_empty() || query.iter().any(has_flag))
}

fn unknown(status: u16, what: &str) -> ApiError {
    ApiError::new(
        status,
        "UnknownOperationException",
        format!("The sandbox does not have {what}."),
    )
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The access key id that signed the request. AWS refuses an unsigned request before any service sees it.
fn caller(headers: &HeaderMap, region: &str) -> ApiResult<String> {
    let scope = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split("Credential=").nth(1))
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

/// Writes a reply or an error as its service does.
pub(crate) fn respond(
    service: Service,
    request_id: u64,
    now: Timestamp,
    result: ApiResult<Reply>,
) -> Response<Bytes> {
    let mut headers = HeaderMap::new();
    // A caller looks there for AWS's time.
    if service == Service::Sts
        && let Ok(date) =
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now)
        && let Ok(date) = HeaderValue::from_str(&date)
    {
        headers.insert(header::DATE, date);
    }
    let content_type = match service {
        Service::Ssm => "application/x-amz-json-1.1",
        Service::Lambda => "application/json",
        Service::Sts | Service::Iam => "text/xml",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let id = format!("00000000-0000-4000-8000-{request_id:012x}");
    headers.extend(HeaderValue::from_str(&id).map(|id| (REQUEST_ID, id)));
    let (status, body) = match result {
        Ok(reply) => {
            headers.extend(reply.headers);
            (reply.status, reply.body)
        }
        Err(error) if matches!(service, Service::Sts | Service::Iam) => {
            (error.status, Bytes::from(identity::error(&error)))
        }
        Err(error) => {
            let mut body = Map::new();
            match service {
                Service::Ssm => {
                    body.insert("__type".to_owned(), error.code.as_ref().into());
                }
                Service::Lambda => {
                    let code = HeaderValue::from_str(&error.code);
                    headers.extend(code.map(|code| (ERROR_TYPE, code)));
                }
                Service::Sts | Service::Iam => {}
            }
            for (key, value) in error.fields {
                body.insert(key.to_owned(), value.into());
            }
            if let Some(message) = error.message {
                body.insert(error.message_key.to_owned(), message.into());
            }
            (error.status, Bytes::from(Value::Object(body).to_string()))
        }
    };
    let mut response = Response::new(body);
    // Only a fault can ask for a status outside of HTTP's range.
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: header::HeaderName = header::HeaderName::from_static("x-amzn-errortype");
