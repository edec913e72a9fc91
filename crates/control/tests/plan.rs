//! The plan: what is read for it, what it shows, and what a yes to it means.

#[expect(dead_code, reason = "support that other tests use")]
mod support;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use maintenance_control::{
    Action, Context, Error, OnRequest, RoleOutcome, RoleSpec, Selection, Step,
};
use maintenance_flag::Reserved;
use maintenance_sandbox::{CallRecord, FunctionSpec, MappingSpec};

use support::OneApp as _;
use support::{World, off_wish, on_wish, web, worker};

/// A role of this name that selects these functions.
fn role(name: &str, glob: &str) -> RoleSpec {
    let functions = Selection::new(&[glob.to_owned()], &[], Default::default());
    RoleSpec {
        role: name.parse().unwrap(),
        functions: Some(functions.unwrap()),
        ..worker()
    }
}

/// Calls of these operations.
fn calls(world: &World, operation: &str) -> usize {
    let calls = world.sandbox.calls();
    let of = |call: &&CallRecord| call.call.operation == operation;
    calls.iter().filter(of).count()
}

#[tokio::test(start_paused = true)]
async fn the_account_is_listed_once_for_all_roles() {
    let world = World::new([]);
    for name in ["demo-dev-mail", "demo-dev-search", "demo-dev-image"] {
        let queue = MappingSpec::sqs(name);
        world.sandbox.seed(FunctionSpec::new(name).mapping(queue));
    }
    let roles = [
        web(),
        role("mail", "demo-dev-mail"),
        role("search", "demo-dev-search"),
        role("image", "demo-dev-image"),
    ];
    let quiet = Context::quiet();
    let plan = world.control.plan_on(&roles, &on_wish(), &quiet).await;
    assert_eq!(plan.unwrap().roles.len(), 4);
    assert_eq!(calls(&world, "ListFunctions"), 1);
    assert_eq!(calls(&world, "ListEventSourceMappings"), 1);

    world.control.on(&roles, &on_wish(), &quiet).await.unwrap();
    world.sandbox.reset_calls();
    world
        .control
        .off(&roles, &off_wish(), &quiet)
        .await
        .unwrap();
    assert_eq!(calls(&world, "ListFunctions"), 1);
    assert_eq!(calls(&world, "ListEventSourceMappings"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_with_many_versions_is_not_listed_version_by_version() {
    let world = World::new([]);
    for n in 0..200 {
        let function = FunctionSpec::new(&format!("other-{n:03}")).versions(100);
        world.sandbox.seed(function);
    }
    for n in 0..3 {
        let name = format!("demo-dev-{n}");
        let function = FunctionSpec::new(&name).versions(60).alias("live", 60);
        let live = function.provisioned("live", 2).reserved(10);
        world.sandbox.seed(live);
    }
    let before = world.sandbox.fleet();
    let report = world.on(&worker()).await.unwrap();
    let workers = report.roles[0].workers.as_ref().unwrap();
    assert_eq!(workers.changed.len(), 3, "{workers:?}");
    // 20,383 versions are 408 pages.
    let listed = calls(&world, "ListFunctions") + calls(&world, "ListVersionsByFunction");
    assert!((105..=120).contains(&listed), "{listed} calls");
    let paused = world.sandbox.fleet();
    assert!(paused["demo-dev-1"].provisioned.is_empty());
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_lists_the_steps_of_each_function_in_order() {
    let world = World::new([]);
    let name = "demo-dev-mail";
    let function = FunctionSpec::new(name).reserved(7).versions(1);
    let function = function.alias("live", 1).provisioned("live", 2);
    let uuid = world
        .sandbox
        .seed(function.mapping(MappingSpec::sqs(name)))
        .remove(0);
    let quiet = Context::quiet();
    let roles = [worker()];
    let plan = world.control.plan_on(&roles, &on_wish(), &quiet).await;
    let plan = plan.unwrap();
    let steps = &plan.roles[0].workers.as_ref().unwrap().steps;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].function, name);
    let pausing = [
        Step::DisableMapping { uuid: uuid.clone() },
        Step::DeleteProvisioned {
            qualifier: "live".to_owned(),
            was: 2,
            overwrite: false,
        },
        Step::ReserveZero {
            was: Reserved::Limit(7),
        },
    ];
    assert_eq!(steps[0].steps, pausing);
    let json = serde_json::to_value(&steps[0]).unwrap();
    assert_eq!(json["steps"][0]["step"], "disable_mapping");
    assert_eq!(json["steps"][1]["was"], 2);
    assert_eq!(json["steps"][2]["was"], 7);

    let report = world.control.on(&roles, &on_wish(), &quiet).await.unwrap();
    let done = report.roles[0].workers.as_ref().unwrap();
    assert!(done.steps.is_empty(), "what was done is not a plan");
    let plan = world.control.plan_off(&roles, &off_wish(), &quiet).await;
    let plan = plan.unwrap();
    let restoring = [
        Step::RestoreReserved {
            saved: Reserved::Limit(7),
            overwrite: false,
            invoking: false,
        },
        Step::PutProvisioned {
            qualifier: "live".to_owned(),
            concurrency: 2,
            overwrite: false,
        },
        Step::EnableMapping { uuid },
    ];
    let steps = &plan.roles[0].workers.as_ref().unwrap().steps;
    assert_eq!(steps[0].steps, restoring);
}

/// A yes to what a plan shows.
async fn yes(world: &World, roles: &[RoleSpec]) -> OnRequest {
    let plan = world
        .control
        .plan_on(roles, &on_wish(), &Context::quiet())
        .await;
    let plan = plan.unwrap();
    let workers = plan.roles.iter().filter_map(|role| role.workers.as_ref());
    let shown = workers.flat_map(|workers| workers.events.clone()).collect();
    OnRequest {
        shown: Some(shown),
        ..on_wish()
    }
}

/// What was called, in order: the operation, and what it was about.
fn order(world: &World) -> Vec<(String, String)> {
    let calls = world.sandbox.calls().into_iter();
    calls
        .map(|it| {
            (
                it.call.operation.to_string(),
                it.call.target.unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn after_a_yes_the_flag_of_web_turns_on_before_functions_are_read_again() {
    let world = World::new([]);
    for n in 0..100 {
        world
            .sandbox
            .seed(FunctionSpec::new(&format!("demo-dev-{n:02}")).reserved(1));
    }
    let roles = [web(), worker()];
    for asked in [true, false] {
        let wish = match asked {
            true => yes(&world, &roles).await,
            false => on_wish(),
        };
        world.sandbox.reset_calls();
        let quiet = Context::quiet();
        let began = world.sandbox.settings().clock.now();
        world.control.on(&roles, &wish, &quiet).await.unwrap();
        let order = order(&world);
        let is_web = |(operation, target): &(String, String)| {
            operation == "PutParameter" && target.ends_with("flags/web")
        };
        let web_is_on = order.iter().position(is_web).unwrap();
        let read = order.iter().position(|(it, _)| it == "ListFunctions");
        assert_eq!(web_is_on < read.unwrap(), asked);
        // Visitors wait for two seconds at most, however many functions there are.
        let took = world.sandbox.calls()[web_is_on]
            .call
            .at
            .duration_since(began);
        assert!(!asked || took <= SignedDuration::from_secs(2), "{took:?}");
        world
            .control
            .off(&roles, &off_wish(), &quiet)
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_yes_did_not_show_refuses_the_workers_and_says_that_web_is_on() {
    let world = World::new([]);
    let name = "demo-dev-mail";
    world.sandbox.seed(FunctionSpec::new(name).reserved(5));
    let roles = [web(), worker()];
    let wish = yes(&world, &roles).await;
    let before = world.sandbox.fleet();
    let allowed = world.sandbox.allow(name, None, "s3.amazonaws.com");
    allowed.unwrap();
    let refused = world.control.on(&roles, &wish, &Context::quiet()).await;
    let Err(Error::Unfinished { report, source }) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(*source, Error::EventsLost { .. }), "{source}");
    assert_eq!(report.action, Action::On);
    let outcomes = report.roles.iter().map(|role| role.outcome);
    let expected = [RoleOutcome::TurnedOn, RoleOutcome::Unfinished];
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
    assert!(world.flag("web").mode.is_on());
    assert!(!world.flag("worker").mode.is_on());
    assert_eq!(world.sandbox.fleet()[name].reserved, before[name].reserved);
    assert!(world.parameters("capacity").is_empty());
    let roles: BTreeSet<_> = report.roles.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(roles, BTreeSet::from(["web", "worker"]));
}
