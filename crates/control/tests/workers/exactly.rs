//! What was paused comes back as it was, whoever runs `on` and `off` how often.

use maintenance_control::{Context, Error, RoleOutcome, State};
use maintenance_sandbox::{FunctionSpec, MappingSpec};

use crate::support::OneApp as _;
use crate::support::{World, control_by, on_wish, only, worker};

#[tokio::test(start_paused = true)]
async fn every_kind_of_function_is_paused_and_comes_back_exactly() {
    let world = World::mixed();
    let before = world.sandbox.fleet();

    let report = world.on(&worker()).await.unwrap();
    let role = only(&report);
    assert_eq!(role.outcome, RoleOutcome::TurnedOn);
    let workers = role.workers.as_ref().unwrap();
    assert_eq!(workers.selected, 8);
    assert!(workers.failed.is_empty(), "{workers:?}");
    assert_eq!(
        workers.unchanged,
        ["demo-dev-zero"],
        "nothing of it can run"
    );
    for (name, function) in world.sandbox.fleet() {
        if name.starts_with("other") {
            assert_eq!(function, before[&name], "not ours");
            continue;
        }
        assert_eq!(function.reserved, Some(0), "{name}");
        assert!(function.provisioned.is_empty(), "{name}");
        for mapping in function.mappings.values() {
            assert_eq!(mapping.state, "Disabled", "{name}");
        }
    }
    let status = world.status(&worker()).await;
    let workers = status.roles[0].workers.as_ref().unwrap();
    assert_eq!((workers.selected, workers.paused), (8, 8), "{workers:?}");
    assert!(workers.pending.is_empty() && workers.drifted.is_empty() && workers.gone.is_empty());
    assert!(world.lease_is_free());

    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
    assert_eq!(world.status(&worker()).await.roles[0].state, State::Off);
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn on_twice_keeps_what_was_saved_and_pauses_what_is_new() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let flag = world.flag("worker");
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-new").reserved(9));

    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    assert_eq!(
        only(&report).workers.as_ref().unwrap().changed,
        ["demo-dev-new"]
    );
    let now = maintenance_flag::Flag {
        // What was paused just now may run for longer.
        drained_at: flag.drained_at,
        ..world.flag("worker")
    };
    assert_eq!(now, flag, "window, owner, reason and time stay");
    assert_eq!(world.sandbox.fleet()["demo-dev-new"].reserved, Some(0));

    world.sandbox.reset_calls();
    let report = world.on(&worker()).await.unwrap();
    assert!(
        only(&report)
            .workers
            .as_ref()
            .is_none_or(|w| w.changed.is_empty())
    );
    let writes = world.sandbox.writes();
    let lambda = writes
        .iter()
        .filter(|call| call.call.service == maintenance_sandbox::Service::Lambda);
    assert_eq!(
        lambda.count(),
        0,
        "a third time touches nothing: {writes:?}"
    );

    world.off(&worker()).await.unwrap();
    let mut after = world.sandbox.fleet();
    assert_eq!(after.remove("demo-dev-new").unwrap().reserved, Some(9));
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn what_a_paused_function_got_since_is_paused_and_restored_too() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(5)]);
    world.on(&worker()).await.unwrap();
    // Somebody adds an event source while the function is paused.
    let specification = FunctionSpec::new("demo-dev-a")
        .reserved(0)
        .mapping(MappingSpec::sqs("q"));
    world.sandbox.seed(specification);
    world.on(&worker()).await.unwrap();
    let paused = &world.sandbox.fleet()["demo-dev-a"];
    assert!(
        paused
            .mappings
            .values()
            .all(|mapping| mapping.state == "Disabled")
    );
    world.off(&worker()).await.unwrap();
    let restored = &world.sandbox.fleet()["demo-dev-a"];
    assert_eq!(restored.reserved, Some(5), "what was saved first counts");
    assert!(
        restored
            .mappings
            .values()
            .all(|mapping| mapping.state == "Enabled")
    );
}

#[tokio::test(start_paused = true)]
async fn off_twice_changes_nothing() {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    world.off(&worker()).await.unwrap();
    let (fleet, flag) = (world.sandbox.fleet(), world.flag("worker"));
    world.sandbox.reset_calls();
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOff);
    assert_eq!(world.writes(), []);
    assert_eq!(world.sandbox.fleet(), fleet);
    assert_eq!(world.flag("worker"), flag);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn forty_functions_take_one_parameter_and_two_calls_each() {
    let names = (0..40).map(|n| format!("demo-dev-{n:055}"));
    let world = World::new(names.map(|name| FunctionSpec::new(&name).reserved(2)));
    let before = world.sandbox.fleet();
    world.sandbox.reset_calls();
    world.on(&worker()).await.unwrap();
    assert_eq!(world.parameters("capacity").len(), 1);
    let count = |operation: &str| {
        world
            .sandbox
            .calls()
            .iter()
            .filter(|call| call.call.operation == operation)
            .count()
    };
    // Once with all others, and once just before the write.
    assert_eq!(count("GetFunction"), 80);
    assert_eq!(count("PutFunctionConcurrency"), 40);
    assert_eq!(count("ListProvisionedConcurrencyConfigs"), 0);
    world.sandbox.reset_calls();
    world.off(&worker()).await.unwrap();
    assert_eq!(count("GetFunction"), 80);
    assert_eq!(count("PutFunctionConcurrency"), 40);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn two_operators_at_once_lose_nothing() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let other = control_by(&world.sandbox, "ben@desk");
    let roles = [worker()];
    let (quiet, wish) = (Context::quiet(), on_wish());
    let (one, two) = tokio::join!(
        world.control.on(&roles, &wish, &quiet),
        other.on(&roles, &wish, &quiet)
    );
    let busy = [&one, &two]
        .into_iter()
        .filter(|r| matches!(r, Err(Error::Busy { .. })))
        .count();
    assert_eq!(busy, 1, "{one:?} {two:?}");
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet(), before);
}
