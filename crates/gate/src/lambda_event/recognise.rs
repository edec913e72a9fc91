//! Finds which events are HTTP requests, and converts them.
//!
//! AWS describes the events here: [REST APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format),
//! [HTTP APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html),
//! [function URLs](https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads),
//! [load balancers](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#receive-event-from-load-balancer),
//! [VPC Lattice](https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html#receive-event-from-service).

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::Value;

use super::EventSource;
use crate::request::{COMPONENT, PATH, QUERY};
use crate::request_context::{EventKind, RequestContext};

/// Converts an event to a request, with the platform's facts about it and its sender. `None` if the event is not an
/// HTTP request.
pub(crate) fn recognise(event: &Value) -> Option<(Request<()>, RequestContext<'_>, EventSource)> {
    // The event of an authorizer has every field of a request, and one of these two.
    if has(event, "methodArn") || has(event, "routeArn") {
        return None;
    }
    let context = event.get("requestContext").unwrap_or(&Value::Null);
    let http = context.get("http").filter(|http| http.is_object());
    let event_type = text(context, "eventType").filter(|_| has(context, "connectionId"));
    let mut kind = EventKind::Http;
    let query = |encoded| {
        pairs(event, "multiValueQueryStringParameters", encoded)
            .or_else(|| pairs(event, "queryStringParameters", encoded))
    };
    let path = text(event, "path");
    let (source, method, path, query) = if event_type.is_some() {
        kind = EventKind::of_web_socket(event_type);
        // `$connect` is a GET that asks for a WebSocket. Later events of the connection are not requests.
        if kind != EventKind::WebSocketConnect {
            return None;
        }
        (EventSource::ApiGatewayV1, &"GET".into(), Some("/"), None)
    } else if let Some(http) = http {
        let path = text(event, "rawPath").or_else(|| text(http, "path"));
        let query = text(event, "rawQueryString");
        let query = query.map(|query| utf8_percent_encode(query, QUERY).to_string());
        (EventSource::ApiGatewayV2, http.get("method")?, path, query)
    } else if has(context, "elb") {
        let source = match has(event, "multiValueHeaders") {
            true => EventSource::AlbMultiValue,
            false => EventSource::Alb,
        };
        (source, event.get("httpMethod")?, path, query(QUERY))
    } else if has(context, "serviceNetworkArn") {
        (EventSource::Alb, event.get("method")?, path, query(QUERY))
    } else if context.is_object() {
        // A REST API, which decodes the query, or an HTTP API with payload 1.0.
        let query = query(COMPONENT);
        (
            EventSource::ApiGatewayV1,
            event.get("httpMethod")?,
            path,
            query,
        )
    } else if event.get("requestContext").is_none() && has(event, "is_base64_encoded") {
        // VPC Lattice with events of version 1, which have no request context.
        let path = Some(text(event, "raw_path")?);
        let query = pairs(event, "query_string_parameters", QUERY);
        (EventSource::Alb, event.get("method")?, path, query)
    } else {
        return None;
    };
    let client = http.or_else(|| context.get("identity"));
    let method = method.as_str();
    let method = method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let facts = RequestContext {
        source_ip: client.and_then(|client| text(client, "sourceIp")),
        request_id: text(context, "requestId"),
        kind,
        invalid_method: method.is_none(),
        ..RequestContext::default()
    };
    let mut request = Request::new(());
    // A missing or invalid method becomes TRACE, so that no read-only rule matches it; `invalid_method` keeps it from
    // the path and address rules. Only a token lets it pass.
    *request.method_mut() = method.unwrap_or(Method::TRACE);
    *request.uri_mut() = uri(path.unwrap_or_default(), query);
    *request.headers_mut() = headers(event);
    Some((request, facts, source))
}

fn has(object: &Value, key: &str) -> bool {
    object.get(key).is_some_and(|value| !value.is_null())
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

/// Builds the URI. A path that does not begin with `/`, or is too long, becomes `*`, which no path rule matches. A query
/// that is too long is left out.
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

/// Collects the headers of an event, from `multiValueHeaders` if present, else from `headers`.
fn headers(event: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let multi = event.get("multiValueHeaders").and_then(Value::as_object);
    let fields = multi.or_else(|| event.get("headers").and_then(Value::as_object));
    for (name, value) in fields.into_iter().flatten() {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            for value in texts(value).filter_map(header_value) {
                // Fails only beyond 32,768 headers.
                let _ = headers.try_append(&name, value);
            }
        }
    }
    // Payload 2.0 has the cookies in a field of their own.
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

/// Yields a string, or every string of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    value
        .as_str()
        .into_iter()
        .chain(list.iter().filter_map(Value::as_str))
}

/// Builds the query from a map of parameters.
fn pairs(event: &Value, key: &str, encoded: &'static AsciiSet) -> Option<String> {
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
