//! A machine whose clock jumps, and one that was frozen between two requests.

use std::time::Duration;

use maintenance_gate::OnUnknown;
use maintenance_sandbox::Fault;

use crate::support::{BUDGET, Kind, Line, START, Site, Store, Visit};

const HOUR: u64 = 3_600_000;
const DAY: Duration = Duration::from_secs(86_400);

/// Where the clock shows `START` and jumps to.
const JUMPS: [(&str, u64); 3] = [
    ("an hour back", START - HOUR),
    ("an hour forth", START + HOUR),
    ("to 1970", 0),
];

/// A site that has learnt this flag at `START`.
async fn that_knows(kind: Kind, flag: &str) -> (Store, Site) {
    let store = Store::open().await;
    let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
    store.put(flag);
    site.visit().await;
    assert_eq!(store.reads(), 1);
    (store, site)
}

#[tokio::test]
async fn a_clock_that_jumps_costs_one_read_and_hides_no_change() {
    for kind in Kind::ALL {
        for (jump, to) in JUMPS {
            let (store, site) = that_knows(kind, "off").await;
            store.put("on");
            site.clock.set(to);
            assert_eq!(site.visit().await, Visit::Page, "{kind:?}, {jump}");
            site.visit().await;
            kind.made(
                store.reads(),
                2,
                &format!("{kind:?}, {jump}: what was read then is fresh"),
            );
            store.put("off");
            site.clock.set(START);
            assert_eq!(site.visit().await, Visit::App, "{kind:?}, {jump} and back");
            kind.made(store.reads(), 3, &format!("{kind:?}, {jump} and back"));
            assert_eq!(site.bells.asked(), [BUDGET; 3], "{kind:?}, {jump}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_while_the_store_refuses_keeps_the_state_and_its_pauses() {
    for kind in Kind::ALL {
        for (jump, to) in JUMPS {
            let (store, site) = that_knows(kind, "on").await;
            store.put("off");
            let denies = Fault::any_call().always().access_denied();
            store.sandbox.inject(denies);
            site.clock.set(START + HOUR);
            site.visit().await;
            kind.made(store.reads(), 2, &format!("{kind:?}, {jump}"));
            site.clock.set(if to > START { to + HOUR } else { to });
            for _ in 0..5 {
                assert_eq!(site.visit().await, Visit::Page, "{kind:?}, {jump}");
            }
            kind.made(
                store.reads(),
                3,
                &format!("{kind:?}, {jump}: it asked once more"),
            );
            store.sandbox.clear_faults();
            site.clock.advance(Duration::from_secs(6));
            assert_eq!(
                site.visit().await,
                Visit::App,
                "{kind:?}, {jump}: no hour is waited"
            );
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_during_a_fetch_changes_nothing_for_waiting_requests() {
    for kind in Kind::ALL {
        for (jump, to) in JUMPS {
            let store = Store::open().await;
            let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
            store.put("on");
            store.line(Line::Holds).await;
            let visitor = site.visitor();
            store.seen(1).await;
            site.clock.set(to);
            store.line(Line::Up).await;
            store.answer();
            assert_eq!(visitor.await.unwrap(), Visit::Page, "{kind:?}, {jump}");
            // How old that answer is cannot be told any more, so it is asked once again.
            for _ in 0..5 {
                assert_eq!(site.visit().await, Visit::Page, "{kind:?}, {jump}");
            }
            kind.made(store.reads(), 2, &format!("{kind:?}, {jump}"));
        }
    }
}

#[tokio::test]
async fn the_first_visitor_after_a_frozen_day_sees_the_current_state() {
    for kind in Kind::ALL {
        for (known, now, sees) in [("off", "on", Visit::Page), ("on", "off", Visit::App)] {
            for is_cut in [false, true] {
                let (store, site) = that_knows(kind, known).await;
                if is_cut {
                    // What AWS does meanwhile with an idle connection.
                    store.cut().await;
                }
                store.put(now);
                site.clock.advance(DAY);
                assert_eq!(site.visit().await, sees, "{kind:?}, cut: {is_cut}");
                kind.made(store.reads(), 2, &format!("{kind:?}, cut: {is_cut}"));
            }
        }
    }
}

/// The worst that a freeze leaves behind: a connection that looks open and has no other end.
#[tokio::test]
async fn a_connection_that_died_in_a_frozen_day_is_replaced() {
    for kind in Kind::ALL {
        let (store, site) = that_knows(kind, "off").await;
        store.forget_connections();
        store.put("on");
        site.clock.advance(DAY);
        if kind.keeps_no_connection() {
            assert_eq!(
                site.visit().await,
                Visit::Page,
                "{kind:?}: within the budget"
            );
            continue;
        }
        // The SDK waits for the dead one, and the gate gives that up after ten seconds.
        let mut seconds = 0;
        loop {
            let waits = site.bells.asked().len();
            let mut visitor = site.visitor();
            let visit = tokio::select! {
                visit = &mut visitor => visit.unwrap(),
                () = store.seen(2) => visitor.await.unwrap(),
                () = site.bells.begun(waits + 1), if seconds < 10 => {
                    site.bells.ring_all();
                    visitor.await.unwrap()
                }
            };
            if visit == Visit::Page {
                break;
            }
            assert!(seconds <= 20, "{kind:?}: it never asks anew");
            site.clock.advance(Duration::from_secs(1));
            seconds += 1;
        }
        assert!(seconds <= 20, "{kind:?}: {seconds} s");
        kind.made(store.reads(), 2, &format!("{kind:?}"));
        assert!(site.bells.asked().iter().all(|wait| *wait == BUDGET));
    }
}
