//! A store whose reads lag behind its writes, as Parameter Store's may: what visitors get after the gate
//! has seen a change and then reads what was before it. And a flag that an operator deleted and made anew,
//! which looks the same at first.

use std::time::Duration;

use maintenance_gate::OnUnknown;

use crate::support::{Kind, PAST_TTL, START, Site, Store, Visit};

const HOUR: u64 = 3_600_000;
const DAY: Duration = Duration::from_secs(86_400);

/// What visitors get by a flag.
fn by(flag: &str) -> Visit {
    match flag {
        "on" => Visit::Page,
        _ => Visit::App,
    }
}

/// A site whose gate has seen both of these, one after the other, the second at `START` and a TTL.
async fn that_saw(kind: Kind, before: &str, now: &str) -> (Store, Site) {
    let store = Store::open().await;
    let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
    for flag in [before, now] {
        store.put(flag);
        site.clock.advance(PAST_TTL);
        assert_eq!(site.visit().await, by(flag), "{kind:?}");
    }
    (store, site)
}

#[tokio::test]
async fn a_read_that_lags_turns_no_gate_back() {
    for kind in Kind::ALL {
        for (before, now) in [("off", "on"), ("on", "off")] {
            // One write behind, and before the parameter was there at all.
            for writes in [1, 2] {
                let case = format!("{kind:?}, {now}, {writes} writes behind");
                let (store, site) = that_saw(kind, before, now).await;
                let reads = store.reads();
                store.lag(writes);
                for turn in 1..=3 {
                    site.clock.advance(PAST_TTL);
                    for _ in 0..3 {
                        assert_eq!(site.visit().await, by(now), "{case}");
                    }
                    kind.made(store.reads() - reads, turn, &case);
                }
                // By another replica, in between: it is as it was, and the next may lag again.
                store.catch_up();
                site.clock.advance(PAST_TTL);
                assert_eq!(site.visit().await, by(now), "{case}");
                store.lag(writes);
                site.clock.advance(PAST_TTL);
                assert_eq!(site.visit().await, by(now), "{case}");
                // And a change is seen as soon as a read does not lag.
                store.catch_up();
                store.put(before);
                site.clock.advance(PAST_TTL);
                assert_eq!(site.visit().await, by(before), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_flag_that_was_made_anew_counts_a_minute_after_the_old_one_was_last_seen() {
    for kind in Kind::ALL {
        for (before, now) in [("off", "on"), ("on", "off")] {
            let case = format!("{kind:?}, {now}, then {before}");
            let (store, site) = that_saw(kind, before, now).await;
            store.put_anew(before);
            for _ in 0..9 {
                site.clock.advance(PAST_TTL);
                assert_eq!(site.visit().await, by(now), "{case}: it may be a lag");
            }
            site.clock.advance(PAST_TTL);
            assert_eq!(site.visit().await, by(before), "{case}: it is none");
            // From here on its own versions count.
            store.put(now);
            site.clock.advance(PAST_TTL);
            assert_eq!(site.visit().await, by(now), "{case}");
            store.lag(1);
            site.clock.advance(PAST_TTL);
            assert_eq!(
                site.visit().await,
                by(now),
                "{case}: that may be a lag again"
            );
        }
    }
}

#[tokio::test]
async fn after_a_frozen_day_an_older_answer_counts_for_the_first_visitor() {
    for kind in Kind::ALL {
        for (before, now) in [("off", "on"), ("on", "off")] {
            let (store, site) = that_saw(kind, before, now).await;
            store.put_anew(before);
            site.clock.advance(DAY);
            assert_eq!(site.visit().await, by(before), "{kind:?}, {now}");
        }
    }
}

#[tokio::test]
async fn a_clock_set_back_begins_the_minute_anew_and_it_ends() {
    for kind in Kind::ALL {
        for to in [START - HOUR, 0] {
            let (store, site) = that_saw(kind, "off", "on").await;
            store.lag(1);
            site.clock.set(to);
            for _ in 0..9 {
                assert_eq!(site.visit().await, Visit::Page, "{kind:?}, {to}");
                site.clock.advance(PAST_TTL);
            }
            store.catch_up();
            store.put_anew("off");
            // The tenth look is 54 s after the jump, the eleventh more than a minute.
            assert_eq!(site.visit().await, Visit::Page, "{kind:?}, {to}");
            site.clock.advance(PAST_TTL);
            assert_eq!(site.visit().await, Visit::App, "{kind:?}, {to}");
        }
    }
}
