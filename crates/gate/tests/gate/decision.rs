//! What passes and what does not.

use std::time::Duration;

use http::Method;
use maintenance_gate::{Decision, Gate, MemorySource, Mode, OnUnknown};

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
        let parts = request(method.clone(), "/any/path?x=1");
        assert!(matches!(off.check(&parts).await, Decision::Pass));
        let response = on.check(&parts).await.into_response().unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.body().is_empty(), method == Method::HEAD);
    }
}

#[tokio::test]
async fn read_only_passes_safe_methods_alone() {
    let gate = gate(r#"{"schema": 1, "mode": "read-only"}"#);
    for method in METHODS {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&method);
        let decision = gate.check(&request(method.clone(), "/")).await;
        match decision {
            Decision::PassReadOnly => assert!(safe, "{method}"),
            Decision::Block(_) => assert!(!safe, "{method}"),
            Decision::Pass => panic!("{method}"),
        }
    }
}

#[tokio::test]
async fn read_only_opens_no_web_socket() {
    let gate = gate(r#"{"schema": 1, "mode": "read-only"}"#);
    for (upgrade, refused) in [
        ("WebSocket", true),
        ("h2c, websocket", true),
        ("h2c", false),
    ] {
        let mut parts = get();
        let value = upgrade.parse().unwrap();
        parts.headers.insert(http::header::UPGRADE, value);
        let decision = gate.check(&parts).await;
        assert_eq!(matches!(decision, Decision::Block(_)), refused, "{upgrade}");
    }
}

#[tokio::test]
async fn a_parameter_that_does_not_exist_means_off() {
    let gate = demo().source(Scripted::missing()).build().unwrap();
    assert!(matches!(gate.check(&get()).await, Decision::Pass));
    assert_eq!(gate.last_known(), Some(Mode::Off));
}

#[tokio::test]
async fn while_nothing_is_known_the_deployers_choice_holds() {
    for source in [Scripted::failing(), Scripted::text("offf")] {
        let pass = demo().source(source.clone()).build().unwrap();
        assert!(matches!(pass.check(&get()).await, Decision::Pass));
        assert_eq!(pass.last_known(), None);
        let block = demo()
            .source(source)
            .on_unknown(OnUnknown::Block)
            .build()
            .unwrap();
        let response = block.check(&get()).await.into_response().unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "120");
    }
}

#[tokio::test]
async fn decide_asks_nobody() {
    let source = Scripted::text("on");
    let gate = demo().source(source.clone()).build().unwrap();
    assert!(matches!(gate.decide(&get()), Decision::Pass));
    assert_eq!(source.count(), 0);
    let _ = gate.check(&get()).await;
    assert!(matches!(gate.decide(&get()), Decision::Block(_)));
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
        let response = gate.check(&get()).await.into_response().unwrap();
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

#[tokio::test]
async fn a_wrong_configuration_can_pass_everything_and_says_so() {
    captured();
    let gate = Gate::builder().build_or_pass();
    assert!(matches!(gate.check(&get()).await, Decision::Pass));
    let events = captured();
    assert_eq!(events[0]["fields"]["code"], "M500");
    assert_eq!(events[0]["level"], "ERROR");
    let reason = events[0]["fields"]["reason"].as_str().unwrap();
    assert!(reason.contains("MAINTENANCE_APP"), "{reason}");
}
