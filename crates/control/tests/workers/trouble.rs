//! A function that fails stops no other, and the same command goes on with what is left.

use maintenance_control::{Context, RoleOutcome, RoleSpec};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};

use crate::support::OneApp as _;
use crate::support::{World, off_wish, on_wish, only, web, worker};

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
async fn an_alias_that_shifts_traffic_meanwhile_gets_its_provisioned_concurrency_when_that_is_over()
{
    let world = World::mixed();
    let before = world.sandbox.fleet();
    assert!(world.on(&worker()).await.unwrap().is_complete());
    let shift = |to| {
        let name = "demo-dev-provisioned";
        world.sandbox.shift_traffic(name, "live", to).unwrap();
    };
    shift(Some((2, 0.1)));

    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    assert_eq!(failed[0].function, "demo-dev-provisioned");
    assert!(failed[0].error.contains("Alias with weights"), "{failed:?}");
    let hint = failed[0].hint.as_deref().unwrap_or_default();
    assert!(hint.contains("shifts its traffic"), "{failed:?}");

    shift(None);
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
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

#[tokio::test(start_paused = true)]
async fn what_aws_fails_to_provide_holds_up_nothing_else_of_its_function() {
    let function = FunctionSpec::new("demo-dev-a")
        .reserved(30)
        .versions(2)
        .alias("live", 1)
        .alias("next", 2)
        .provisioned("live", 3)
        .provisioned("next", 5)
        .mapping(MappingSpec::sqs("orders"));
    let world = World::new([function]);
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    // The one on `live`, which comes first.
    let provision = Fault::on("PutProvisionedConcurrencyConfig").nth(1);
    world.inject(provision.fail(400, "InvalidParameterValueException", "not this one"));
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    assert!(failed[0].error.contains("not this one"), "{failed:?}");
    let now = &world.sandbox.fleet()["demo-dev-a"];
    assert_eq!(now.reserved, Some(30));
    assert_eq!(now.provisioned, [("next".to_owned(), 5)].into());
    assert!(now.mappings.values().all(|mapping| mapping.enabled));

    world.sandbox.clear_faults();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_being_disabled_is_waited_for_by_whoever_goes_on() {
    let function = FunctionSpec::new("demo-dev-a").reserved(3);
    let world = World::new([function.mapping(MappingSpec::sqs("orders"))]);
    let before = world.sandbox.fleet();
    let run = Context::quiet();
    let stop = run.stop.clone();
    let disabled = Fault::on("UpdateEventSourceMapping").nth(1).after();
    world.inject(disabled.hook(move |_| stop.cancel()));
    let report = world.control.on(&[worker()], &on_wish(), &run).await;
    assert!(report.unwrap().interrupted);
    assert_eq!(world.sandbox.fleet()["demo-dev-a"].reserved, Some(3));

    world.sandbox.reset_calls();
    assert!(world.on(&worker()).await.unwrap().is_complete());
    let calls = world.sandbox.calls();
    let calls: Vec<_> = calls.iter().map(|it| it.call.operation.as_str()).collect();
    let reserved = calls.iter().position(|it| *it == "PutFunctionConcurrency");
    let seen = calls.iter().rposition(|it| *it == "GetEventSourceMapping");
    assert!(seen.is_some() && seen < reserved, "{calls:?}");
    assert!(!calls.contains(&"UpdateEventSourceMapping"), "{calls:?}");
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

/// A role with one function, `demo-dev-` and its own name.
pub(crate) fn role(name: &str) -> RoleSpec {
    let globs = [format!("demo-dev-{name}")];
    let functions = maintenance_control::Selection::new(&globs, &[], Default::default());
    RoleSpec {
        role: name.parse().expect("a role"),
        functions: Some(functions.expect("a good glob")),
        ..worker()
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_back_holds_up_no_other_roles_functions() {
    let world = World::new(
        ["mail", "search"].map(|name| FunctionSpec::new(&format!("demo-dev-{name}")).reserved(7)),
    );
    let roles = [web(), role("mail"), role("search")];
    let quiet = Context::quiet();
    let on = world.control.on(&roles, &on_wish(), &quiet).await;
    assert!(on.unwrap().is_complete());
    let denied = Fault::on("PutFunctionConcurrency").target("demo-dev-search");
    world.inject(denied.always().access_denied());
    let report = world
        .control
        .off(&roles, &off_wish(), &quiet)
        .await
        .unwrap();
    let outcomes: Vec<_> = report
        .roles
        .iter()
        .map(|it| (it.role.as_str(), it.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("search", RoleOutcome::StillOn),
            ("mail", RoleOutcome::TurnedOff),
            ("web", RoleOutcome::StillOn),
        ]
    );
    let fleet = world.sandbox.fleet();
    assert_eq!(fleet["demo-dev-mail"].reserved, Some(7));
    world.sandbox.clear_faults();
    let report = world.control.off(&roles, &off_wish(), &quiet).await;
    assert!(report.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn visitors_wait_for_the_other_roles_though_theirs_has_functions_too() {
    let world = World::new(
        ["web", "search"].map(|name| FunctionSpec::new(&format!("demo-dev-{name}")).reserved(7)),
    );
    let roles = [role("web"), role("search")];
    let quiet = Context::quiet();
    let on = world.control.on(&roles, &on_wish(), &quiet).await;
    assert!(on.unwrap().is_complete());
    let denied = Fault::on("PutFunctionConcurrency").target("demo-dev-search");
    world.inject(denied.always().access_denied());
    let report = world.control.off(&roles, &off_wish(), &quiet).await;
    assert_eq!(report.unwrap().roles[1].outcome, RoleOutcome::StillOn);
    assert!(world.flag("web").mode.is_on());
    assert_eq!(world.sandbox.fleet()["demo-dev-web"].reserved, Some(0));
    world.sandbox.clear_faults();
    let report = world.control.off(&roles, &off_wish(), &quiet).await;
    assert!(report.unwrap().is_complete());
}
