//! How long a state is relied on, who asks, how long others wait, and what failures do. The clock, the
//! timer and the source are steered, so nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use maintenance_gate::{Decision, ManualClock, Mode, OnUnknown};

use crate::support::{
    Bench, PARAMETER, START, Scripted, captured, demo, get, is_about, settle, until_asked,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn a_state_is_relied_on_for_the_ttl_give_or_take_a_fifth() {
    let mut lifetimes = Vec::new();
    for _ in 0..100 {
        let bench = Bench::new(Scripted::text("off"));
        assert!(!bench.blocks().await);
        let mut lifetime = 0;
        while bench.source.count() == 1 {
            bench.clock.advance(ms(50));
            lifetime += 50;
            assert!(!bench.blocks().await);
        }
        assert!((4_000..=6_050).contains(&lifetime), "{lifetime}");
        lifetimes.push(lifetime);
    }
    lifetimes.dedup();
    assert!(
        lifetimes.len() > 10,
        "all gates expire together: {lifetimes:?}"
    );
}

#[tokio::test]
async fn a_ttl_of_zero_asks_each_time() {
    let bench = Bench::of(Scripted::text("off"), |builder| builder.ttl(Duration::ZERO));
    for n in 1..=5 {
        bench.blocks().await;
        assert_eq!(bench.source.count(), n);
    }
    assert_eq!(bench.source.last_asked().as_deref(), Some(PARAMETER));
    assert!(
        bench.timer.asked().is_empty(),
        "no timer for an immediate answer"
    );
}

#[tokio::test]
async fn the_first_request_after_the_ttl_sees_the_new_state() {
    let bench = Bench::new(Scripted::text("off"));
    assert!(!bench.blocks().await);
    bench.source.set("on");
    bench.clock.advance(ms(3_999));
    assert!(!bench.blocks().await);
    bench.clock.advance(ms(2_002));
    assert!(bench.blocks().await);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_it_ask_again() {
    let bench = Bench::new(Scripted::text("off"));
    bench.blocks().await;
    for (jump, asked) in [(START - 1, 2), (0, 3), (START, 4), (START + 86_400_000, 5)] {
        bench.clock.set(jump);
        bench.blocks().await;
        assert_eq!(bench.source.count(), asked, "at {jump}");
        bench.blocks().await;
        assert_eq!(bench.source.count(), asked, "and it is fresh then");
    }
}

#[tokio::test]
async fn one_request_asks_and_the_others_go_on_with_the_known_state() {
    let bench = Bench::new(Scripted::text("on").then_hangs());
    assert!(bench.blocks().await);
    bench.clock.advance(ms(6_001));
    let leader = bench.spawn();
    settle().await;
    for _ in 0..100 {
        assert!(bench.blocks().await, "at once, without waiting");
    }
    assert!(!leader.is_finished());
    assert_eq!(bench.source.count(), 2);
    assert!(bench.source.release("off"));
    assert!(!leader.await.unwrap());
    assert!(!bench.blocks().await);
    assert_eq!(bench.source.count(), 2);
}

#[tokio::test]
async fn while_nothing_is_known_all_wait_for_the_same_answer() {
    let bench = Bench::new(Scripted::hanging());
    let requests: Vec<_> = (0..100).map(|_| bench.spawn()).collect();
    settle().await;
    assert_eq!(bench.source.count(), 1);
    assert!(requests.iter().all(|request| !request.is_finished()));
    bench.source.release("on");
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(bench.source.count(), 1);
}

#[tokio::test]
async fn no_request_waits_longer_than_the_budget() {
    for (on_unknown, refused) in [(OnUnknown::Pass, false), (OnUnknown::Block, true)] {
        let bench = Bench::of(Scripted::hanging(), |builder| {
            builder.on_unknown(on_unknown)
        });
        let requests: Vec<_> = (0..20).map(|_| bench.spawn()).collect();
        settle().await;
        assert_eq!(bench.timer.asked(), [ms(250); 20]);
        bench.timer.ring();
        for request in requests {
            assert_eq!(request.await.unwrap(), refused);
        }
        assert_eq!(bench.source.count(), 1);
        assert_eq!(
            bench.blocks().await,
            refused,
            "and in the backoff no request waits"
        );
        assert_eq!(bench.source.count(), 1);
    }
}

#[tokio::test]
async fn waits_again_for_a_fetch_that_outlived_the_budget() {
    let bench = Bench::new(Scripted::text("off").then_hangs());
    bench.blocks().await;
    bench.clock.advance(ms(6_001));
    let request = bench.spawn();
    settle().await;
    bench.timer.ring();
    assert!(!request.await.unwrap(), "the last known state");
    // The answer comes while no request waits.
    assert!(bench.source.release("on"));
    bench.clock.advance(ms(799));
    assert!(!bench.blocks().await, "in the backoff");
    bench.clock.advance(ms(402));
    assert!(bench.blocks().await);
    assert_eq!(bench.source.count(), 2, "it was not asked anew");
    // It holds from when it was asked for, a second ago.
    bench.source.set("off");
    bench.clock.advance(ms(4_800));
    assert!(!bench.blocks().await);
}

#[tokio::test]
async fn an_old_fetch_is_given_up() {
    let bench = Bench::new(Scripted::text("off").then_hangs().then_text("on"));
    bench.blocks().await;
    bench.clock.advance(ms(6_001));
    let request = bench.spawn();
    settle().await;
    bench.timer.ring();
    request.await.unwrap();
    bench.clock.advance(ms(10_000));
    assert!(bench.blocks().await);
    assert_eq!(bench.source.count(), 3);
    assert!(!bench.source.release("off"), "the old one is not read");
}

#[tokio::test]
async fn a_fetch_is_read_for_ten_seconds_however_long_the_ttl() {
    for ttl in [0, 5, 60, 3_600] {
        for (age, read) in [(9_999, true), (10_000, false)] {
            let bench = Bench::of(Scripted::text("off").then_hangs(), |builder| {
                builder.ttl(Duration::from_secs(ttl))
            });
            let request = async || {
                let request = bench.spawn();
                settle().await;
                bench.timer.ring();
                request.await.unwrap()
            };
            request().await;
            bench.clock.advance(Duration::from_secs(ttl * 2));
            request().await;
            bench.clock.advance(ms(age));
            if !read {
                request().await;
            }
            assert_eq!(bench.source.release("on"), read, "{ttl}");
            assert_eq!(request().await, read, "{ttl}");
        }
    }
}

#[tokio::test]
async fn a_request_that_goes_away_leaves_its_fetch_to_the_next() {
    let bench = Bench::new(Scripted::hanging());
    let leader = bench.spawn();
    let follower = bench.spawn();
    settle().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    settle().await;
    assert!(!follower.is_finished());
    bench.source.release("on");
    assert!(follower.await.unwrap());
    assert_eq!(bench.source.count(), 1);
}

#[tokio::test]
async fn failures_are_retried_after_1_2_4_8_16_30_30_seconds_but_not_sooner_than_the_ttl() {
    for (ttl, steps) in [
        (1, [1, 2, 4, 8, 16, 30, 30]),
        (5, [5, 5, 5, 8, 16, 30, 30]),
        (60, [60; 7]),
    ] {
        let bench = Bench::of(Scripted::text("on").then_fails(), |builder| {
            builder.ttl(Duration::from_secs(ttl))
        });
        assert!(bench.blocks().await);
        is_about(until_asked(&bench).await, ttl);
        for step in steps {
            is_about(until_asked(&bench).await, step);
            assert!(bench.blocks().await, "the last known state");
        }
        // One success, and the next failure starts from the beginning.
        bench.source.set("off");
        until_asked(&bench).await;
        assert!(!bench.blocks().await);
        bench.source.fail();
        is_about(until_asked(&bench).await, ttl);
        is_about(until_asked(&bench).await, steps[0]);
    }
}

#[tokio::test]
async fn under_throttling_the_interval_stretches_and_recovers_by_itself() {
    let bench = Bench::new(Scripted::text("on"));
    assert!(bench.blocks().await);
    bench.source.throttle();
    is_about(until_asked(&bench).await, 5);
    for seconds in [10, 20, 40, 60, 60, 60] {
        is_about(until_asked(&bench).await, seconds);
        assert!(bench.blocks().await, "the last known state");
    }
    // The store answers again, and its load comes back by and by.
    bench.source.set("off");
    is_about(until_asked(&bench).await, 60);
    assert!(!bench.blocks().await, "what it says counts at once");
    for seconds in [40, 20, 10, 5, 5] {
        is_about(until_asked(&bench).await, seconds);
    }
}

#[tokio::test]
async fn gates_that_fail_together_do_not_ask_together() {
    let mut waits = Vec::new();
    for _ in 0..50 {
        let bench = Bench::new(Scripted::failing());
        bench.blocks().await;
        waits.push(until_asked(&bench).await);
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 10, "{waits:?}");
}

#[tokio::test]
async fn a_fetch_that_hangs_is_not_begun_anew_more_often_than_the_ttl() {
    let bench = Bench::of(Scripted::text("off").then_hangs(), |builder| {
        builder
            .ttl(Duration::from_secs(60))
            .refresh_budget(Duration::ZERO)
    });
    bench.blocks().await;
    bench.clock.advance(ms(72_001));
    for _ in 0..60_000 / 50 {
        // It is dropped after ten seconds, and the next one waits for its turn.
        let request = bench.spawn();
        settle().await;
        bench.timer.ring();
        request.await.unwrap();
        assert_eq!(bench.source.count(), 2);
        bench.clock.advance(ms(49));
    }
    bench.clock.advance(ms(40_000));
    let request = bench.spawn();
    settle().await;
    bench.timer.ring();
    request.await.unwrap();
    assert_eq!(bench.source.count(), 3);
}

#[tokio::test]
async fn keeps_the_last_known_state_through_every_fault() {
    for (known, refused) in [("on", true), ("off", false)] {
        for nonsense in [
            "",
            "offf",
            "{",
            "[]",
            r#"{"mode":"off"}"#,
            r#"{"schema":2,"mode":"half-open"}"#,
            r#"{"schema":1,"mode":"on","since":"yesterday"}"#,
        ] {
            let bench = Bench::new(Scripted::text(known).then_text(nonsense));
            bench.blocks().await;
            bench.clock.advance(ms(6_001));
            assert_eq!(bench.blocks().await, refused, "{known} then {nonsense:?}");
            assert_eq!(bench.source.count(), 2);
        }
        let bench = Bench::new(Scripted::text(known).then_fails());
        bench.blocks().await;
        for _ in 0..1_000 {
            bench.clock.advance(Duration::from_secs(60));
            assert_eq!(bench.blocks().await, refused);
        }
    }
}

#[tokio::test]
async fn a_newer_document_is_read_as_far_as_it_is_understood() {
    let bench = Bench::new(Scripted::text(r#"{"schema":2,"mode":"on","moon":"full"}"#));
    assert!(bench.blocks().await);
    assert_eq!(bench.gate.last_known(), Some(Mode::On));
}

#[tokio::test]
async fn clones_share_the_known_state() {
    let bench = Bench::new(Scripted::text("on"));
    let clone = bench.gate.clone();
    assert!(bench.blocks().await);
    assert!(matches!(clone.decide(&mut get()), Decision::Block(_)));
}

#[test]
fn without_a_runtime_a_source_that_answers_at_once_serves_and_no_other_hangs() {
    let on = demo().source(Scripted::text("on")).build().unwrap();
    assert!(matches!(block_on(on.check(&mut get())), Decision::Block(_)));
    let source = Scripted::hanging();
    let gate = demo().source(source.clone()).build().unwrap();
    captured();
    assert!(matches!(block_on(gate.check(&mut get())), Decision::Pass));
    let reason = captured()[0]["fields"]["reason"].to_string();
    assert!(reason.contains("tokio runtime"), "{reason}");
    assert!(source.release("on"), "it is kept for the next refresh");
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_a_quarter_of_a_second_by_tokios_clock() {
    let gate = demo().source(Scripted::hanging()).build().unwrap();
    let start = tokio::time::Instant::now();
    assert!(matches!(gate.check(&mut get()).await, Decision::Pass));
    // Tokio's timers have a granularity of a millisecond.
    assert!((250..=251).contains(&start.elapsed().as_millis()));
}

#[tokio::test]
async fn a_check_that_is_made_and_never_polled_holds_up_no_refresh() {
    let bench = Bench::new(Scripted::text("off").then_text("on"));
    assert!(!bench.blocks().await);
    bench.clock.advance(ms(6_001));
    let mut request = get();
    let made = bench.gate.check(&mut request);
    assert!(bench.blocks().await);
    drop(made);
}

#[test]
fn a_source_that_panics_is_one_that_fails() {
    /// At once, or later.
    struct Panics {
        good: Scripted,
        at_once: bool,
    }
    impl maintenance_gate::FlagSource for Panics {
        fn fetch(&self, parameter: &str) -> maintenance_gate::Fetch {
            let good = self.good.fetch(parameter);
            let is_good = self.good.count() == 3;
            assert!(is_good || !self.at_once, "a bug of the source");
            Box::pin(async move {
                assert!(is_good, "a bug of the source");
                good.await
            })
        }
    }
    for at_once in [true, false] {
        let clock = ManualClock::new(START);
        let good = Scripted::text("on");
        let source = Panics {
            good: good.clone(),
            at_once,
        };
        let gate = demo().source(source).clock(clock.clone()).build().unwrap();
        let passes = || matches!(block_on(gate.check(&mut get())), Decision::Pass);
        captured();
        assert!(passes() && passes());
        let said = captured();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0]["fields"]["reason"], "the source panicked");
        assert_eq!(good.count(), 1, "it backs off");
        for (count, passed) in [(2, true), (3, false)] {
            clock.advance(Duration::from_secs(30));
            assert_eq!(passes(), passed);
            assert_eq!(good.count(), count);
        }
    }
}

/// The smallest executor there is.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        let mut context = std::task::Context::from_waker(&waker);
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
