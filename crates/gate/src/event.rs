//! The gate for plain `lambda_runtime` handlers, which get an event as JSON: is it an HTTP request,
//! and if so, may it pass?
//!
//! Only what is surely an HTTP request is ever answered: an event of a REST API, an HTTP API (payload
//! 1.0 or 2.0), a function URL or an Application Load Balancer. Everything else passes, WebSocket
//! messages included.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, Uri};
use serde_json::{Map, Value};

use crate::gate::Gate;

/// Which of the two answers an HTTP event wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Headers {
    /// `headers`: one value a name.
    Single,
    /// `multiValueHeaders`: a load balancer that is configured so takes no other.
    Multi,
}

impl Gate {
    /// Decides about the event of a plain handler. Some is what the handler has to return: the answer
    /// to a request that is refused. None lets it go on: the request passes, or the event is no HTTP
    /// request.
    ///
    /// During a read-only maintenance it tells apart only what passes and what does not; a handler
    /// that has to know asks [`last_known`](Self::last_known).
    pub async fn check_event(&self, event: &Value) -> Option<Value> {
        let (parts, headers) = recognise(event)?;
        let response = self.check(&parts).await.into_response()?;
        Some(answer(&response, headers))
    }
}

fn recognise(event: &Value) -> Option<(Parts, Headers)> {
    let context = event.get("requestContext")?.as_object()?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let (method, path) = match context.get("http") {
        // HTTP API with payload 2.0, and function URL.
        Some(http) => (text(http.get("method"))?, text(http.get("path"))),
        // REST API, HTTP API with payload 1.0, and load balancer. A WebSocket message has no method.
        None => (text(event.get("httpMethod"))?, text(event.get("path"))),
    };
    let is_multi = context.contains_key("elb") && event.get("multiValueHeaders").is_some();
    let headers = if is_multi {
        Headers::Multi
    } else {
        Headers::Single
    };
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    // A path that is no URI is refused or passed like any other; only its log line lacks it.
    *request.uri_mut() = path
        .and_then(|path| Uri::try_from(path).ok())
        .unwrap_or_default();
    Some((request.into_parts().0, headers))
}

fn answer(response: &Response<Bytes>, headers: Headers) -> Value {
    let status = response.status();
    let mut fields = Map::new();
    for (name, value) in response.headers() {
        let value = Value::from(String::from_utf8_lossy(value.as_bytes()));
        let value = match headers {
            Headers::Single => value,
            Headers::Multi => Value::Array(vec![value]),
        };
        fields.insert(name.as_str().to_owned(), value);
    }
    let key = match headers {
        Headers::Single => "headers",
        Headers::Multi => "multiValueHeaders",
    };
    let mut answer = Map::new();
    answer.insert("statusCode".to_owned(), status.as_u16().into());
    answer.insert("statusDescription".to_owned(), status.to_string().into());
    answer.insert(key.to_owned(), Value::Object(fields));
    // A page is UTF-8: that was checked when it was loaded.
    let body = String::from_utf8_lossy(response.body()).into_owned();
    answer.insert("body".to_owned(), body.into());
    answer.insert("isBase64Encoded".to_owned(), false.into());
    Value::Object(answer)
}
