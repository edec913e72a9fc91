//! A thousand visitors at the moment at which the state expires: one of them asks, whatever happens.

use maintenance_gate::OnUnknown;
use tokio::task::JoinSet;

use crate::support::{BUDGET, Kind, Line, PAST_TTL, Site, Store, Visit, open_files};

const CROWD: usize = 1_000;

/// The next visits to end.
async fn ended(crowd: &mut JoinSet<Visit>, count: usize) -> Vec<Visit> {
    let mut visits = Vec::new();
    for _ in 0..count {
        visits.push(crowd.join_next().await.expect("a visitor").unwrap());
    }
    visits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_asks_and_the_others_go_on_at_once_with_the_known_state() {
    open_files(CROWD);
    for kind in Kind::ALL {
        for (known, then, known_as, then_as) in [
            ("off", "on", Visit::App, Visit::Page),
            ("on", "off", Visit::Page, Visit::App),
        ] {
            let store = Store::open().await;
            let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
            store.put(known);
            assert_eq!(site.visit().await, known_as);
            store.put(then);
            store.line(Line::Holds).await;
            site.clock.advance(PAST_TTL);

            let mut crowd = site.crowd(CROWD).await;
            // All but one have their answers while the store says nothing and no bell has rung.
            let others = ended(&mut crowd, CROWD - 1).await;
            assert_eq!(others, [known_as; CROWD - 1], "{kind:?}");
            store.seen(2).await;
            store.answer();
            assert_eq!(ended(&mut crowd, 1).await, [then_as], "{kind:?}");
            assert_eq!(site.visit().await, then_as, "{kind:?}");
            kind.made(store.reads(), 2, "one before the crowd, one for it");
            assert_eq!(site.bells.asked(), [BUDGET; 2], "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_asks_a_store_that_does_not_answer_and_none_waits_longer_than_the_budget() {
    open_files(CROWD);
    for kind in Kind::ALL {
        let store = Store::open().await;
        let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
        store.put("on");
        assert_eq!(site.visit().await, Visit::Page);
        store.put("off");
        store.line(Line::Holds).await;
        site.clock.advance(PAST_TTL);

        let mut crowd = site.crowd(CROWD).await;
        assert_eq!(ended(&mut crowd, CROWD - 1).await, [Visit::Page; CROWD - 1]);
        store.seen(2).await;
        site.bells.ring_all();
        assert_eq!(ended(&mut crowd, 1).await, [Visit::Page], "{kind:?}");
        assert_eq!(site.bells.asked(), [BUDGET; 2], "{kind:?}");
        kind.made(store.reads(), 2, "one before the crowd, one for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_nothing_is_known_all_wait_for_one_answer_and_none_longer_than_the_budget() {
    open_files(CROWD);
    for kind in Kind::ALL {
        for (on_unknown, answers, gets) in [
            (OnUnknown::Pass, true, Visit::Page),
            (OnUnknown::Pass, false, Visit::App),
            (OnUnknown::Block, false, Visit::Page),
        ] {
            let case = format!("{kind:?}, {on_unknown:?}, answers: {answers}");
            let store = Store::open().await;
            let site = Site::open(kind.at(store.address), on_unknown).await;
            store.put("on");
            store.line(Line::Holds).await;

            let mut crowd = site.crowd(CROWD).await;
            site.bells.begun(CROWD).await;
            store.seen(1).await;
            if answers {
                store.answer();
            } else {
                site.bells.ring_all();
            }
            assert_eq!(ended(&mut crowd, CROWD).await, [gets; CROWD], "{case}");
            assert_eq!(site.bells.asked(), [BUDGET; CROWD], "{case}");
            assert_eq!(store.reads(), 1, "{case}");
        }
    }
}

/// A request that takes over from a visitor who left has waited before: its budget does not begin anew.
#[tokio::test]
async fn the_budget_of_a_request_begins_when_it_comes() {
    for kind in Kind::ALL {
        let store = Store::open().await;
        let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
        store.put("on");
        store.line(Line::Holds).await;
        let first = site.impatient_visitor().await;
        site.bells.begun(1).await;
        store.seen(1).await;
        let second = site.visitor();
        site.bells.begun(2).await;
        drop(first);
        // The second goes on with the request of the first, and with its own bell.
        site.one_has_left().await;
        site.bells.ring(1);
        tokio::select! {
            visit = second => assert_eq!(visit.unwrap(), Visit::App, "{kind:?}"),
            () = site.bells.begun(3) => panic!("{kind:?}: a third wait began"),
        }
        assert_eq!(site.bells.asked(), [BUDGET; 2], "{kind:?}");
        assert_eq!(store.reads(), 1, "{kind:?}");
    }
}
