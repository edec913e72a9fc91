//! Execution environments restored from one snapshot: they begin with the same state. That their jitter
//! differs although their random keys are the same is shown beside the code, in `refresh`.

use std::collections::BTreeMap;
use std::time::Duration;

use maintenance_gate::OnUnknown;

use crate::support::{Kind, Line, Site, Store, Visit};

const COPIES: usize = 30;
/// How long the snapshot was kept.
const KEPT: Duration = Duration::from_secs(5 * 3_600);

#[tokio::test]
async fn each_copy_asks_at_its_first_visitor_and_then_at_a_time_of_its_own() {
    for kind in Kind::ALL {
        let store = Store::open().await;
        store.put("off");
        let mut copies = Vec::new();
        for _ in 0..COPIES {
            let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
            assert_eq!(site.visit().await, Visit::App);
            copies.push(site);
        }
        store.put("on");
        for site in &copies {
            site.clock.advance(KEPT);
            assert_eq!(
                site.visit().await,
                Visit::Page,
                "{kind:?}: no old state is served"
            );
        }
        kind.made(store.reads(), 2 * COPIES, "copies");

        // In steps of 200 ms until each has asked again.
        let mut asked: BTreeMap<u64, usize> = BTreeMap::new();
        let mut waiting: Vec<&Site> = copies.iter().collect();
        for step in 1..=31 {
            let mut still = Vec::new();
            for site in waiting {
                let asked_before = site.bells.asked().len();
                site.clock.advance(Duration::from_millis(200));
                assert_eq!(site.visit().await, Visit::Page);
                match site.bells.asked().len() - asked_before {
                    0 => still.push(site),
                    _ => *asked.entry(step * 200).or_default() += 1,
                }
            }
            waiting = still;
        }
        assert!(
            waiting.is_empty(),
            "{kind:?}: {} never asked",
            waiting.len()
        );
        assert!(
            asked.keys().all(|ms| (4_000..=6_200).contains(ms)),
            "{asked:?}"
        );
        assert!(asked.len() >= 5, "{kind:?}: they ask together: {asked:?}");
    }
}

#[tokio::test]
async fn a_request_that_was_under_way_in_the_snapshot_is_not_waited_for() {
    for kind in Kind::ALL {
        let store = Store::open().await;
        store.put("off");
        store.line(Line::Holds).await;
        let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
        let visitor = site.visitor();
        site.bells.begun(1).await;
        store.seen(1).await;
        site.bells.ring_all();
        assert_eq!(visitor.await.unwrap(), Visit::App);
        // Restored elsewhere: the store never heard of that connection.
        site.clock.advance(KEPT);
        store.put("on");
        store.line(Line::Up).await;
        assert_eq!(site.visit().await, Visit::Page, "{kind:?}");
        kind.made(store.reads(), 2, "copies");
    }
}
