//! An answer that is older than the known state: what the gate does, logs and asks then. The clock and the
//! source are steered; `tests/outages/lags.rs` shows what visitors get of it.

use std::time::Duration;

use maintenance_gate::{Mode, ParameterValue};
use serde_json::Value;

use crate::support::{Bench, Scripted, captured, is_about, settle, until_asked};

/// A TTL of 5 s and its jitter are over after this.
const PAST_TTL: Duration = Duration::from_millis(6_001);
const DAY: Duration = Duration::from_secs(86_400);

/// What was said since the last look, but for refused requests.
fn said() -> Vec<Value> {
    let mut said = captured();
    said.retain(|event| event["fields"]["code"] != "M503");
    said
}

fn codes() -> Vec<String> {
    let said = said();
    let codes = said.iter().map(|event| event["fields"]["code"].as_str());
    codes.map(|code| code.unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_older_answer_changes_nothing_and_is_no_failure() {
    captured();
    for (known, older, mode) in [("on", "off", Mode::On), ("off", "on", Mode::Off)] {
        for version in [Some(6), None] {
            let bench = Bench::new(Scripted::version(7, known));
            bench.blocks().await;
            match version {
                Some(version) => bench.source.set_version(version, older),
                None => bench.source.remove(),
            }
            is_about(until_asked(&bench).await, 5);
            said();
            // No backoff: after so many failures it were half a minute.
            for _ in 0..8 {
                is_about(until_asked(&bench).await, 5);
                assert_eq!(bench.gate.last_known(), Some(mode));
                let said = said();
                assert_eq!(said.len(), 1, "{said:?}");
                assert_eq!(said[0]["level"], "DEBUG");
                let fields = &said[0]["fields"];
                assert_eq!(fields["code"], "M304");
                assert_eq!(fields["mode"], known);
                assert_eq!(fields["known_version"], 7);
                assert_eq!(fields.get("version").and_then(Value::as_u64), version);
            }
            // A newer answer counts at once.
            bench.source.set_version(8, older);
            until_asked(&bench).await;
            assert_ne!(bench.gate.last_known(), Some(mode));
            assert_eq!(codes(), ["M200"]);
        }
    }
}

#[tokio::test]
async fn without_versions_each_answer_counts_at_once() {
    let bench = Bench::new(Scripted::text("on"));
    assert!(bench.blocks().await);
    bench.source.remove();
    bench.clock.advance(PAST_TTL);
    assert!(!bench.blocks().await);
    // And what has none replaces what has one.
    for (version, text) in [(7, "on"), (8, "off")] {
        bench.source.set_version(version, text);
        bench.clock.advance(PAST_TTL);
        assert_eq!(bench.blocks().await, text == "on");
    }
    bench.source.set("on");
    bench.clock.advance(PAST_TTL);
    assert!(bench.blocks().await);
    bench.source.remove();
    bench.clock.advance(PAST_TTL);
    assert!(!bench.blocks().await);
}

#[tokio::test]
async fn a_newer_version_that_is_nonsense_is_a_failure_and_outdates_nothing() {
    captured();
    let bench = Bench::new(Scripted::version(7, "off"));
    bench.blocks().await;
    bench.source.set_version(9, "offf");
    said();
    until_asked(&bench).await;
    assert_eq!(codes(), ["M504"]);
    assert_eq!(bench.gate.last_known(), Some(Mode::Off));
    // The version between, by a read that lags: newer than the known state.
    bench.source.set_version(8, "on");
    until_asked(&bench).await;
    assert_eq!(codes(), ["M200"]);
    // And older nonsense is just older.
    bench.source.set_version(7, "offf");
    until_asked(&bench).await;
    assert_eq!(codes(), ["M304"]);
    assert_eq!(bench.gate.last_known(), Some(Mode::On));
}

#[tokio::test]
async fn an_interval_that_throttling_has_stretched_recovers_though_reads_lag() {
    let bench = Bench::new(Scripted::version(7, "on"));
    bench.blocks().await;
    bench.source.throttle();
    for seconds in [5, 10, 20] {
        is_about(until_asked(&bench).await, seconds);
    }
    bench.source.set_version(7, "on");
    is_about(until_asked(&bench).await, 40);
    bench.source.set_version(6, "off");
    for seconds in [20, 10, 5, 5] {
        is_about(until_asked(&bench).await, seconds);
        assert!(bench.blocks().await);
    }
}

#[tokio::test]
async fn a_minute_is_from_the_newests_answer_to_the_olders_question_also_over_a_freeze() {
    let (six, seven) = (
        ParameterValue::from("off").with_version(6),
        ParameterValue::from("on").with_version(7),
    );
    let bench = Bench::new(Scripted::version(7, "on"));
    assert!(bench.blocks().await);
    bench.source.hang();
    // Asked for six seconds after the newest was seen, however late it is read.
    bench.clock.advance(PAST_TTL);
    let request = bench.spawn();
    settle().await;
    bench.clock.advance(DAY);
    assert!(bench.source.release(six.clone()));
    assert!(request.await.unwrap());
    // The newest was there when its answer came, also if that was a day after the question.
    bench.clock.advance(PAST_TTL);
    let request = bench.spawn();
    settle().await;
    bench.clock.advance(DAY);
    assert!(bench.source.release(seven));
    assert!(request.await.unwrap());
    // Its state had expired by then, so the next request asks at once.
    let request = bench.spawn();
    settle().await;
    assert!(bench.source.release(six.clone()));
    assert!(request.await.unwrap());
    // And the same answer is believed where it was asked for a minute later.
    bench.clock.advance(DAY);
    let request = bench.spawn();
    settle().await;
    assert!(bench.source.release(six));
    assert!(!request.await.unwrap());
}
