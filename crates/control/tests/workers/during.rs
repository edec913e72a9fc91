//! What somebody else changes while `on` or `off` is at work, after it read a function and before it
//! changes it: their value is what comes back.

use std::time::Duration;

use maintenance_control::{Context, OffRequest};
use maintenance_sandbox::{Fault, FunctionSpec, FunctionState, MappingSpec, Sandbox};

use crate::support::OneApp as _;
use crate::support::{World, off_wish, only, worker};

const NAME: &str = "demo-dev-a";

fn function() -> FunctionSpec {
    FunctionSpec::new(NAME)
        .reserved(15)
        .versions(2)
        .alias("live", 1)
        .provisioned("live", 3)
        .mapping(MappingSpec::sqs("orders"))
}

fn state(world: &World) -> FunctionState {
    let mut fleet = world.sandbox.fleet();
    fleet.remove(NAME).expect("it is there")
}

/// Somebody does it just before the `nth` call of an operation is answered.
fn at(world: &World, operation: &str, nth: u64, edit: impl Fn(&Sandbox) + Send + Sync + 'static) {
    let sandbox = world.sandbox.clone();
    let call = Fault::on(operation).nth(nth);
    world.inject(call.hook(move |_| edit(&sandbox)));
}

/// `on` with an edit, and what it and `off` make of it. Everything is paused in between, and nobody is told
/// of drift, since there is none.
async fn on_and_off(world: &World) -> FunctionState {
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    world.sandbox.clear_faults();
    let paused = state(world);
    assert_eq!(paused.reserved, Some(0));
    assert!(paused.provisioned.is_empty());
    assert!(paused.mappings.values().all(|mapping| !mapping.enabled));
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).workers.as_ref().unwrap().drifted, []);
    assert!(world.parameters("capacity").is_empty());
    state(world)
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_is_changed_before_it_is_paused_comes_back_as_changed() {
    for theirs in [Some(9), Some(0), None] {
        let world = World::new([FunctionSpec::new(NAME).reserved(5)]);
        let set = move |sandbox: &Sandbox| sandbox.set_reserved(NAME, theirs).unwrap();
        at(&world, "GetFunction", 2, set);
        assert_eq!(on_and_off(&world).await.reserved, theirs);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_deploy_sets_while_it_holds_us_up_for_minutes_comes_back() {
    let world = World::new([FunctionSpec::new(NAME).reserved(5)]);
    let updating = Fault::on("PutFunctionConcurrency").times(20).fail(
        409,
        "ResourceConflictException",
        "An update is in progress for resource: demo-dev-a",
    );
    let set = |sandbox: &Sandbox| sandbox.set_reserved(NAME, Some(9)).unwrap();
    at(&world, "PutFunctionConcurrency", 15, set);
    world.inject(updating);
    assert_eq!(on_and_off(&world).await.reserved, Some(9));
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_that_is_changed_or_removed_before_it_is_paused_comes_back_so() {
    for theirs in [Some(8), None] {
        let world = World::new([function()]);
        let before = state(&world);
        let set = move |sandbox: &Sandbox| {
            sandbox.set_provisioned(NAME, "live", theirs).unwrap();
        };
        at(&world, "ListProvisionedConcurrencyConfigs", 2, set);
        let after = on_and_off(&world).await;
        assert_eq!(after.provisioned.get("live").copied(), theirs);
        assert_eq!(after.reserved, before.reserved);
        assert_eq!(after.mappings, before.mappings);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_disabled_or_deleted_before_it_is_paused_stays_so() {
    for is_deleted in [false, true] {
        let world = World::new([]);
        let uuid = world.sandbox.seed(function()).remove(0);
        let mut before = state(&world);
        let mapping = before.mappings.get_mut(&uuid).unwrap();
        (mapping.enabled, mapping.state) = (false, "Disabled".to_owned());
        if is_deleted {
            before.mappings.clear();
        }
        at(&world, "GetEventSourceMapping", 1, move |sandbox| {
            if is_deleted {
                sandbox.delete_mapping(&uuid).unwrap();
            } else {
                sandbox.set_mapping_enabled(&uuid, false).unwrap();
            }
        });
        assert_eq!(on_and_off(&world).await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_deleted_before_it_is_paused_is_gone_and_what_it_had_is_told() {
    let world = World::new([FunctionSpec::new(NAME).reserved(5)]);
    let delete = |sandbox: &Sandbox| drop(sandbox.delete_function(NAME));
    at(&world, "GetFunction", 2, delete);
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).workers.as_ref().unwrap().gone, [NAME]);
    let report = world.off(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.gone, [NAME]);
    let given_up = &workers.given_up[0];
    assert_eq!(given_up.what, NAME);
    let reserved = maintenance_flag::Reserved::Limit(5);
    assert_eq!(given_up.reserved, Some(reserved));
}

#[tokio::test(start_paused = true)]
async fn what_an_operation_before_had_saved_drifts_and_is_left() {
    let world = World::new([FunctionSpec::new(NAME).reserved(5)]);
    let denied = Fault::on("PutFunctionConcurrency").always();
    world.inject(denied.access_denied());
    assert!(!world.on(&worker()).await.unwrap().is_complete());
    world.sandbox.clear_faults();
    let set = |sandbox: &Sandbox| sandbox.set_reserved(NAME, Some(9)).unwrap();
    at(&world, "GetFunction", 2, set);
    let report = world.on(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.drifted.len(), 1);
    assert_eq!((workers.changed.len(), workers.unchanged.len()), (0, 0));
    assert_eq!(state(&world).reserved, Some(9));
}

#[tokio::test(start_paused = true)]
async fn our_own_write_whose_answer_is_lost_is_not_taken_for_somebody_elses() {
    for operation in [
        "PutFunctionConcurrency",
        "DeleteProvisionedConcurrencyConfig",
        "UpdateEventSourceMapping",
    ] {
        let world = World::new([function()]);
        let before = state(&world);
        let lost = Fault::on(operation).nth(1).after();
        world.inject(lost.drop_connection());
        assert_eq!(on_and_off(&world).await, before, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_before_off_restores_it_is_kept_unless_off_insists() {
    for insist in [false, true] {
        let world = World::new([function()]);
        let before = state(&world);
        world.on(&worker()).await.unwrap();
        at(&world, "GetFunction", 2, |sandbox| {
            sandbox.set_reserved(NAME, Some(40)).unwrap();
        });
        at(&world, "ListProvisionedConcurrencyConfigs", 2, |sandbox| {
            sandbox.set_provisioned(NAME, "live", Some(4)).unwrap();
        });
        let off = OffRequest {
            restore_saved: insist,
            ..off_wish()
        };
        let report = world
            .control
            .off(&[worker()], &off, &Context::quiet())
            .await;
        let report = report.unwrap();
        assert!(report.is_complete(), "{report:?}");
        let workers = only(&report).workers.as_ref().unwrap();
        if insist {
            assert_eq!(workers.drifted, []);
            assert_eq!(state(&world), before);
            continue;
        }
        let drifted = workers.drifted.iter();
        let drifted: Vec<_> = drifted
            .map(|it| (it.saved.as_str(), it.now.as_str()))
            .collect();
        assert_eq!(drifted, [("3", "4"), ("15", "40")]);
        assert_eq!((workers.changed.len(), workers.unchanged.len()), (0, 0));
        let after = state(&world);
        assert_eq!(after.reserved, Some(40));
        assert_eq!(after.provisioned["live"], 4);
        assert_eq!(after.mappings, before.mappings);
    }
}

#[tokio::test(start_paused = true)]
async fn on_right_after_off_pauses_what_a_lagging_read_shows_at_zero() {
    let names = ["demo-dev-a", "demo-dev-b", "demo-dev-c"];
    let world = World::new([
        FunctionSpec::new(names[0]).reserved(5),
        FunctionSpec::new(names[1]),
        FunctionSpec::new(names[2]).reserved(0),
    ]);
    let before = world.sandbox.fleet();
    world.sandbox.configure(|settings| {
        settings.lambda.read_lag = Duration::from_secs(2);
    });
    for _ in 0..3 {
        let report = world.on(&worker()).await.unwrap();
        assert!(report.is_complete(), "{report:?}");
        for (name, function) in world.sandbox.fleet() {
            assert_eq!(function.reserved, Some(0), "{name}");
        }
        assert!(world.off(&worker()).await.unwrap().is_complete());
        assert_eq!(world.sandbox.fleet(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lagging_read_that_shows_what_was_before_an_edit_is_not_saved() {
    let world = World::new([FunctionSpec::new(NAME).reserved(5)]);
    let lambda = crate::support::clients(&world.sandbox).lambda;
    let put = lambda.put_function_concurrency().function_name(NAME);
    put.reserved_concurrent_executions(9).send().await.unwrap();
    // The read before all others sees the edit, and the next one does not.
    at(&world, "PutParameter", 2, |sandbox| {
        sandbox.configure(|settings| settings.lambda.read_lag = Duration::from_secs(2));
    });
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let calls = world.sandbox.calls();
    let reads = calls.iter().filter(|it| it.call.operation == "GetFunction");
    // The lagging one is looked at again before it is believed.
    assert_eq!(reads.count(), 4);
    assert_eq!(
        world.parameters("capacity").len(),
        1,
        "nothing is saved anew"
    );
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(state(&world).reserved, Some(9));
}

/// A later document replaces what an earlier one says, for as long as that one is needed for others.
#[tokio::test(start_paused = true)]
async fn what_was_saved_anew_outlives_an_off_that_is_partial() {
    let names = [NAME, "demo-dev-b"];
    let world = World::new([
        FunctionSpec::new(names[0]).reserved(5),
        FunctionSpec::new(names[1]).reserved(7),
    ]);
    at(&world, "GetFunction", 3, |sandbox| {
        sandbox.set_reserved(NAME, Some(0)).unwrap();
    });
    assert!(world.on(&worker()).await.unwrap().is_complete());
    world.sandbox.clear_faults();
    assert_eq!(world.parameters("capacity").len(), 2, "one replaces");
    let denied = Fault::on("PutFunctionConcurrency")
        .target(names[1])
        .always();
    world.inject(denied.fail(403, "AccessDeniedException", "no"));
    assert!(!world.off(&worker()).await.unwrap().is_complete());
    world.sandbox.clear_faults();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    let fleet = world.sandbox.fleet();
    assert_eq!(fleet[names[0]].reserved, Some(0), "as somebody set it");
    assert_eq!(fleet[names[1]].reserved, Some(7));
}

#[tokio::test(start_paused = true)]
async fn on_right_after_a_partial_off_pauses_what_a_lagging_read_shows_at_zero() {
    let names = [NAME, "demo-dev-b"];
    let world = World::new(names.map(|name| FunctionSpec::new(name).reserved(5)));
    world.sandbox.configure(|settings| {
        settings.lambda.read_lag = Duration::from_secs(2);
    });
    assert!(world.on(&worker()).await.unwrap().is_complete());
    let denied = Fault::on("PutFunctionConcurrency")
        .target(names[1])
        .always();
    world.inject(denied.fail(403, "AccessDeniedException", "no"));
    assert!(!world.off(&worker()).await.unwrap().is_complete());
    world.sandbox.clear_faults();
    assert_eq!(world.sandbox.fleet()[NAME].reserved, Some(5));
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete());
    for (name, function) in world.sandbox.fleet() {
        assert_eq!(function.reserved, Some(0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_enabled_while_its_function_is_paused_is_told_and_paused_next() {
    let disabled = MappingSpec::sqs("orders").disabled();
    let world = World::new([FunctionSpec::new(NAME).reserved(5).mapping(disabled)]);
    at(&world, "PutFunctionConcurrency", 1, |sandbox| {
        let fleet = sandbox.fleet();
        let uuid = fleet[NAME].mappings.keys().next().unwrap();
        sandbox.set_mapping_enabled(uuid, true).unwrap();
    });
    let report = world.on(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.failed.len(), 1, "{report:?}");
    assert!(workers.failed[0].error.contains("was enabled meanwhile"));
    assert_eq!((workers.changed.len(), workers.unchanged.len()), (0, 0));
    world.sandbox.clear_faults();
    assert!(world.on(&worker()).await.unwrap().is_complete());
    assert!(state(&world).mappings.values().all(|it| !it.enabled));
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert!(state(&world).mappings.values().all(|it| it.enabled));
}
