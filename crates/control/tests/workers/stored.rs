//! What is stored is not as this version left it: a flag set by hand, saved capacity that is torn or
//! another account's.

use maintenance_control::{Error, RoleOutcome, Run, State, Store};
use maintenance_sandbox::FunctionSpec;

use crate::support::{World, control_with, off_wish, on_wish, only, worker};

#[tokio::test(start_paused = true)]
async fn a_flag_set_off_by_hand_loses_nothing() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/worker", "off");
    let status = world.status(&worker()).await;
    assert_eq!(status.roles[0].state, State::Off);
    assert!(
        status.roles[0].warnings[0].contains("still saved"),
        "{status:?}"
    );
    // A new window over the old one: what was saved first still counts.
    world.on(&worker()).await.unwrap();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn off_restores_what_a_flag_set_off_by_hand_left() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/worker", "off");
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOff);
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bare_on_gets_a_window_when_something_is_saved_for_it() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/worker", "on");
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    assert!(world.flag("worker").window.is_some());
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn torn_saved_capacity_is_named_and_the_rest_is_restored() {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    let name = world.parameters("capacity").remove(0);
    let whole = world.sandbox.parameters()[&name].value.clone();
    let before_tearing = world.sandbox.fleet();
    world
        .sandbox
        .set_parameter(&name, &whole[..whole.len() / 2]);

    let error = world.on(&worker()).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreadable { .. }),
        "on cannot know what is saved: {error}"
    );
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    assert_eq!(
        only(&report).workers.as_ref().unwrap().failed[0].function,
        name
    );
    assert_eq!(
        world.sandbox.parameters()[&name].value,
        whole[..whole.len() / 2]
    );
    assert_eq!(world.sandbox.fleet(), before_tearing);
    assert!(world.flag("worker").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn another_accounts_functions_are_not_taken_for_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = || {
        Store::File(maintenance_control::FileStore::new(
            folder.path().to_owned(),
        ))
    };
    let world = World::mixed();
    let control = control_with(&world.sandbox, store(), "ana@laptop");
    let roles = [worker()];
    control.on(&roles, &on_wish(), &Run::quiet()).await.unwrap();

    for functions in [vec![], vec![FunctionSpec::new("demo-dev-unset")]] {
        let other = crate::support::sandbox();
        other.configure(|settings| settings.account = "999999999999".to_owned());
        for function in functions {
            other.seed(function);
        }
        let elsewhere = control_with(&other, store(), "ana@laptop");
        let error = elsewhere
            .off(&roles, &off_wish(), &Run::quiet())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::WrongPlace { .. }), "{error}");
    }
    let report = control
        .off(&roles, &off_wish(), &Run::quiet())
        .await
        .unwrap();
    assert!(report.is_complete());
}
