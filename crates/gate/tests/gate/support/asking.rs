//! One request to a gate itself, and the whole of its answer.

use http::{HeaderMap, Method, Request};
use maintenance_gate::Gate;

/// What the gate answered instead of the app.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Refused {
    /// The one value of a header; none if it is not there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Asks with these headers; the gate must answer.
pub(crate) async fn refused(gate: &Gate, method: Method, headers: &[(&str, &str)]) -> Refused {
    let mut request = Request::builder().method(method).uri("/orders");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    let answer = gate.check(&mut request).await.into_response().unwrap();
    let (head, body) = answer.into_parts();
    Refused {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.into()).unwrap(),
    }
}
