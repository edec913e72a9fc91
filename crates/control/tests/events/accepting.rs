//! Losing events is accepted, or nothing is changed.

use maintenance_control::{Context, RoleOutcome};
use maintenance_sandbox::{Fault, FunctionSpec};

use crate::support::OneApp as _;
use crate::support::{World, on_wish, only, web, worker};
use crate::triggers::{S3, allow, lost, on_accepting};

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_until_the_loss_is_accepted_and_then_it_is_not_asked_again() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    allow(&world, "demo-dev-limited", None, S3);
    allow(&world, "demo-dev-unset", None, "events.amazonaws.com");
    allow(&world, "other-dev-mail", None, S3);
    world.sandbox.reset_calls();

    // Web maintenance is not turned on either: what is refused has changed nothing.
    let roles = [web(), worker()];
    let error = world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await
        .unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-limited", "demo-dev-unset"]);
    assert_eq!(world.writes(), []);
    assert!(world.lease_is_free());
    assert_eq!(world.sandbox.fleet(), before);

    let report = on_accepting(&world).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOn);

    // What is paused is not asked about again; what is new is.
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    world.sandbox.seed(FunctionSpec::new("demo-dev-z"));
    allow(&world, "demo-dev-z", None, S3);
    let error = world.on(&worker()).await.unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-z"]);
    assert_eq!(world.sandbox.fleet()["demo-dev-z"].reserved, None);
    on_accepting(&world).await.unwrap();
    assert_eq!(world.sandbox.fleet()["demo-dev-z"].reserved, Some(0));

    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let mut after = world.sandbox.fleet();
    after.remove("demo-dev-z");
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_goes_on_without_being_asked_about() {
    let world = World::mixed();
    allow(&world, "demo-dev-limited", None, S3);
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .target("demo-dev-limited")
            .always()
            .fail(500, "ServiceException", "internal"),
    );
    let report = on_accepting(&world).await.unwrap();
    assert!(!report.is_complete());
    world.sandbox.clear_faults();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_while_it_is_read_changes_nothing() {
    let world = World::mixed();
    let run = Context::quiet();
    let stop = run.stop.clone();
    world.inject(Fault::on("GetPolicy").nth(2).hook(move |_| stop.cancel()));
    world.sandbox.reset_calls();
    let report = world
        .control
        .on(&[worker()], &on_wish(), &run)
        .await
        .unwrap();
    assert!(report.interrupted);
    assert_eq!(only(&report).outcome, RoleOutcome::NotBegun);
    assert_eq!(world.writes(), []);
    assert!(world.lease_is_free());
}
