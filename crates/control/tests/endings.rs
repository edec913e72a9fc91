//! However an operation ends, what it did until then is in its result.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use maintenance_control::{Context, Error, Report, RoleOutcome};
use maintenance_sandbox::{Fault, FunctionSpec};

use support::OneApp as _;
use support::{World, off_wish, on_wish, only, web, worker};

#[tokio::test(start_paused = true)]
async fn a_stop_after_the_last_function_reports_what_was_done() {
    for last in ["PutFunctionConcurrency", "DeleteParameters"] {
        let world = World::new([FunctionSpec::new("demo-dev-a").reserved(3)]);
        if last == "DeleteParameters" {
            world.on(&worker()).await.unwrap();
        }
        let run = Context::quiet();
        let stop = run.stop.clone();
        world.inject(Fault::on(last).nth(1).after().hook(move |_| stop.cancel()));
        let roles = [worker()];
        let report = if last == "DeleteParameters" {
            world.control.off(&roles, &off_wish(), &run).await
        } else {
            world.control.on(&roles, &on_wish(), &run).await
        }
        .unwrap();
        let role = only(&report);
        assert_eq!(
            role.workers.as_ref().unwrap().changed,
            ["demo-dev-a"],
            "{report:?}"
        );
        if last == "DeleteParameters" {
            assert_eq!(role.outcome, RoleOutcome::StillOn);
            assert!(report.interrupted);
        } else {
            assert_eq!(role.outcome, RoleOutcome::TurnedOn);
            assert!(!report.interrupted, "there was nothing left to do");
        }
        assert!(world.off(&worker()).await.unwrap().is_complete());
        assert_eq!(world.sandbox.fleet()["demo-dev-a"].reserved, Some(3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_after_the_step_in_hand_and_the_same_command_goes_on() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let run = Context::quiet();
    let stop = run.stop.clone();
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .nth(2)
            .after()
            .hook(move |_| stop.cancel()),
    );
    let report = world
        .control
        .on(&[web(), worker()], &on_wish(), &run)
        .await
        .unwrap();
    assert!(report.interrupted && !report.is_complete());
    let workers = report.roles[1].workers.as_ref().unwrap();
    assert!(!workers.unfinished.is_empty(), "{workers:?}");
    assert!(workers.failed.is_empty(), "{workers:?}");
    assert!(
        world.lease_is_free(),
        "given back, so that whoever goes on need not wait"
    );
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_first_change_changes_nothing() {
    let world = World::mixed();
    let run = Context::quiet();
    run.stop.cancel();
    let report = world
        .control
        .on(&[worker()], &on_wish(), &run)
        .await
        .unwrap();
    assert!(report.interrupted);
    assert_eq!(only(&report).outcome, RoleOutcome::NotBegun);
    assert!(world.parameters("flags").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_functions_are_read_for_off_changes_nothing() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let paused = world.sandbox.fleet();
    let run = Context::quiet();
    let stop = run.stop.clone();
    world.inject(Fault::on("GetFunction").nth(2).hook(move |_| stop.cancel()));
    world.sandbox.reset_calls();
    let report = world.control.off(&[worker()], &off_wish(), &run).await;
    let report = report.unwrap();
    assert!(report.interrupted);
    assert_eq!(only(&report).outcome, RoleOutcome::NotBegun);
    assert_eq!(world.writes(), []);
    assert_eq!(world.sandbox.fleet(), paused);
    assert!(world.lease_is_free());
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

/// Lets nobody write the parameters whose names have this in them.
fn forbid_writing(world: &World, target: &str) {
    let writes = Fault::on("PutParameter").target(target).always();
    world.inject(writes.access_denied());
}

/// The roles of a report, and what became of each.
fn outcomes(report: &Report) -> Vec<(&str, RoleOutcome)> {
    let roles = report.roles.iter();
    roles
        .map(|role| (role.role.as_str(), role.outcome))
        .collect()
}

/// What an operation on several roles did before an error ended it, and the error.
fn unfinished(result: Result<Report, Error>) -> (Report, Error) {
    match result {
        Err(Error::Unfinished { report, source }) => (*report, *source),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_later_role_of_on_keeps_what_was_done_before_it() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let third = maintenance_control::RoleSpec {
        role: "zebra".parse().expect("a role"),
        ..worker()
    };
    let roles = [web(), worker(), third];
    // The flag of the worker role is on; what its functions have cannot be saved.
    forbid_writing(&world, "/capacity/worker/");
    let result = world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await;
    let (report, error) = unfinished(result);
    assert!(matches!(error, Error::Store(_)), "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("ssm:PutParameter"))
    );
    assert_eq!(
        outcomes(&report),
        [
            ("web", RoleOutcome::TurnedOn),
            ("worker", RoleOutcome::Unfinished),
            ("zebra", RoleOutcome::NotBegun),
        ]
    );
    assert!(
        report.roles[0].drained_at.is_some(),
        "all that was known of it"
    );
    assert!(!report.is_complete() && !report.interrupted);
    assert_eq!(world.sandbox.fleet(), before, "saved before touched");
    assert!(world.lease_is_free());

    world.sandbox.clear_faults();
    let report = world
        .control
        .on(&roles[..2], &on_wish(), &Context::quiet())
        .await;
    assert!(report.unwrap().is_complete(), "the same again goes on");
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_later_role_of_off_keeps_what_was_done_before_it() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let roles = [web(), worker()];
    let on = world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await;
    assert!(on.unwrap().is_complete());
    forbid_writing(&world, "flags/web");

    let result = world
        .control
        .off(&roles, &off_wish(), &Context::quiet())
        .await;
    let (report, error) = unfinished(result);
    assert!(matches!(error, Error::Store(_)), "{error}");
    assert_eq!(
        outcomes(&report),
        [
            ("worker", RoleOutcome::TurnedOff),
            ("web", RoleOutcome::Unfinished),
        ]
    );
    let workers = report.roles[0].workers.as_ref().expect("its functions");
    assert_eq!(workers.changed.len(), 7, "{workers:?}");
    assert_eq!(world.sandbox.fleet(), before);
    assert!(!world.flag("worker").mode.is_on() && world.flag("web").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_in_a_later_role_keeps_what_was_done_before_it() {
    let world = World::mixed();
    // A call hangs for longer than the lease lasts.
    world.let_no_lease_be_renewed();
    let hangs = Fault::on("PutFunctionConcurrency").always();
    world.inject(hangs.delay(std::time::Duration::from_secs(60)));
    let roles = [web(), worker()];
    let result = world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await;
    let (report, error) = unfinished(result);
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    assert_eq!(report.roles[0].outcome, RoleOutcome::TurnedOn);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_only_role_is_that_error() {
    let world = World::mixed();
    forbid_writing(&world, "/capacity/");
    let error = world.on(&worker()).await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error:?}");
}
