//! What passes and what does not.

use std::time::Duration;

use http::Method;
use maintenance_gate::{Decision, Gate, MemorySource, Mode, OnUnknown, ReadOnly};

use crate::support::{Scripted, captured, demo, get, request};

fn gate(flag: &str) -> Gate {
    demo().source(MemorySource::new(flag)).build().unwrap()
}

const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::CONNECT,
    Method::TRACE,
];

#[tokio::test]
async fn off_passes_everything_and_on_nothing() {
    let (off, on) = (gate("off"), gate("on"));
    for method in METHODS {
        let mut request = request(method.clone(), "/any/path?x=1");
        assert!(matches!(off.check(&mut request).await, Decision::Pass));
        let response = on.check(&mut request).await.into_response().unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.body().is_empty(), method == Method::HEAD);
    }
}

#[tokio::test]
async fn read_only_passes_safe_methods_alone() {
    let gate = gate(r#"{"schema": 1, "mode": "read-only"}"#);
    for method in METHODS {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&method);
        let mut request = request(method.clone(), "/");
        let decision = gate.check(&mut request).await;
        let told = request.extensions().get::<ReadOnly>();
        assert_eq!(told.is_some(), safe, "{method}");
        match decision {
            Decision::PassReadOnly => assert!(safe, "{method}"),
            Decision::Block(_) => assert!(!safe, "{method}"),
            Decision::Pass => panic!("{method}"),
        }
    }
}

#[tokio::test]
async fn read_only_allows_no_upgrade_but_to_http_2() {
    let gate = gate(r#"{"schema": 1, "mode": "read-only"}"#);
    for (upgrade, refused) in [
        ("WebSocket", true),
        ("h2c, websocket", true),
        ("connect-ip", true),
        ("tcp", true),
        ("", true),
        ("h2c", false),
        (" H2C ", false),
    ] {
        let mut request = get();
        let value = upgrade.parse().unwrap();
        request.headers_mut().insert(http::header::UPGRADE, value);
        let decision = gate.check(&mut request).await;
        assert_eq!(matches!(decision, Decision::Block(_)), refused, "{upgrade}");
    }
}

#[tokio::test]
async fn read_only_refuses_a_read_that_middleware_may_take_for_a_write() {
    let gate = gate(r#"{"schema": 1, "mode": "read-only"}"#);
    for header in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "x-method-override",
    ] {
        for (methods, refused) in [
            (&["DELETE"][..], true),
            (&["post"], true),
            (&[" PATCH "], true),
            (&[""], true),
            (&["GET", "PUT"], true),
            (&["GET, PUT"], true),
            (&["get"], false),
            (&[" Head "], false),
        ] {
            let mut request = http::Request::builder();
            for method in methods {
                request = request.header(header, *method);
            }
            let decision = gate.check(&mut request.body(()).unwrap()).await;
            let blocked = matches!(decision, Decision::Block(_));
            assert_eq!(blocked, refused, "{header}: {methods:?}");
        }
    }
}

#[tokio::test]
async fn each_refusal_says_why() {
    let read_only = r#"{"schema": 1, "mode": "read-only"}"#;
    let unknown = demo().source(Scripted::failing());
    let unknown = unknown.on_unknown(OnUnknown::Block).build().unwrap();
    let with = |name: &str, value: &str| {
        let mut request = get();
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    for (gate, mut request, reason) in [
        (gate("on"), get(), "on"),
        (unknown, get(), "unknown"),
        (gate(read_only), request(Method::POST, "/"), "write"),
        (gate(read_only), with("upgrade", "websocket"), "upgrade"),
        (
            gate(read_only),
            with("x-http-method-override", "PUT"),
            "method-override",
        ),
    ] {
        captured();
        let _ = gate.check(&mut request).await;
        let said = captured();
        let fields = &said.last().unwrap()["fields"];
        assert_eq!(
            (&fields["code"], &fields["reason"]),
            (&"M503".into(), &reason.into())
        );
    }
}

#[tokio::test]
async fn a_long_path_is_clipped_in_the_log() {
    let gate = gate("on");
    captured();
    let path = format!("/{}", "x".repeat(10_000));
    let _ = gate.check(&mut request(Method::GET, &path)).await;
    let said = captured();
    assert_eq!(said.last().unwrap()["fields"]["path"], path[..1_024]);
}

#[test]
fn a_check_can_be_awaited_in_any_task_that_may_hold_the_request() {
    fn is_send<T: Send>(_: &T) {}
    let gate = gate("off");
    // `Send`, but not `Sync`, as the bodies of axum.
    let mut request = http::Request::new(std::cell::Cell::new(()));
    is_send(&gate.check(&mut request));
}

#[tokio::test]
async fn a_parameter_that_does_not_exist_means_off() {
    let gate = demo().source(Scripted::missing()).build().unwrap();
    assert!(matches!(gate.check(&mut get()).await, Decision::Pass));
    assert_eq!(gate.last_known(), Some(Mode::Off));
}

#[tokio::test]
async fn while_nothing_is_known_the_deployers_choice_holds() {
    for source in [Scripted::failing(), Scripted::text("offf")] {
        let pass = demo().source(source.clone()).build().unwrap();
        assert!(matches!(pass.check(&mut get()).await, Decision::Pass));
        assert_eq!(pass.last_known(), None);
        let block = demo()
            .source(source)
            .on_unknown(OnUnknown::Block)
            .build()
            .unwrap();
        let response = block.check(&mut get()).await.into_response().unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "120");
    }
}

#[tokio::test]
async fn decide_asks_no_source() {
    let source = Scripted::text("on");
    let gate = demo().source(source.clone()).build().unwrap();
    assert!(matches!(gate.decide(&mut get()), Decision::Pass));
    assert_eq!(source.count(), 0);
    let _ = gate.check(&mut get()).await;
    assert!(matches!(gate.decide(&mut get()), Decision::Block(_)));
    assert_eq!(source.count(), 1);
}

#[tokio::test]
async fn retry_after_follows_the_flag_and_the_clock() {
    let clock = maintenance_gate::ManualClock::new(1_795_000_000_000);
    let until = jiff::Timestamp::from_millisecond(1_795_000_600_000).unwrap();
    let source = Scripted::text(&format!(r#"{{"schema":1,"mode":"on","until":"{until}"}}"#));
    let gate = demo()
        .source(source.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let retry_after = async |gate: &Gate| {
        let response = gate.check(&mut get()).await.into_response().unwrap();
        response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(retry_after(&gate).await, "600");
    clock.advance(Duration::from_secs(100));
    assert_eq!(retry_after(&gate).await, "500");
    source.fail();
    clock.advance(Duration::from_secs(100));
    assert_eq!(
        retry_after(&gate).await,
        "400",
        "also while the store is down"
    );
    source.set(r#"{"schema":1,"mode":"on","retry_after":30}"#);
    clock.advance(Duration::from_secs(100));
    assert_eq!(retry_after(&gate).await, "30");
}
