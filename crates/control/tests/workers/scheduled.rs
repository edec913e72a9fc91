//! Windows that open by their time: scheduled under the lease, promoted by `on`, ended by `off`; and on several apps
//! as one.

use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::{
    AddWindow, AppRoles, Context, Error, RoleOutcome, RoleSpec, ScheduleReport, ScheduleRequest,
    State, Warning, plan_reschedule_together, reschedule_together,
};
use maintenance_flag::{App, Change, Mode, Options, Refusal, ScheduleOutcome, WindowId};
use maintenance_sandbox::{Fault, FunctionSpec};
use serde_json::json;

use crate::support::{
    World, app, control_of, on_wish, one_app, only, start, the_only, web, worker,
};

fn minutes(minutes: u64) -> Timestamp {
    start() + Duration::from_secs(60 * minutes)
}

async fn pass(minutes: u64) {
    tokio::time::advance(Duration::from_secs(60 * minutes)).await;
}

/// From 10 to 30 minutes after the start.
fn tonight() -> ScheduleRequest {
    between(10, 30)
}

fn between(from: u64, to: u64) -> ScheduleRequest {
    let options = Options {
        message: Change::Set("Back soon.".to_owned()),
        ..Options::default()
    };
    ScheduleRequest::Add(Box::new(AddWindow {
        on: maintenance_control::OnRequest {
            options,
            ..on_wish()
        },
        starts_at: minutes(from),
        until: minutes(to),
        recurring: None,
    }))
}

fn moved(window: &WindowId, from: u64, to: u64) -> ScheduleRequest {
    ScheduleRequest::Move {
        window: window.clone(),
        product: None,
        starts_at: minutes(from),
        until: minutes(to),
    }
}

fn cancelled(window: &WindowId) -> ScheduleRequest {
    ScheduleRequest::Cancel {
        window: window.clone(),
        product: None,
        withdraw: false,
    }
}

impl World {
    async fn reschedule(&self, request: &ScheduleRequest) -> Result<ScheduleReport, Error> {
        self.reschedule_of(&[web(), worker()], request).await
    }

    async fn reschedule_of(
        &self,
        roles: &[RoleSpec],
        request: &ScheduleRequest,
    ) -> Result<ScheduleReport, Error> {
        let quiet = Context::quiet();
        let app = one_app(&self.control, roles, &quiet);
        the_only(reschedule_together(&[app], request).await)
    }
}

fn outcomes(report: &ScheduleReport) -> Vec<ScheduleOutcome> {
    report.roles.iter().map(|role| role.outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn a_window_is_scheduled_moved_and_cancelled_and_no_function_is_touched() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let roles = [web(), worker()];
    let quiet = Context::quiet();
    let app = one_app(&world.control, &roles, &quiet);
    let plan = the_only(plan_reschedule_together(&[app], &tonight()).await).unwrap();
    assert!(plan.dry_run);
    assert_eq!(outcomes(&plan), [ScheduleOutcome::Scheduled; 2]);
    assert!(world.writes().is_empty() && world.parameters("").is_empty());

    let report = world.reschedule(&tonight()).await.unwrap();
    assert_eq!(outcomes(&report), [ScheduleOutcome::Scheduled; 2]);
    assert_eq!(world.writes().len(), 2, "one write a role");
    let window = report.roles[0].window.window.clone();
    assert_eq!(report.roles[1].window.window, window, "one for both roles");
    assert!(!report.roles[0].has_functions && report.roles[1].has_functions);
    assert_eq!(world.flag("web").mode, Mode::Off);
    assert!(world.lease_is_free());

    let status = world.status(&worker()).await;
    let role = &status.roles[0];
    assert_eq!((role.state, role.is_open_by_time), (State::Off, false));
    assert_eq!(role.scheduled[0].starts_at, minutes(10));
    let document = serde_json::to_value(&status).unwrap();
    let shown = &document["roles"][0]["scheduled"][0];
    assert_eq!(shown["window"], window.as_str());
    assert_eq!(shown["starts_at"], minutes(10).to_string());
    assert_eq!(
        shown["owner"],
        json!({"kind": "manual", "name": "ana@laptop"})
    );

    let report = world.reschedule(&moved(&window, 20, 40)).await.unwrap();
    assert_eq!(outcomes(&report), [ScheduleOutcome::Moved; 2]);
    let was = report.roles[0].before.as_ref().unwrap();
    assert_eq!(was.starts_at, minutes(10));
    assert_eq!(report.roles[0].window.starts_at, minutes(20));
    // The same once more: nothing to write.
    let writes = world.writes().len();
    let report = world.reschedule(&moved(&window, 20, 40)).await.unwrap();
    assert_eq!(outcomes(&report), [ScheduleOutcome::AlreadyScheduled; 2]);
    assert_eq!(world.writes().len(), writes);

    let report = world.reschedule(&cancelled(&window)).await.unwrap();
    assert_eq!(outcomes(&report), [ScheduleOutcome::Cancelled; 2]);
    assert!(world.flag("web").schedule.windows.is_empty());
    let gone = world.reschedule(&cancelled(&window)).await.unwrap_err();
    let refused = |error: &Error| match error {
        Error::Refused { source, .. } => source.clone(),
        other => panic!("{other}"),
    };
    assert!(matches!(refused(&gone), Refusal::NotScheduled { .. }));
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn on_in_the_time_of_a_window_pauses_under_its_identity_and_off_gives_all_back() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let report = world.reschedule(&tonight()).await.unwrap();
    let window = report.roles[0].window.window.clone();
    pass(11).await;
    // The gate is closed, and the functions run: status says both.
    let status = world.status(&worker()).await;
    let role = &status.roles[0];
    assert_eq!((role.state, role.is_open_by_time), (State::On, true));
    let flag = role.flag.as_ref().unwrap();
    assert_eq!(
        (&flag.window, flag.since),
        (&Some(window.clone()), Some(minutes(10)))
    );
    assert!(role.scheduled.is_empty());
    let not_paused = Warning::NotPausedYet(worker().role);
    assert_eq!(role.warnings, [not_paused]);
    assert_eq!(world.flag("worker").mode, Mode::Off);

    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOn);
    let flag = world.flag("worker");
    assert_eq!((flag.mode, &flag.window), (Mode::On, &Some(window.clone())));
    assert_eq!((flag.until, flag.auto_off), (Some(minutes(30)), true));
    assert_eq!(flag.since, Some(minutes(10)));
    assert_eq!(flag.message.as_deref(), Some("Back soon."));
    let saved = world.parameters("capacity");
    assert!(
        saved.iter().all(|name| name.contains(window.as_str())),
        "{saved:?}"
    );
    let status = world.status(&worker()).await;
    let role = &status.roles[0];
    assert!(
        !role.is_open_by_time && role.warnings.is_empty(),
        "{role:?}"
    );
    assert_eq!(role.workers.as_ref().unwrap().paused, 8);

    // Its end opens the gate; only `off` gives the functions back.
    pass(20).await;
    assert_eq!(world.status(&worker()).await.roles[0].state, State::Off);
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn off_in_the_time_of_a_window_that_nobody_wrote_ends_it() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.reschedule(&tonight()).await.unwrap();
    pass(11).await;
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.status(&worker()).await.roles[0].state, State::Off);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn what_overlaps_in_one_role_changes_none() {
    let world = World::mixed();
    let scheduled = world.reschedule_of(&[worker()], &tonight()).await;
    scheduled.unwrap();
    let writes = world.writes().len();
    let error = world.reschedule(&between(20, 50)).await.unwrap_err();
    let Error::Refused { role, source } = &error else {
        panic!("{error}")
    };
    assert_eq!(*role, worker().role);
    assert!(matches!(source, Refusal::Overlaps(_)), "{source}");
    assert_eq!(world.writes().len(), writes);
    assert!(world.lease_is_free());
    // A malformed flag is left to people.
    let name = "/maintenance/demo-dev/flags/web";
    world.sandbox.set_parameter(name, "onn");
    let error = world.reschedule(&between(60, 70)).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_died_half_way_is_finished_by_the_same_one_with_the_same_window() {
    let world = World::mixed();
    let worker_flag = Fault::on("PutParameter")
        .target("flags/worker")
        .nth(1)
        .always();
    world.inject(worker_flag.fail(400, "ParameterPatternMismatchException", "no"));
    world.reschedule(&tonight()).await.unwrap_err();
    let window = world.flag("web").schedule.windows[0].window.clone();
    world.sandbox.clear_faults();
    let report = world.reschedule(&tonight()).await.unwrap();
    assert_eq!(
        outcomes(&report),
        [
            ScheduleOutcome::AlreadyScheduled,
            ScheduleOutcome::Scheduled
        ]
    );
    for role in ["web", "worker"] {
        assert_eq!(world.flag(role).schedule.windows[0].window, window);
    }
}

#[tokio::test(start_paused = true)]
async fn a_product_has_one_window_in_all_its_apps_or_none() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(1)]);
    let demo = control_of(app(), &world.sandbox, "ana@laptop");
    let other = App::new("billing", "dev").unwrap();
    let billing = control_of(other, &world.sandbox, "ana@laptop");
    let (roles, quiet) = ([web()], Context::quiet());
    let part = |control| AppRoles {
        control,
        roles: &roles,
        context: &quiet,
    };
    let apps = [part(&demo), part(&billing)];
    let plans = plan_reschedule_together(&apps, &tonight()).await;
    assert!(plans.iter().all(|plan| plan.as_ref().unwrap().dry_run));
    let done = reschedule_together(&apps, &tonight()).await;
    let windows: Vec<_> = done
        .iter()
        .map(|report| report.as_ref().unwrap().roles[0].window.window.clone())
        .collect();
    assert_eq!(windows[0], windows[1]);

    // One of them cannot move: none does.
    let step = between(60, 80);
    reschedule_together(&apps[1..], &step)
        .await
        .remove(0)
        .unwrap();
    let results = reschedule_together(&apps, &moved(&windows[0], 70, 90)).await;
    assert!(
        matches!(results[1], Err(Error::Refused { .. })),
        "{results:?}"
    );
    assert_eq!(results[0].as_ref().unwrap().roles, []);
    assert_eq!(world.flag("web").schedule.windows[0].starts_at, minutes(10));
    // What only one has is cancelled there.
    let only_billing = billing
        .status(&roles, &Context::quiet())
        .await
        .unwrap()
        .roles[0]
        .scheduled[1]
        .window
        .clone();
    let results = reschedule_together(&apps, &cancelled(&only_billing)).await;
    assert_eq!(results[0].as_ref().unwrap().roles, []);
    assert_eq!(
        outcomes(results[1].as_ref().unwrap()),
        [ScheduleOutcome::Cancelled]
    );
}
