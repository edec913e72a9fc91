//! What ends or fails between the functions that were settled and those that were not: what is saved is
//! known, what is not paused is named, and the same command goes on.

use std::time::Duration;

use maintenance_control::{CancellationToken, Context, Error, Event};
use maintenance_sandbox::Fault;

use super::{NEVER, fleet, is_paused, moving, paused, restores, saved, workers, world};
use crate::support::OneApp as _;
use crate::support::{on_wish, start, worker};

#[tokio::test(start_paused = true)]
async fn whoever_dies_between_the_settled_and_the_others_has_touched_nothing_unsaved() {
    let world = world(4, &[moving("demo-dev-moving", true, 60)]).await;
    let before = fleet(&world);
    let (roles, wish, run) = ([worker()], on_wish(), Context::quiet());
    let on = world.control.on(&roles, &wish, &run);
    let dead = tokio::time::timeout(Duration::from_secs(30), on).await;
    assert!(dead.is_err(), "it waits for the mapping");
    assert_eq!(paused(&world).len(), 4);
    assert_eq!(saved(&world).concat().len(), 4);
    // When its lease is over.
    tokio::time::advance(Duration::from_secs(60)).await;
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(workers(&report).selected, 4, "the other was never touched");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(fleet(&world), before);

    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(paused(&world).len(), 5);
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_while_mappings_settle_is_the_end_of_it_and_the_same_command_goes_on() {
    let world = world(4, &[moving("demo-dev-moving", true, 60)]).await;
    let before = fleet(&world);
    let untouched = world.sandbox.fleet()["demo-dev-moving"].clone();
    world.let_no_lease_be_renewed();
    let Err(Error::Unfinished { report, source }) = world.on(&worker()).await else {
        panic!("it went on");
    };
    assert!(matches!(*source, Error::LeaseLost { .. }), "{source:?}");
    assert_eq!(workers(&report).changed.len(), 4);
    assert_eq!(workers(&report).unfinished, ["demo-dev-moving"]);
    assert_eq!(paused(&world).len(), 4);
    assert_eq!(world.sandbox.fleet()["demo-dev-moving"], untouched);
    assert_eq!(saved(&world).concat().len(), 4);

    world.sandbox.clear_faults();
    tokio::time::advance(Duration::from_secs(10)).await;
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(workers(&report).changed, ["demo-dev-moving"]);
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_mappings_settle_keeps_what_is_done_and_names_what_is_not() {
    let world = world(4, &[moving("demo-dev-moving", true, NEVER)]).await;
    let before = fleet(&world);
    let stop = CancellationToken::new();
    let listen = |_: Event<'_>| {
        let now = world.sandbox.settings().clock.now();
        if now.duration_since(start()).as_secs() > 60 {
            stop.cancel();
        }
    };
    let run = Context {
        stop: stop.clone(),
        listen: &listen,
    };
    let report = world.control.on(&[worker()], &on_wish(), &run).await;
    let report = report.unwrap();
    assert!(report.interrupted);
    assert_eq!(workers(&report).unfinished, ["demo-dev-moving"]);
    assert_eq!(workers(&report).changed.len(), 4);
    assert!(workers(&report).failed.is_empty());
    let took = world.sandbox.settings().clock.now().duration_since(start());
    assert!(took.as_secs() < 75, "at its next look: {took:?}");
    assert!(world.lease_is_free());
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_saved_when_it_has_settled_is_named_and_not_touched() {
    let moving = [
        moving("demo-dev-a", true, 20),
        moving("demo-dev-b", true, 20),
        moving("demo-dev-later", true, 100),
    ];
    let world = world(4, &moving).await;
    let before = fleet(&world);
    let second = Fault::on("PutParameter").target("/capacity/").nth(2);
    world.inject(second.access_denied());
    let report = world.on(&worker()).await.unwrap();
    let workers = workers(&report);
    let failed = workers.failed.iter();
    let names: Vec<_> = failed.clone().map(|it| it.function.as_str()).collect();
    assert_eq!(names, ["demo-dev-a", "demo-dev-b"]);
    for failure in failed {
        let hint = failure.hint.as_deref().unwrap_or_default();
        assert!(hint.contains("ssm:PutParameter"), "{failure:?}");
        assert_eq!(
            fleet(&world)[&failure.function],
            before[&failure.function],
            "not touched"
        );
    }
    assert_eq!(workers.changed.len(), 5, "the later one among them");
    assert!(!report.is_complete());
    assert!(world.on(&worker()).await.unwrap().is_complete());
    assert_eq!(paused(&world).len(), 7);
    restores(&world, &before).await;
}

/// Parameter Store took what was saved, and never said so; then reads lag. Who comes next must not take
/// the word of who did not know.
#[tokio::test(start_paused = true)]
async fn what_was_saved_without_an_answer_is_found_by_the_next() {
    let world = world(4, &[moving("demo-dev-moving", true, 20)]).await;
    let before = fleet(&world);
    // What is written from the second part on is not seen by the first three reads.
    let sandbox = world.sandbox.clone();
    let looks = Fault::on("GetEventSourceMapping").nth(1);
    world.inject(looks.hook(move |_| sandbox.configure(|settings| settings.ssm.read_lag = 3)));
    let second = Fault::on("PutParameter").target("/capacity/").nth(2);
    world.inject(second.always().after().drop_connection());
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(workers(&report).failed.len(), 1, "{report:?}");
    assert_eq!(saved(&world).concat().len(), 5, "it is there");
    assert!(!is_paused(&world, "demo-dev-moving"));
    world.sandbox.clear_faults();
    restores(&world, &before).await;
}
