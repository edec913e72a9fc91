//! Scheduled windows, by the clock: functions are paused when a window has begun, and restored when it has ended.

use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::{
    Actor, Context, Error, OffRequest, OnRequest, Report, RoleOutcome, RoleReport, RoleSpec,
};
use maintenance_flag::{
    Enter, Options, Owner, ScheduleEvent, ScheduleWindow, WindowId, reschedule,
};
use maintenance_sandbox::{Fault, FunctionSpec};

use crate::support::OneApp as _;
use crate::support::{World, on_wish, only, start, web, worker};

const S3: &str = "s3.amazonaws.com";

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn at(minute: u64) -> Timestamp {
    start() + minutes(minute)
}

fn window() -> WindowId {
    WindowId::new(at(10), 1)
}

/// Stores a window from minute 10 to minute 60 for a role, an occurrence of a recurring one.
fn schedule(world: &World, role: &RoleSpec) {
    let request = ScheduleWindow {
        enter: Enter {
            owner: Owner::manual("ana@laptop"),
            by: "ana@laptop".to_owned(),
            product: None,
            reason: Some("nightly".to_owned()),
            window: window(),
            at: at(0),
            read_only: false,
            options: Options::default(),
        },
        starts_at: at(10),
        until: at(60),
        recurring: Some("nightly".to_owned()),
        accept_event_loss: false,
    };
    let flag = world.flag(role.role.as_str());
    let step = reschedule(&flag, ScheduleEvent::Schedule(Box::new(request))).unwrap();
    let name = format!("/maintenance/demo-dev/flags/{}", role.role);
    let value = step.flag.encode().unwrap();
    world.sandbox.set_parameter(&name, &value);
}

async fn on(world: &World, roles: &[RoleSpec], request: OnRequest) -> Result<Report, Error> {
    world.control.on(roles, &request, &Context::quiet()).await
}

async fn open(world: &World, roles: &[RoleSpec]) -> Result<Report, Error> {
    on(world, roles, OnRequest::by(Actor::Clock)).await
}

async fn close(world: &World, roles: &[RoleSpec]) -> Result<Report, Error> {
    let request = OffRequest::by(Actor::Clock);
    world.control.off(roles, &request, &Context::quiet()).await
}

fn outcomes(report: &Report) -> Vec<RoleOutcome> {
    report.roles.iter().map(|role| role.outcome).collect()
}

fn at_zero(world: &World) -> usize {
    let fleet = world.sandbox.fleet();
    let ours = fleet.iter().filter(|(name, _)| name.starts_with("demo-"));
    ours.filter(|(_, it)| it.reserved == Some(0)).count()
}

#[tokio::test(start_paused = true)]
async fn functions_are_paused_from_the_start_to_the_end_and_come_back_exactly() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let roles = [web(), worker()];
    roles.iter().for_each(|role| schedule(&world, role));

    // Before the start nothing is due, and nothing is written.
    tokio::time::advance(minutes(9)).await;
    world.sandbox.reset_calls();
    let report = open(&world, &roles).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::AlreadyOff; 2]);
    assert!(report.is_complete());
    assert_eq!(report.drained_at(), None);
    assert_eq!(world.writes(), []);

    tokio::time::advance(minutes(1)).await;
    let report = open(&world, &roles).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::TurnedOn; 2]);
    assert!(report.is_complete(), "{report:?}");
    let flag = world.flag("worker");
    assert_eq!(flag.window, Some(window()));
    assert_eq!(flag.owner, Some(Owner::manual("ana@laptop")));
    assert_eq!((flag.since, flag.until), (Some(at(10)), Some(at(60))));
    assert!(flag.drained_at.is_some());
    assert_eq!(at_zero(&world), 8);
    let saved = world.parameters(&format!("capacity/worker/{}", window()));
    assert!(!saved.is_empty(), "saved capacity belongs to the window");

    // The same once more, and an end that has not come, change nothing.
    let report = open(&world, &roles).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::AlreadyOn; 2]);
    let report = close(&world, &roles).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::LeftOn; 2]);
    assert_eq!(at_zero(&world), 8);

    tokio::time::advance(minutes(50)).await;
    let report = close(&world, &roles).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::TurnedOff; 2]);
    assert_eq!(world.sandbox.fleet(), before);
    assert!(!world.flag("worker").mode.is_on());
    let report = close(&world, &roles).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::AlreadyOff; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_ended_or_extended_meanwhile_is_theirs() {
    let world = World::of(2);
    let before = world.sandbox.fleet();
    schedule(&world, &worker());
    tokio::time::advance(minutes(10)).await;
    open(&world, &[worker()]).await.unwrap();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
    let report = open(&world, &[worker()]).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::AlreadyOff]);
    assert_eq!(world.sandbox.fleet(), before);

    // One that a person opened by hand has no end that the clock knows.
    world.on(&worker()).await.unwrap();
    tokio::time::advance(minutes(100)).await;
    let report = close(&world, &[worker()]).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::LeftOn]);
    assert_eq!(at_zero(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn functions_that_would_lose_events_go_on_and_are_named() {
    let world = World::of(3);
    let before = world.sandbox.fleet();
    world.sandbox.allow("demo-dev-001", None, S3).unwrap();
    schedule(&world, &worker());
    tokio::time::advance(minutes(10)).await;
    let report = open(&world, &[worker()]).await.unwrap();
    let RoleReport {
        outcome, workers, ..
    } = only(&report);
    assert_eq!(*outcome, RoleOutcome::TurnedOn);
    let workers = workers.as_ref().unwrap();
    assert_eq!(workers.changed, ["demo-dev-000", "demo-dev-002"]);
    let failed: Vec<_> = workers.failed.iter().map(|it| &it.function).collect();
    assert_eq!(failed, ["demo-dev-001"]);
    assert!(
        workers.failed[0].is_lasting,
        "the same again finds the same"
    );
    assert_eq!(
        workers.failed[0].error,
        "pausing demo-dev-001 would lose events, so it is not paused"
    );
    assert!(!report.is_complete());
    assert_eq!(world.flag("worker").drained_at, None, "one still runs");
    assert_eq!(
        world.sandbox.fleet()["demo-dev-001"],
        before["demo-dev-001"]
    );

    // A person may accept it; then the clock leaves it to them, and ends it.
    let accepting = OnRequest {
        accept_event_loss: true,
        reason: None,
        ..on_wish()
    };
    let report = on(&world, &[worker()], accepting).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(at_zero(&world), 3);
    tokio::time::advance(minutes(50)).await;
    assert!(close(&world, &[worker()]).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_window_says_whether_losing_events_is_accepted() {
    let world = World::of(2);
    world.sandbox.allow("demo-dev-001", None, S3).unwrap();
    schedule(&world, &worker());
    tokio::time::advance(minutes(10)).await;
    let request = OnRequest {
        accept_event_loss: true,
        ..OnRequest::by(Actor::Clock)
    };
    let report = on(&world, &[worker()], request).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(at_zero(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn one_window_after_the_other_keeps_its_functions_paused() {
    let world = World::of(2);
    let before = world.sandbox.fleet();
    schedule(&world, &worker());
    let mut flag = world.flag("worker");
    let mut next = flag.schedule.windows[0].clone();
    next.window = WindowId::new(at(60), 2);
    (next.starts_at, next.until) = (at(60), at(90));
    flag.schedule.windows.push(next);
    let name = "/maintenance/demo-dev/flags/worker";
    world.sandbox.set_parameter(name, &flag.encode().unwrap());
    tokio::time::advance(minutes(10)).await;
    open(&world, &[worker()]).await.unwrap();
    tokio::time::advance(minutes(50)).await;
    world.sandbox.reset_calls();
    assert_eq!(
        outcomes(&close(&world, &[worker()]).await.unwrap()),
        [RoleOutcome::LeftOn]
    );
    let report = open(&world, &[worker()]).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::TurnedOn]);
    assert_eq!(only(&report).workers.as_ref().unwrap().unchanged.len(), 2);
    let is_lambda = |name: &str| name.ends_with("FunctionConcurrency");
    let mut writes = world.writes().into_iter();
    assert!(
        writes.all(|it| !is_lambda(&it.call.operation)),
        "nothing ran in between"
    );
    tokio::time::advance(minutes(30)).await;
    assert!(close(&world, &[worker()]).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_is_no_flag_is_left_as_it_is() {
    let world = World::of(1);
    let name = "/maintenance/demo-dev/flags/worker";
    world.sandbox.set_parameter(name, "onn");
    for report in [
        open(&world, &[worker()]).await.unwrap(),
        close(&world, &[worker()]).await.unwrap(),
    ] {
        let outcome = only(&report).outcome;
        assert!(matches!(
            outcome,
            RoleOutcome::AlreadyOff | RoleOutcome::LeftOn
        ));
    }
    assert_eq!(world.sandbox.parameters()[name].value, "onn");
    assert_eq!(at_zero(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_cannot_be_restored_keeps_the_window_and_the_next_end_finishes_it() {
    let world = World::of(2);
    let before = world.sandbox.fleet();
    schedule(&world, &worker());
    tokio::time::advance(minutes(10)).await;
    open(&world, &[worker()]).await.unwrap();
    tokio::time::advance(minutes(50)).await;
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .target("demo-dev-001")
            .always()
            .fail(500, "ServiceException", "internal"),
    );
    let report = close(&world, &[worker()]).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::StillOn]);
    assert!(world.flag("worker").mode.is_on());
    world.sandbox.clear_faults();
    assert!(close(&world, &[worker()]).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
    // What a person asks for afterwards finds nothing left.
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(outcomes(&report), [RoleOutcome::AlreadyOff]);
}

#[tokio::test(start_paused = true)]
async fn a_person_may_go_on_with_the_functions_of_a_window_that_has_begun() {
    let world = World::new([FunctionSpec::new("demo-dev-a")]);
    schedule(&world, &worker());
    tokio::time::advance(minutes(10)).await;
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let flag = world.flag("worker");
    assert_eq!((flag.window, flag.until), (Some(window()), Some(at(60))));
    assert_eq!(at_zero(&world), 1);
}
