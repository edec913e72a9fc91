//! What the gate says: one event a refused request, one a change, and failures in moderation.

use std::time::Duration;

use http::Method;
use maintenance_gate::{ManualClock, MemorySource};
use serde_json::{Value, json};

use crate::support::{
    START, Scripted, Shape, captured, demo, flag, get, request, request_with, stored_token, token,
    with_flag,
};

const ON: &str = r#"{"schema":1,"mode":"on","window":"20261121T083000Z-00001a2b"}"#;

fn with_code(events: &[Value], code: &str) -> Vec<Value> {
    events
        .iter()
        .filter(|event| event["fields"]["code"] == code)
        .cloned()
        .collect()
}

#[tokio::test]
async fn each_refused_request_is_one_event_without_its_query() {
    captured();
    let gate = demo().source(MemorySource::new(ON)).build().unwrap();
    for _ in 0..3 {
        let _ = gate
            .check(&mut request(Method::POST, "/pay?card=4111"))
            .await;
    }
    let events = with_code(&captured(), "M503");
    assert_eq!(events.len(), 3);
    for event in events {
        assert_eq!(event["level"], "INFO");
        assert_eq!(
            event["fields"],
            json!({
                "code": "M503",
                "app": "demo-dev",
                "role": "web",
                "mode": "on",
                "window": "20261121T083000Z-00001a2b",
                "method": "POST",
                "path": "/pay",
                "reason": "on",
                "message": "the request was answered 503: the role is in maintenance",
            })
        );
    }
}

#[tokio::test]
async fn a_change_is_said_once_and_what_passes_is_not_said() {
    captured();
    let source = MemorySource::new("off");
    let gate = demo()
        .source(source.clone())
        .ttl(Duration::ZERO)
        .build()
        .unwrap();
    let mut modes = Vec::new();
    for text in ["off", "off", ON, ON, "off"] {
        source.set(text);
        let _ = gate.check(&mut get()).await;
        let events = captured();
        modes.extend(
            with_code(&events, "M200")
                .iter()
                .map(|event| event["fields"]["mode"].as_str().unwrap().to_owned()),
        );
        let refused = with_code(&events, "M503").len();
        assert_eq!(refused, usize::from(text == ON));
    }
    assert_eq!(modes, ["off", "on", "off"]);
}

#[tokio::test]
async fn a_failure_is_said_once_for_each_longer_wait() {
    captured();
    let clock = ManualClock::new(START);
    let source = Scripted::text("on").then_fails();
    let gate = demo()
        .source(source.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let _ = gate.check(&mut get()).await;
    captured();
    clock.advance(Duration::from_secs(6));
    // Ten minutes of a store that is down, a request each half second.
    for _ in 0..1_200 {
        let _ = gate.check(&mut get()).await;
        clock.advance(Duration::from_millis(500));
    }
    let events = with_code(&captured(), "M504");
    let steps: Vec<_> = events
        .iter()
        .map(|event| event["fields"]["next_secs"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [5, 8, 16, 30], "never sooner than the TTL");
    assert_eq!(events[0]["level"], "WARN");
    assert_eq!(events[0]["fields"]["reason"], "the store is on fire");
    assert_eq!(events[0]["fields"]["mode"], "on");
    assert!(source.count() > 15, "it went on asking");
}

#[tokio::test]
async fn the_stored_text_is_never_logged() {
    captured();
    let secret = "hunter2";
    let gate = demo().source(MemorySource::new(secret)).build().unwrap();
    let _ = gate.check(&mut get()).await;
    let events = captured();
    assert_eq!(with_code(&events, "M504").len(), 1);
    assert!(!format!("{events:?}").contains(secret));
}

#[tokio::test]
async fn nothing_of_a_requests_headers_or_query_is_ever_said() {
    const SECRET: &str = "Hush-7f3a";
    let mut bypass = stored_token("demo-dev", "web");
    bypass["addresses"] = json!(["192.0.2.0/24"]);
    bypass["paths"] = json!(["/hooks/*"]);
    let (token, secret) = (token(), format!("{SECRET}-in-a-header"));
    let query = [("card", SECRET), ("maintenance-bypass", token.reveal())];
    captured();
    let mut said = Vec::new();
    for flag in [
        flag("on", &bypass),
        flag("read-only", &bypass),
        flag("on", &json!({})),
    ] {
        let gate = with_flag(&flag).trusted_proxies(1).build().unwrap();
        let names = [
            "authorization",
            "cookie",
            "user-agent",
            "referer",
            "host",
            "origin",
            "accept",
            "accept-language",
            "x-api-key",
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "x-amzn-trace-id",
            "content-type",
            "from",
            "traceparent",
        ];
        let mut headers: Vec<_> = names.iter().map(|name| (*name, secret.as_str())).collect();
        for last in [
            ("x-maintenance-bypass", token.reveal()),
            ("x-forwarded-for", "192.0.2.77"),
        ] {
            headers.push(last);
            for (method, path) in [
                ("GET", "/a"),
                ("POST", "/a"),
                ("OPTIONS", "/a"),
                ("PUT", "/hooks/b"),
            ] {
                for shape in Shape::ALL {
                    for query in [&query[..1], &query] {
                        let _ = gate
                            .check_event(&shape.event_with(method, path, query, &headers))
                            .await;
                    }
                }
                let target = format!("{path}?card={SECRET}&maintenance-bypass={}", token.reveal());
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let _ = gate
                    .check(&mut request_with(method, &target, &headers))
                    .await;
            }
        }
        said.extend(captured());
    }
    for code in ["M200", "M202", "M303", "M503"] {
        assert!(!with_code(&said, code).is_empty(), "{code}");
    }
    let said = format!("{said:?}");
    for secret in [SECRET, token.reveal(), "192.0.2", "card"] {
        assert!(!said.contains(secret), "{secret}");
    }
}
