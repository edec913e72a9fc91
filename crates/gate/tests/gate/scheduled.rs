//! Windows that were scheduled: the gate closes and opens by itself at their times, whether the store answers or
//! not, and says the right thing before, during and after.

use std::time::Duration;

use http::Method;
use maintenance_gate::{Decision, Gate, Mode};

use crate::support::{Bench, START, Scripted, captured, get, refused, request, settle};

/// From 10 to 30 minutes after START.
const SCHEDULED: &str = r#"{
    "schema": 1, "mode": "off", "window": "earlier",
    "scheduled": [
        {"window": "tonight", "starts_at": "2026-11-18T11:16:40Z", "until": "2026-11-18T11:36:40Z",
         "mode": "on", "owner": {"kind": "manual", "name": "ana"}, "message": "We move to new hosts.",
         "bypass": {"paths": ["/health"]}},
        {"window": "tomorrow", "starts_at": "2026-11-19T11:16:40Z", "until": "2026-11-19T11:36:40Z",
         "mode": "read-only", "owner": {"kind": "manual", "name": "ana"}}
    ]
}"#;
const STARTS: u64 = START + 600_000;
const ENDS: u64 = START + 1_800_000;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn decides_to_block(gate: &Gate) -> bool {
    matches!(gate.decide(&mut get()), Decision::Block(_))
}

#[tokio::test]
async fn closes_at_the_start_and_opens_at_the_end_to_the_millisecond() {
    for fails in [false, true] {
        let bench = Bench::new(Scripted::text(SCHEDULED));
        assert!(!bench.blocks().await);
        if fails {
            bench.source.fail();
        }
        for (now, blocks) in [
            (STARTS - 1, false),
            (STARTS, true),
            (STARTS + 1, true),
            (ENDS - 1, true),
            (ENDS, false),
            (ENDS + 60_000, false),
        ] {
            bench.clock.set(now);
            assert_eq!(bench.blocks().await, blocks, "at {now}, fails: {fails}");
            assert_eq!(
                decides_to_block(&bench.gate),
                blocks,
                "at {now}, fails: {fails}"
            );
            let mode = if blocks { Mode::On } else { Mode::Off };
            assert_eq!(bench.gate.last_known(), Some(mode));
        }
    }
}

#[tokio::test]
async fn a_state_that_was_read_shortly_before_the_start_is_not_relied_on_after_it() {
    for before in [1, 100, 3_000] {
        let bench = Bench::new(Scripted::text(SCHEDULED));
        bench.clock.set(STARTS - before);
        assert!(!bench.blocks().await);
        bench.clock.set(STARTS);
        assert!(bench.blocks().await, "{before} ms after it was read");
    }
}

#[tokio::test]
async fn without_a_refresh_the_decision_follows_the_clock_both_ways() {
    let bench = Bench::of(Scripted::text(SCHEDULED), |it| it.ttl(seconds(3_600)));
    assert!(!bench.blocks().await);
    bench.source.hang();
    for (now, blocks) in [
        (STARTS, true),
        // The clock is set back: what was never written follows it.
        (STARTS - 60_000, false),
        (STARTS + 1, true),
        (ENDS, false),
        (ENDS - 1, true),
        (START, false),
    ] {
        bench.clock.set(now);
        assert_eq!(decides_to_block(&bench.gate), blocks, "at {now}");
    }
    // Others do not wait while one asks.
    bench.clock.set(STARTS);
    let leader = bench.spawn();
    settle().await;
    assert!(bench.blocks().await);
    assert!(!leader.is_finished());
}

#[tokio::test]
async fn a_window_that_was_written_stays_when_the_clock_is_set_back() {
    let bench = Bench::new(Scripted::text(SCHEDULED));
    bench.clock.set(STARTS + 60_000);
    assert!(bench.blocks().await);
    bench.source.set(
        r#"{"schema": 1, "mode": "on", "window": "tonight", "since": "2026-11-18T11:16:40Z",
            "until": "2026-11-18T11:36:40Z", "auto_off": true}"#,
    );
    bench.clock.advance(seconds(10));
    assert!(bench.blocks().await);
    bench.clock.set(STARTS - 60_000);
    assert!(bench.blocks().await);
    bench.clock.set(ENDS);
    assert!(!bench.blocks().await);
}

#[tokio::test]
async fn the_answer_counts_down_to_the_end_of_the_window_and_says_its_message() {
    let bench = Bench::new(Scripted::text(SCHEDULED));
    bench.clock.set(STARTS + 1);
    let page = refused(&bench.gate, Method::GET, &[]).await;
    assert_eq!(page.header("retry-after"), Some("1200"));
    assert!(page.body.contains("We move to new hosts."));
    assert!(page.body.contains("2026-11-18 11:36 UTC"));
    bench.clock.set(ENDS - 1);
    let last = refused(&bench.gate, Method::GET, &[]).await;
    assert_eq!(last.header("retry-after"), Some("1"));
    let mut health = request(Method::GET, "/health");
    assert!(matches!(
        bench.gate.check(&mut health).await,
        Decision::Pass
    ));
    // The next one has its own.
    bench.clock.set(STARTS + 86_400_000);
    assert!(matches!(
        bench.gate.check(&mut get()).await,
        Decision::PassReadOnly
    ));
    let mut write = request(Method::POST, "/");
    assert!(matches!(
        bench.gate.check(&mut write).await,
        Decision::Block(_)
    ));
    let mut health = request(Method::POST, "/health");
    assert!(matches!(
        bench.gate.check(&mut health).await,
        Decision::Block(_)
    ));
}

#[tokio::test]
async fn windows_that_follow_each_other_are_one_for_visitors() {
    // The second one begins as the first one ends, and ends ten minutes later.
    let both = SCHEDULED.replace(
        r#""starts_at": "2026-11-19T11:16:40Z", "until": "2026-11-19T11:36:40Z",
         "mode": "read-only""#,
        r#""starts_at": "2026-11-18T11:36:40Z", "until": "2026-11-18T11:46:40Z",
         "mode": "on""#,
    );
    let bench = Bench::new(Scripted::text(&both));
    bench.blocks().await;
    let next = bench.gate.announcement().unwrap();
    let end = std::time::UNIX_EPOCH + Duration::from_millis(ENDS + 600_000);
    assert_eq!(next.until, end);
    for (now, retry_after) in [(STARTS, "1800"), (ENDS - 1_000, "601"), (ENDS, "600")] {
        bench.clock.set(now);
        let page = refused(&bench.gate, Method::GET, &[]).await;
        assert_eq!(page.header("retry-after"), Some(retry_after), "at {now}");
        assert!(page.body.contains("2026-11-18 11:46 UTC"), "at {now}");
        let json = refused(&bench.gate, Method::GET, &[("accept", "application/json")]).await;
        assert!(!json.body.contains("11:36"), "{json:?}");
    }
    bench.clock.set(ENDS + 600_000);
    assert!(!bench.blocks().await);
}

#[tokio::test]
async fn what_comes_next_is_announced_until_it_begins() {
    let bench = Bench::new(Scripted::text(SCHEDULED));
    assert_eq!(bench.gate.announcement(), None, "nothing is known yet");
    bench.blocks().await;
    let at = |ms: u64| std::time::UNIX_EPOCH + Duration::from_millis(ms);
    let next = bench.gate.announcement().unwrap();
    assert_eq!((next.starts_at, next.until), (at(STARTS), at(ENDS)));
    assert_eq!(next.message.as_deref(), Some("We move to new hosts."));
    assert!(!next.read_only);
    for now in [STARTS, STARTS + 1, ENDS] {
        bench.clock.set(now);
        bench.blocks().await;
        let next = bench.gate.announcement().unwrap();
        assert_eq!(next.starts_at, at(STARTS + 86_400_000), "at {now}");
        assert!(next.read_only);
    }
    bench.source.set("off");
    bench.clock.advance(seconds(10));
    bench.blocks().await;
    assert_eq!(bench.gate.announcement(), None);
}

#[tokio::test]
async fn a_cancelled_window_and_one_that_cannot_be_read_neither_close_nor_are_announced() {
    let cancelled = SCHEDULED.replace(r#""mode": "on""#, r#""cancelled": true, "mode": "on""#);
    let unreadable = SCHEDULED.replace(r#""mode": "on""#, r#""mode": "half-open""#);
    for flag in [cancelled, unreadable] {
        let bench = Bench::new(Scripted::text(&flag));
        for now in [STARTS - 1, STARTS, ENDS - 1] {
            bench.clock.set(now);
            assert!(!bench.blocks().await, "at {now}");
        }
        let next = bench.gate.announcement().unwrap();
        assert!(next.read_only, "the one after it");
    }
}

#[tokio::test]
async fn a_change_by_time_is_logged_once() {
    let auto_off =
        r#"{"schema": 1, "mode": "on", "until": "2026-11-18T11:16:40Z", "auto_off": true}"#;
    for (flag, changes) in [
        (
            SCHEDULED,
            &[(START, "off"), (STARTS, "on"), (ENDS, "off")][..],
        ),
        (auto_off, &[(START, "on"), (STARTS, "off")]),
    ] {
        captured();
        let bench = Bench::new(Scripted::text(flag));
        for (now, mode) in changes {
            bench.clock.set(*now);
            for _ in 0..3 {
                decides_to_block(&bench.gate);
                bench.blocks().await;
            }
            let events = captured().into_iter();
            let logged: Vec<_> = events.filter(|it| it["fields"]["code"] == "M200").collect();
            assert_eq!(logged.len(), 1, "{logged:#?}");
            assert_eq!(logged[0]["fields"]["mode"], *mode);
        }
    }
}
