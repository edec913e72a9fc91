//! Plain handlers: which events are HTTP requests, and what they are answered.

use maintenance_gate::{Gate, MemorySource};
use serde_json::{Value, json};

use crate::support::{Shape, captured, demo};

fn gate(flag: &str) -> Gate {
    let page = maintenance_gate::Page::html(b"<p>soon");
    let builder = demo().source(MemorySource::new(flag)).page(page);
    builder.build().unwrap()
}

#[tokio::test]
async fn every_http_event_is_answered_in_its_own_shape() {
    let (on, off) = (gate("on"), gate("off"));
    for shape in Shape::ALL {
        for (method, body) in [("GET", "<p>soon"), ("POST", "<p>soon"), ("HEAD", "")] {
            let event = shape.event(method, "/orders/1");
            assert_eq!(off.check_event(&event).await, None);
            captured();
            let answer = on.check_event(&event).await.unwrap();
            let answered = shape.answered(&answer);
            assert_eq!((answered.status, answered.body.as_str()), (503, body));
            let headers: Vec<_> = answered
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let mut expected = vec![
                ("cache-control", "no-store"),
                ("content-type", "text/html; charset=utf-8"),
                ("retry-after", "120"),
                ("x-maintenance", "on"),
            ];
            if method == "HEAD" {
                expected.insert(1, ("content-length", "7"));
            }
            assert_eq!(headers, expected);
            let events = captured();
            let refused = events.last().unwrap();
            assert_eq!(refused["fields"]["method"], method);
            assert_eq!(refused["fields"]["path"], "/orders/1");
        }
    }
}

#[tokio::test]
async fn what_is_not_an_http_request_passes() {
    let on = gate("on");
    let events: [Value; 15] = [
        json!(null),
        json!("on"),
        json!([]),
        json!({}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"Records": [{"eventSource": "aws:s3", "s3": {}}]}),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
        json!({"requestContext": {"routeKey": "$disconnect", "eventType": "DISCONNECT", "connectionId": "x="}}),
        json!({"requestContext": {"routeKey": "say", "eventType": "MESSAGE", "connectionId": "x="}, "body": "{}"}),
        json!({"Records": [{"cf": {"config": {"eventType": "viewer-request"}, "request": {"method": "GET", "uri": "/"}}}]}),
        json!({"info": {"fieldName": "orders"}, "request": {"headers": {}}, "identity": {"sourceIp": ["192.0.2.1"]}}),
        json!({"requestContext": {"http": {"path": "/"}}}),
        json!({"requestContext": {"http": {"method": "NOT A METHOD"}}}),
        json!({"httpMethod": "GET", "path": "/", "note": "looks like one, and came from nowhere"}),
        json!({"requestContext": "text", "httpMethod": "GET"}),
    ];
    for event in events {
        assert_eq!(on.check_event(&event).await, None, "{event}");
    }
}

#[tokio::test]
async fn a_strange_path_is_refused_like_any_other() {
    let on = gate("on");
    for path in ["", "not a path", "/ümlaut", "//", "/a b"] {
        for shape in Shape::ALL {
            let answer = on.check_event(&shape.event("GET", path)).await;
            assert_eq!(answer.unwrap()["statusCode"], 503, "{shape:?} {path:?}");
        }
    }
}

#[tokio::test]
async fn read_only_lets_a_get_pass() {
    let gate = gate(r#"{"schema":1,"mode":"read-only"}"#);
    for shape in Shape::ALL {
        assert_eq!(gate.check_event(&shape.event("GET", "/")).await, None);
        assert!(gate.check_event(&shape.event("PUT", "/")).await.is_some());
    }
}
