//! Saved capacity that somebody deleted, and functions at 0 that no window explains: they are named, and 0 is
//! never saved as what they had.

use maintenance_control::{Context, OffRequest, Report, RoleOutcome, WorkerState};

use crate::support::OneApp as _;
use crate::support::{World, off_wish, only, worker};

const FUNCTIONS: [&str; 3] = ["demo-dev-000", "demo-dev-001", "demo-dev-002"];

/// A role is on, and somebody deleted what was saved of it.
async fn on_with_nothing_saved() -> World {
    let world = World::of(3);
    world.on(&worker()).await.unwrap();
    for name in world.parameters("capacity") {
        world.sandbox.delete_parameter(&name);
    }
    world
}

async fn off_by_force(world: &World) -> Report {
    let off = OffRequest {
        force: Some("all is as it should be".to_owned()),
        ..off_wish()
    };
    let off = world
        .control
        .off(&[worker()], &off, &Context::quiet())
        .await;
    off.unwrap()
}

fn reserved(world: &World) -> Vec<Option<u32>> {
    let fleet = world.sandbox.fleet();
    FUNCTIONS.iter().map(|name| fleet[*name].reserved).collect()
}

#[tokio::test(start_paused = true)]
async fn off_names_the_functions_whose_saved_capacity_was_deleted_and_is_partial() {
    let world = on_with_nothing_saved().await;
    // However often it is run, until they are as they should be.
    for _ in 0..2 {
        let report = world.off(&worker()).await.unwrap();
        assert!(!report.is_complete());
        let role = only(&report);
        assert_eq!(role.outcome, RoleOutcome::StillOn);
        let failed = &role.workers.as_ref().unwrap().failed;
        let named: Vec<_> = failed.iter().map(|it| it.function.as_str()).collect();
        let (parameter, functions) = named.split_last().unwrap();
        assert_eq!(functions, FUNCTIONS);
        assert!(parameter.starts_with("/maintenance/demo-dev/capacity/worker/"));
        assert!(failed[0].error.contains("is at 0"), "{failed:?}");
        assert!(failed[0].hint.is_some());
        assert!(failed.iter().all(|it| it.is_lasting), "{failed:?}");
    }
    for name in FUNCTIONS {
        world.sandbox.set_reserved(name, Some(1)).unwrap();
    }
    // It may have been of other functions, too, which nothing here can see.
    let report = world.off(&worker()).await.unwrap();
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    assert_eq!(failed.len(), 1, "{failed:?}");
    let report = off_by_force(&world).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
}

#[tokio::test(start_paused = true)]
async fn who_insists_turns_off_although_functions_stay_at_zero_and_is_told_which() {
    let world = on_with_nothing_saved().await;
    let report = off_by_force(&world).await;
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    let warnings = format!("{:?}", only(&report).warnings);
    assert!(
        FUNCTIONS.iter().all(|name| warnings.contains(name)),
        "{warnings}"
    );
}

#[tokio::test(start_paused = true)]
async fn on_never_saves_zero_where_what_was_saved_is_gone() {
    let world = on_with_nothing_saved().await;
    let report = world.on(&worker()).await.unwrap();
    assert!(!report.is_complete());
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert_eq!(world.parameters("capacity"), [] as [String; 0]);
    // Nor after an off that could not give them back.
    assert!(!world.off(&worker()).await.unwrap().is_complete());
    assert!(!world.on(&worker()).await.unwrap().is_complete());
    assert_eq!(world.parameters("capacity"), [] as [String; 0]);
    assert_eq!(reserved(&world), [Some(0); 3]);
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_of_a_role_that_selects_nothing_any_more_is_named_by_its_parameter() {
    let world = on_with_nothing_saved().await;
    let mut role = worker();
    role.functions = None;
    let report = world.off(&role).await.unwrap();
    assert!(!report.is_complete());
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0]
            .function
            .starts_with("/maintenance/demo-dev/capacity/worker/"),
        "{failed:?}"
    );
}

/// A write that AWS took for lost and made half a minute later, after `off`.
#[tokio::test(start_paused = true)]
async fn a_function_at_zero_that_no_window_explains_is_named_by_status_workers_and_off() {
    let world = World::of(3);
    world.on(&worker()).await.unwrap();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    world.sandbox.set_reserved(FUNCTIONS[1], Some(0)).unwrap();

    let status = world.status(&worker()).await;
    let workers = status.roles[0].workers.as_ref().unwrap();
    assert_eq!(workers.unexplained, [FUNCTIONS[1]]);

    let table = world
        .control
        .workers(&[worker()], &Context::quiet())
        .await
        .unwrap();
    let states: Vec<_> = table.workers.iter().map(|it| it.state).collect();
    assert_eq!(
        states,
        [
            WorkerState::Running,
            WorkerState::Unexplained,
            WorkerState::Running
        ]
    );

    // It may be meant to be stopped: off is off already, and says so.
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOff);
    let warnings = format!("{:?}", only(&report).warnings);
    assert!(warnings.contains(FUNCTIONS[1]), "{warnings}");
}

/// Paused for one of two roles that both select it.
#[tokio::test(start_paused = true)]
async fn a_function_that_another_role_has_paused_is_explained() {
    let world = World::of(2);
    let mut jobs = worker();
    jobs.role = "jobs".parse().unwrap();
    world.on(&worker()).await.unwrap();
    let report = world.off(&jobs).await.unwrap();
    assert_eq!(only(&report).warnings, []);
    assert_eq!(world.status(&jobs).await.roles[0].workers, None);
}

/// That a read lags is no reason to name a function that was restored a moment ago: it is looked at twice.
#[tokio::test(start_paused = true)]
async fn a_function_that_is_meant_to_be_stopped_is_no_loss() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(only(&report).warnings, [], "it was saved as 0");
    assert_eq!(world.sandbox.fleet(), before);
}
