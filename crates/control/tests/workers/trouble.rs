//! A function that fails stops no other, and the same command goes on with what is left.

use maintenance_control::RoleOutcome;
use maintenance_sandbox::{Fault, FunctionSpec};

use crate::support::{World, only, worker};

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_does_not_stop_the_others_and_the_same_command_goes_on() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let fault = || {
        Fault::on("PutFunctionConcurrency")
            .target("demo-dev-limited")
            .always()
            .fail(500, "ServiceException", "internal")
    };
    world.inject(fault());
    let report = world.on(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.failed.len(), 1);
    assert_eq!(workers.failed[0].function, "demo-dev-limited");
    assert_eq!(workers.changed.len(), 6);
    assert!(!report.is_complete());
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().pending,
        ["demo-dev-limited"]
    );

    world.sandbox.clear_faults();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(
        only(&report).workers.as_ref().unwrap().changed,
        ["demo-dev-limited"]
    );

    world.inject(fault());
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    assert_eq!(only(&report).workers.as_ref().unwrap().failed.len(), 1);
    assert!(
        world.flag("worker").mode.is_on(),
        "on until the last function is verified"
    );
    assert!(!world.parameters("capacity").is_empty());

    world.sandbox.clear_faults();
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_function_that_cannot_be_read_stops_nobody_else() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let denied = || {
        Fault::on("GetFunction")
            .target("demo-dev-limited")
            .always()
            .access_denied()
    };
    world.inject(denied());
    let report = world.on(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.failed[0].function, "demo-dev-limited");
    assert_eq!(
        (
            workers.selected,
            workers.failed.len(),
            workers.changed.len()
        ),
        (8, 1, 6)
    );
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().pending,
        ["demo-dev-limited"]
    );
    world.sandbox.clear_faults();
    assert!(world.on(&worker()).await.unwrap().is_complete());

    world.inject(denied());
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    assert_eq!(only(&report).workers.as_ref().unwrap().failed.len(), 1);
    assert!(
        !world.parameters("capacity").is_empty(),
        "what it had is saved still"
    );
    world.sandbox.clear_faults();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);

    // A permission that is missing for all of them changes nothing at all.
    world.inject(Fault::on("GetFunction").always().access_denied());
    let error = world.on(&worker()).await.unwrap_err();
    assert!(
        error.hint().unwrap().contains("lambda:GetFunction"),
        "{error}"
    );
    assert!(!world.flag("worker").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_the_account_has_no_room_for_is_named_and_the_next_off_goes_on() {
    let world = World::new([
        FunctionSpec::new("demo-dev-big").reserved(800),
        FunctionSpec::new("demo-dev-small").reserved(5),
        FunctionSpec::new("other"),
    ]);
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    // Somebody else takes what pausing freed.
    world.sandbox.set_reserved("other", Some(500)).unwrap();
    let report = world.off(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.changed, ["demo-dev-small"]);
    assert_eq!(workers.failed.len(), 1);
    let words = &workers.failed[0].error;
    // 1,000 in all: 500 and 5 are taken, 495 are left, and 100 must stay; 405 are missing.
    assert!(words.contains("must keep 100 unreserved"), "{words}");
    assert!(words.contains("missing"), "{words}");
    world.sandbox.set_reserved("other", None).unwrap();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn throttling_conflicts_and_lost_answers_are_waited_out() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.inject(Fault::any_call().every(3).throttle());
    world.inject(Fault::any_write().every(5).after().drop_connection());
    world
        .sandbox
        .begin_update("demo-dev-unset", std::time::Duration::from_secs(20))
        .unwrap();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
}
