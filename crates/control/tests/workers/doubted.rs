//! One *not found* proves nothing: it is looked at again and a list has to agree before anything that was
//! saved is given up.

use maintenance_control::RoleOutcome;
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};

use crate::support::{World, only, worker};

/// The calls that name something which has to be there.
const CALLS: [&str; 8] = [
    "GetFunction",
    "ListProvisionedConcurrencyConfigs",
    "GetEventSourceMapping",
    "UpdateEventSourceMapping",
    "PutFunctionConcurrency",
    "DeleteFunctionConcurrency",
    "PutProvisionedConcurrencyConfig",
    "ListAliases",
];

fn not_found(call: Fault) -> Fault {
    call.fail(404, "ResourceNotFoundException", "Function not found: it")
}

fn world() -> World {
    World::new([
        FunctionSpec::new("demo-dev-a")
            .reserved(15)
            .versions(2)
            .alias("live", 1)
            .provisioned("live", 3)
            .mapping(MappingSpec::sqs("orders")),
        FunctionSpec::new("demo-dev-b"),
    ])
}

#[tokio::test(start_paused = true)]
async fn one_404_of_any_call_gives_nothing_up() {
    for call in CALLS {
        for nth in 1..=4 {
            let world = world();
            let before = world.sandbox.fleet();
            let what = format!("{call} {nth}");
            world.inject(not_found(Fault::on(call).nth(nth)));
            let report = world.on(&worker()).await.unwrap();
            assert!(report.is_complete(), "{what}: {report:?}");
            for (name, function) in world.sandbox.fleet() {
                assert_eq!(function.reserved, Some(0), "{what}: {name}");
                assert!(function.provisioned.is_empty(), "{what}: {name}");
                let mut mappings = function.mappings.values();
                assert!(mappings.all(|mapping| !mapping.enabled), "{what}: {name}");
            }
            world.sandbox.clear_faults();
            world.inject(not_found(Fault::on(call).nth(nth)));
            let report = world.off(&worker()).await.unwrap();
            assert!(report.is_complete(), "{what}: {report:?}");
            let gone = &only(&report).workers.as_ref().unwrap().gone;
            assert!(gone.is_empty(), "{what}: {gone:?}");
            assert_eq!(world.sandbox.fleet(), before, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_found_again_and_again_is_kept_while_a_list_shows_it() {
    for call in CALLS.into_iter().filter(|call| *call != "ListAliases") {
        let world = world();
        let before = world.sandbox.fleet();
        world.on(&worker()).await.unwrap();
        let saved = world.parameters("capacity");
        let mut again = Fault::on(call).always();
        if call == "GetFunction" {
            // Where no function at all is found, nothing is even begun.
            again = again.target("demo-dev-a");
        }
        world.inject(not_found(again));
        let report = world.off(&worker()).await.unwrap();
        world.sandbox.clear_faults();
        let workers = only(&report).workers.as_ref().unwrap();
        assert!(workers.gone.is_empty(), "{call}: {workers:?}");
        assert!(!workers.failed.is_empty(), "{call}: {workers:?}");
        assert_eq!(only(&report).outcome, RoleOutcome::StillOn, "{call}");
        assert_eq!(world.parameters("capacity"), saved, "{call}");

        let report = world.off(&worker()).await.unwrap();
        assert!(report.is_complete(), "{call}: {report:?}");
        assert_eq!(world.sandbox.fleet(), before, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_is_not_given_up() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(5)]);
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world.inject(not_found(Fault::on("GetFunction").always()));
    world.inject(Fault::on("ListFunctions").always().access_denied());
    let report = world.off(&worker()).await;
    let error = report.err().map(|error| format!("{error:?}"));
    assert!(error.is_some_and(|it| it.contains("ListFunctions")));
    assert_eq!(world.parameters("capacity").len(), 1);
    world.sandbox.clear_faults();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_for_certain_is_told_with_all_that_was_saved_of_it() {
    let world = world();
    world.on(&worker()).await.unwrap();
    world.sandbox.delete_function("demo-dev-a").unwrap();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.gone, ["demo-dev-a"]);
    let json = serde_json::to_value(&workers.given_up).unwrap();
    assert_eq!(json[0]["what"], "demo-dev-a");
    assert_eq!(json[0]["reserved"], 15);
    assert_eq!(json[0]["provisioned"]["live"], 3);
    assert_eq!(json[0]["event_sources"].as_array().unwrap().len(), 1);
}
