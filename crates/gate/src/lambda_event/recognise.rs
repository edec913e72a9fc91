//! Which events are HTTP requests, and the request that each of them is.
//!
//! AWS describes the events here: [REST APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format),
//! [HTTP APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html),
//! [function URLs](https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads),
//! [load balancers](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#receive-event-from-load-balancer),
//! [VPC Lattice](https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html#receive-event-from-service).

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::{Map, Value};

use super::EventSource;
use crate::request::{COMPONENT, PATH, QUERY};
use crate::request_context::{EventContext, EventKind};

type Object = Map<String, Value>;

/// The request that an event is, if it is one.
pub(crate) fn recognise(event: &Value) -> Option<(Request<()>, EventSource)> {
    let event = event.as_object()?;
    // The event of an authorizer has all that a request has, and one of these besides.
    if has(event, "methodArn") || has(event, "routeArn") {
        return None;
    }
    let Some(context) = event.get("requestContext") else {
        return lattice_1(event);
    };
    let context = context.as_object()?;
    if let Some(event_type) = text(context, "eventType").filter(|_| has(context, "connectionId")) {
        return web_socket(event, context, event_type);
    }
    if let Some(http) = context.get("http").and_then(Value::as_object) {
        let path = text(event, "rawPath").or_else(|| text(http, "path"));
        let query = text(event, "rawQueryString")
            .map(|query| utf8_percent_encode(query, QUERY).to_string());
        let said = said(context, text(http, "sourceIp"));
        return Some((
            parts(
                http.get("method")?.as_str(),
                path,
                query,
                headers(event),
                said,
            ),
            EventSource::Gateway2,
        ));
    }
    if has(context, "elb") {
        let source = if has(event, "multiValueHeaders") {
            EventSource::AlbMultiValue
        } else {
            EventSource::Alb
        };
        let request = proxied(event, context, "httpMethod", QUERY)?;
        return Some((request, source));
    }
    if has(context, "serviceNetworkArn") {
        let request = proxied(event, context, "method", QUERY)?;
        return Some((request, EventSource::Alb));
    }
    // A REST API, or an HTTP API with payload 1.0.
    let request = proxied(event, context, "httpMethod", COMPONENT)?;
    Some((request, EventSource::Gateway1))
}

/// An event with the method, the path and a map of the query on top. A REST API decodes what is in the
/// query, a load balancer does not.
fn proxied(
    event: &Object,
    context: &Object,
    method: &str,
    encoded: &'static AsciiSet,
) -> Option<Request<()>> {
    let identity = context.get("identity").and_then(Value::as_object);
    let source_ip = identity.and_then(|identity| text(identity, "sourceIp"));
    let query = pairs(event, "multiValueQueryStringParameters", encoded)
        .or_else(|| pairs(event, "queryStringParameters", encoded));
    let method = event.get(method)?.as_str();
    let (path, said) = (text(event, "path"), said(context, source_ip));
    Some(parts(method, path, query, headers(event), said))
}

/// VPC Lattice with events of version 1, which have no context.
fn lattice_1(event: &Object) -> Option<(Request<()>, EventSource)> {
    let method = event
        .get("method")
        .filter(|_| has(event, "is_base64_encoded"))?;
    let path = text(event, "raw_path")?;
    let query = pairs(event, "query_string_parameters", QUERY);
    let said = EventContext::default();
    let request = parts(method.as_str(), Some(path), query, headers(event), said);
    Some((request, EventSource::Alb))
}

/// `$connect` is a GET that asks to open a WebSocket. What comes after it is no request.
fn web_socket(
    event: &Object,
    context: &Object,
    event_type: &str,
) -> Option<(Request<()>, EventSource)> {
    let kind = EventKind::of_web_socket(Some(event_type));
    if kind != EventKind::WebSocketConnect {
        return None;
    }
    let identity = context.get("identity").and_then(Value::as_object);
    let source_ip = identity.and_then(|identity| text(identity, "sourceIp"));
    let said = EventContext {
        kind,
        ..said(context, source_ip)
    };
    let request = parts(Some("GET"), Some("/"), None, headers(event), said);
    Some((request, EventSource::Gateway1))
}

fn has(object: &Object, key: &str) -> bool {
    object.get(key).is_some_and(|value| !value.is_null())
}

fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

fn said(context: &Object, source_ip: Option<&str>) -> EventContext {
    EventContext {
        source_ip: source_ip.map(str::to_owned),
        request_id: text(context, "requestId").map(str::to_owned),
        kind: EventKind::Http,
    }
}

/// A request of this method. One that is none is a request all the same, which no app can serve: it gets
/// a method that only a token lets pass.
fn parts(
    method: Option<&str>,
    path: Option<&str>,
    query: Option<String>,
    headers: HeaderMap,
    said: EventContext,
) -> Request<()> {
    let mut request = Request::new(());
    let method = method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    *request.uri_mut() = match &method {
        Some(_) => uri(path.unwrap_or_default(), query),
        None => Uri::from_static("*"),
    };
    *request.method_mut() = method.unwrap_or(Method::TRACE);
    *request.headers_mut() = headers;
    request.extensions_mut().insert(said);
    request
}

/// A path that is none, or too long for one, becomes `*`, which no rule lets pass.
fn uri(path: &str, query: Option<String>) -> Uri {
    let nowhere = || Uri::from_static("*");
    if !path.starts_with('/') {
        return nowhere();
    }
    let path = utf8_percent_encode(path, PATH).to_string();
    let whole = match query {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.clone(),
    };
    Uri::try_from(whole)
        .or_else(|_| Uri::try_from(path))
        .unwrap_or_else(|_| nowhere())
}

/// The headers of an event: those with several values a name, if it has them.
fn headers(event: &Object) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let multi = event.get("multiValueHeaders").and_then(Value::as_object);
    let fields = multi.or_else(|| event.get("headers").and_then(Value::as_object));
    for (name, value) in fields.into_iter().flatten() {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            for value in texts(value).filter_map(header_value) {
                // One that does not fit is one of more than 32,768.
                let _ = headers.try_append(&name, value);
            }
        }
    }
    // Payload 2.0 has them apart.
    for cookie in event.get("cookies").into_iter().flat_map(texts) {
        if let Some(value) = header_value(cookie) {
            let _ = headers.try_append(COOKIE, value);
        }
    }
    headers
}

fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

/// A text, or all texts of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    value
        .as_str()
        .into_iter()
        .chain(list.iter().filter_map(Value::as_str))
}

/// The query of a map of parameters.
fn pairs(event: &Object, key: &str, encoded: &'static AsciiSet) -> Option<String> {
    let map = event.get(key)?.as_object()?;
    let pairs: Vec<_> = map
        .iter()
        .flat_map(|(name, value)| {
            let name = utf8_percent_encode(name, encoded);
            texts(value).map(move |value| format!("{name}={}", utf8_percent_encode(value, encoded)))
        })
        .collect();
    Some(pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_what_it_is_and_never_ends_early() {
        for (path, uri_path) in [
            ("/orders/1", "/orders/1"),
            ("//evil.example/a", "//evil.example/a"),
            ("/a b", "/a%20b"),
            ("/ü", "/%C3%BC"),
            ("/health?/../admin", "/health%3F/../admin"),
            ("/health#/admin", "/health%23/admin"),
            ("/a%2e", "/a%2e"),
            ("/\r\n\0", "/%0D%0A%00"),
            ("", "*"),
            ("health", "*"),
            ("https://evil.example/health", "*"),
            ("*", "*"),
        ] {
            assert_eq!(uri(path, None).path(), uri_path, "{path:?}");
            assert_eq!(uri(path, Some("a=1".to_owned())).path(), uri_path);
        }
        let long = format!("/{}", "x".repeat(70_000));
        assert_eq!(uri(&long, None).path(), "*");
        assert_eq!(uri("/health", Some(long)).to_string(), "/health");
    }
}
