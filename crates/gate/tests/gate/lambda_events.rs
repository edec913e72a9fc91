//! Plain handlers: which events are HTTP requests, and what they are answered.

use maintenance_gate::{Gate, MemorySource};
use serde_json::{Value, json};

use crate::support::{Shape, captured, demo, flag, stored_token, token, with_flag};

fn gate(stored: &str) -> Gate {
    let page = maintenance_gate::Page::html(b"<p>soon");
    let builder = demo().source(MemorySource::new(stored)).page(page);
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
                ("x-content-type-options", "nosniff"),
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
async fn events_that_are_not_http_pass() {
    let on = gate("on");
    let events: [Value; 14] = [
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
        json!({"httpMethod": "GET", "path": "/", "note": "looks like one, and came from nowhere"}),
        json!({"requestContext": "text", "httpMethod": "GET"}),
    ];
    for event in events {
        assert_eq!(on.check_event(&event).await, None, "{event}");
    }
}

#[tokio::test]
async fn an_http_event_whose_method_is_none_is_refused_in_its_own_shape() {
    let bypass = json!({"paths": ["/*"]});
    for gate in [
        gate("on"),
        with_flag(&flag("read-only", &bypass)).build().unwrap(),
    ] {
        for method in ["", " ", "NOT A METHOD", "GET\r\n", "ü"] {
            for shape in Shape::ALL {
                let answer = gate.check_event(&shape.event(method, "/")).await;
                let answered = shape.answered(&answer.unwrap());
                assert_eq!(answered.status, 503, "{shape:?} {method:?}");
            }
        }
        let number = json!({"requestContext": {"http": {"method": 7}}, "rawPath": "/"});
        assert!(gate.check_event(&number).await.is_some());
    }
}

#[tokio::test]
async fn a_token_alone_lets_an_http_event_without_a_valid_method_pass() {
    let mut bypass = stored_token("demo-dev", "web");
    bypass["paths"] = json!(["/*"]);
    bypass["addresses"] = json!(["192.0.2.0/24"]);
    let token = token();
    let with_token = ("x-maintenance-bypass", token.reveal());
    let from = ("x-forwarded-for", "192.0.2.7");
    for (mode, proxies) in [("on", 0), ("on", 1), ("read-only", 0), ("read-only", 1)] {
        let builder = with_flag(&flag(mode, &bypass)).trusted_proxies(proxies);
        let gate = builder.build().unwrap();
        let passes = async |event: &Value| gate.check_event(event).await.is_none();
        for shape in Shape::ALL {
            // The path `//` passes by no rule, so that only the address can let it pass.
            let is_balancer = matches!(shape, Shape::LoadBalancer | Shape::LoadBalancerMulti);
            let valid = shape.event_with("POST", "//", &[], &[from]);
            let expected = proxies == 1 || !is_balancer;
            assert_eq!(passes(&valid).await, expected, "{shape:?} {proxies}");
            assert!(passes(&shape.event("POST", "/pay")).await, "by its path");
            for method in ["", " ", "NOT A METHOD"] {
                for path in ["/pay", "//"] {
                    let event = shape.event_with(method, path, &[], &[from]);
                    assert!(!passes(&event).await, "{mode} {shape:?} {method:?} {path}");
                    let event = shape.event_with(method, path, &[], &[from, with_token]);
                    assert!(passes(&event).await, "{mode} {shape:?} {method:?} {path}");
                }
            }
        }
        let null = json!({
            "requestContext": {"http": {"method": null, "sourceIp": "192.0.2.1"}},
            "rawPath": "/pay", "headers": {"x-forwarded-for": "192.0.2.7"},
        });
        assert!(!passes(&null).await, "{mode} {proxies}");
    }
}

#[tokio::test]
async fn a_typed_event_is_decided_like_its_json() {
    let (on, off) = (gate("on"), gate("off"));
    let json = Shape::FunctionUrl.event("GET", "/");
    type Typed = lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    let typed: Typed = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(on.check_event(&typed).await, on.check_event(&json).await);
    assert_eq!(off.check_event(&typed).await, None);
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
