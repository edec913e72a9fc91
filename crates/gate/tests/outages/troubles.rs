//! The store in every kind of trouble, and back again.

use std::time::Duration;

use maintenance_gate::OnUnknown;

use crate::support::{BUDGET, Kind, Line, PAST_TTL, Site, Store, Switch, Visit};
use crate::table::{Befalls, Trouble, Waits, troubles};

/// The known state when the trouble begins, what the gate does without it, and what visitors get then.
#[derive(Clone, Copy, Debug)]
struct Scene {
    known: Option<&'static str>,
    on_unknown: OnUnknown,
    gets: Visit,
}

const SCENES: [Scene; 4] = [
    Scene {
        known: Some("on"),
        on_unknown: OnUnknown::Pass,
        gets: Visit::Page,
    },
    Scene {
        known: Some("off"),
        on_unknown: OnUnknown::Block,
        gets: Visit::App,
    },
    Scene {
        known: None,
        on_unknown: OnUnknown::Pass,
        gets: Visit::App,
    },
    Scene {
        known: None,
        on_unknown: OnUnknown::Block,
        gets: Visit::Page,
    },
];

/// A site, and a store that can get into trouble.
struct World {
    store: Store,
    site: Site,
    source: Switch,
}

impl World {
    /// None if that trouble cannot befall that source.
    async fn new(kind: Kind, trouble: &Trouble, on_unknown: OnUnknown) -> Option<Self> {
        let store = Store::open().await;
        let bad = match trouble.befalls {
            Befalls::Dns => kind.without_dns()?,
            _ => kind.without_credentials(store.address),
        };
        let source = Switch::new(kind.at(store.address), bad);
        let site = Site::open(source.clone(), on_unknown).await;
        Some(Self {
            store,
            site,
            source,
        })
    }

    async fn befall(&self, trouble: &Trouble) {
        match &trouble.befalls {
            Befalls::Line(line) => self.store.line(line.clone()).await,
            Befalls::Fault(fault) => {
                self.store.sandbox.inject(fault.clone());
            }
            Befalls::Stored(text) => self.store.put(text),
            Befalls::Dns | Befalls::Credentials => self.source.to_bad(true),
        }
    }

    /// A visit in a second, for whom the bell is rung if it waits. `asked` is the second in which the
    /// request that the store has not answered was made, if there is one.
    async fn visit_at(&self, second: u32, asked: &mut Option<u32>) -> Visit {
        let (reads, waits) = (self.store.reads(), self.site.bells.asked().len());
        let mut visitor = self.site.visitor();
        tokio::select! {
            visit = &mut visitor => return visit.unwrap(),
            () = self.site.bells.begun(waits + 1) => {}
        }
        if self.store.is_silent() {
            // After ten seconds the request is given up, and another one made.
            if asked.is_none_or(|asked| second - asked >= 10) {
                self.store.seen(reads + 1).await;
                *asked = Some(second);
            }
            self.site.bells.ring_all();
        }
        visitor.await.unwrap()
    }

    /// All is well again, and the flag is this.
    async fn mend(&self, flag: &str) {
        self.store.put(flag);
        self.store.sandbox.clear_faults();
        self.source.to_bad(false);
        self.store.line(Line::Up).await;
    }
}

async fn endure(kind: Kind, trouble: &Trouble, scene: Scene) {
    let case = format!("{}, {kind:?}, {scene:?}", trouble.name);
    let Some(world) = World::new(kind, trouble, scene.on_unknown).await else {
        return;
    };
    let (store, site) = (&world.store, &world.site);
    // What visitors would get if the store could say so.
    let (truth, would_get) = match scene.gets {
        Visit::App => ("on", Visit::Page),
        Visit::Page => ("off", Visit::App),
    };
    if let Some(flag) = scene.known {
        store.put(flag);
        assert_eq!(site.visit().await, scene.gets, "{case}");
        site.clock.advance(PAST_TTL);
    }
    store.put(truth);
    world.befall(trouble).await;
    let (reads, waits) = (store.reads(), site.bells.asked().len());

    // The first request asks.
    let visitor = site.visitor();
    if trouble.waits == Waits::Budget {
        site.bells.begun(waits + 1).await;
        store.seen(reads + trouble.reads).await;
        assert!(!visitor.is_finished(), "{case}");
        site.bells.ring_all();
    }
    assert_eq!(visitor.await.unwrap(), scene.gets, "{case}");
    let asked = site.bells.asked();
    assert!(asked.len() <= waits + 1, "{case}: {asked:?}");
    assert!(
        asked.iter().all(|wait| *wait == BUDGET),
        "{case}: {asked:?}"
    );

    // The requests after it neither wait nor ask.
    for _ in 0..5 {
        assert_eq!(site.visit().await, scene.gets, "{case}");
    }
    assert_eq!(site.bells.asked().len(), asked.len(), "{case}");
    kind.made(store.reads() - reads, trouble.reads, &case);

    // Back again: at the latest after the longest pause.
    world.mend(truth).await;
    site.clock.advance(Duration::from_secs(72));
    assert_eq!(site.visit().await, would_get, "{case}");
    kind.made(store.reads() - reads, trouble.reads + 1, &case);
}

#[tokio::test]
async fn visitors_get_the_last_known_state_within_the_budget_through_every_fault_of_the_store() {
    for kind in Kind::ALL {
        for trouble in troubles() {
            for scene in SCENES {
                endure(kind, &trouble, scene).await;
            }
        }
    }
}

/// How many reads the store sees in ten minutes of a trouble, with a visitor each second. In ten good
/// minutes it is some 110.
#[tokio::test]
async fn a_store_in_trouble_is_asked_less_often() {
    for kind in Kind::ALL {
        for (name, least, most) in [
            // The intervals are 10, 20, 40 and 60 s: they stretch under throttling alone.
            ("throttles", 10, 16),
            // 5, 5, 5, 8, 16 and 30 s, each give or take a fifth.
            ("denies", 19, 30),
            ("hangs up", 19, 30),
            ("a slip", 19, 30),
            // It is looked at again after 1, 2, 4 and 8 s, and asked anew after ten or more.
            ("slow", 15, 30),
        ] {
            if (name, kind) == ("throttles", Kind::Extension) {
                // It says of no failure what it was.
                continue;
            }
            let trouble = troubles().into_iter().find(|row| row.name == name).unwrap();
            let world = World::new(kind, &trouble, OnUnknown::Pass).await.unwrap();
            world.store.put("on");
            assert_eq!(world.site.visit().await, Visit::Page);
            world.site.clock.advance(PAST_TTL);
            world.befall(&trouble).await;
            let before = world.store.reads();
            let mut asked = None;
            for second in 0..600 {
                assert_eq!(
                    world.visit_at(second, &mut asked).await,
                    Visit::Page,
                    "{name}"
                );
                world.site.clock.advance(Duration::from_secs(1));
            }
            let reads = world.store.reads() - before;
            assert!((least..=most).contains(&reads), "{name}, {kind:?}: {reads}");
        }
    }
}

/// A store that is slow but answers: what it says counts when it comes, and it is not asked twice.
#[tokio::test]
async fn an_answer_that_comes_too_late_is_used_by_the_next_visitor() {
    for kind in Kind::ALL {
        let store = Store::open().await;
        let site = Site::open(kind.at(store.address), OnUnknown::Pass).await;
        store.line(Line::Holds).await;
        store.put("on");
        let visitor = site.visitor();
        site.bells.begun(1).await;
        store.seen(1).await;
        site.bells.ring_all();
        assert_eq!(
            visitor.await.unwrap(),
            Visit::App,
            "{kind:?}: nothing is known yet"
        );
        store.answer();
        // The next look is a second later, give or take a fifth.
        site.clock.advance(Duration::from_millis(1_201));
        assert_eq!(site.visit().await, Visit::Page, "{kind:?}");
        assert_eq!(store.reads(), 1, "{kind:?}");
    }
}
