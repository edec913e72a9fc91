//! What somebody else does to functions while they are paused: kept or named.

use maintenance_control::{Context, RoleOutcome};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};

use crate::support::OneApp as _;
use crate::support::{World, off_wish, only, worker};

#[tokio::test(start_paused = true)]
async fn a_function_deleted_while_paused_is_reported_gone_and_holds_up_nothing() {
    let world = World::mixed();
    let mut before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world.sandbox.delete_function("demo-dev-limited").unwrap();
    before.remove("demo-dev-limited");
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().gone,
        ["demo-dev-limited"]
    );
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(
        only(&report).workers.as_ref().unwrap().gone,
        ["demo-dev-limited"]
    );
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_deleted_while_paused_is_reported_gone() {
    let world = World::new([]);
    let uuids = world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-q").mapping(MappingSpec::sqs("orders")));
    world.on(&worker()).await.unwrap();
    world.sandbox.delete_mapping(&uuids[0]).unwrap();
    let report = world.off(&worker()).await.unwrap();
    let gone = &only(&report).workers.as_ref().unwrap().gone;
    assert_eq!(
        gone,
        &[format!("demo-dev-q (event source mapping {})", uuids[0])]
    );
    assert!(report.is_complete());
    assert_eq!(world.sandbox.fleet()["demo-dev-q"].reserved, None);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_change_is_kept_and_reported() {
    let world = World::mixed();
    let mut before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_reserved("demo-dev-limited", Some(50))
        .unwrap();
    before.get_mut("demo-dev-limited").unwrap().reserved = Some(50);
    // One that was disabled before, and so was not saved.
    let queue = before.get_mut("demo-dev-queue").unwrap();
    let disabled = queue
        .mappings
        .iter_mut()
        .find(|(_, mapping)| !mapping.enabled);
    let (uuid, mapping) = disabled.unwrap();
    (mapping.enabled, mapping.state) = (true, "Enabled".to_owned());
    let enabled_by_hand = uuid.clone();
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().drifted,
        ["demo-dev-limited"]
    );

    let report = world.on(&worker()).await.unwrap();
    assert!(!report.is_complete(), "it runs though it should be paused");
    assert_eq!(world.sandbox.fleet()["demo-dev-limited"].reserved, Some(50));

    world
        .sandbox
        .set_mapping_enabled(&enabled_by_hand, true)
        .unwrap();
    let status = world.status(&worker()).await;
    let workers = status.roles[0].workers.as_ref().unwrap();
    assert_eq!(workers.drifted, ["demo-dev-limited", "demo-dev-queue"]);
    assert!(workers.pending.is_empty(), "each is named once");
    let report = world.off(&worker()).await.unwrap();
    let drifted = &only(&report).workers.as_ref().unwrap().drifted;
    assert_eq!(drifted.len(), 2, "{drifted:?}");
    assert_eq!(
        drifted[1].setting,
        format!("event source mapping {enabled_by_hand}")
    );
    assert_eq!(drifted[0].function, "demo-dev-limited");
    assert_eq!(
        (drifted[0].saved.as_str(), drifted[0].now.as_str()),
        ("20", "50")
    );
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn who_insists_gets_back_what_was_saved() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_reserved("demo-dev-limited", Some(50))
        .unwrap();
    world.sandbox.set_reserved("demo-dev-zero", None).unwrap();
    world
        .sandbox
        .set_reserved("demo-dev-provisioned", Some(90))
        .unwrap();
    world
        .sandbox
        .set_provisioned("demo-dev-provisioned", "live", Some(60))
        .unwrap();
    world
        .sandbox
        .set_provisioned("demo-dev-provisioned", "next", Some(4))
        .unwrap();
    let wish = maintenance_control::OffRequest {
        restore_saved: true,
        ..off_wish()
    };
    let report = world
        .control
        .off(&[worker()], &wish, &Context::quiet())
        .await
        .unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).workers.as_ref().unwrap().drifted, []);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_that_vanishes_while_it_is_waited_for_holds_up_nothing() {
    let world = World::new([FunctionSpec::new("demo-dev-a")
        .reserved(20)
        .versions(2)
        .alias("live", 1)
        .provisioned("live", 3)
        .provisioned("2", 4)
        .mapping(MappingSpec::sqs("q"))]);
    world.on(&worker()).await.unwrap();
    let sandbox = world.sandbox.clone();
    let looked = Fault::on("GetProvisionedConcurrencyConfig")
        .always()
        .before();
    world.inject(looked.hook(move |_| {
        sandbox.set_provisioned("demo-dev-a", "live", None).unwrap();
    }));
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(
        only(&report).workers.as_ref().unwrap().gone,
        ["demo-dev-a:live"]
    );
    let function = &world.sandbox.fleet()["demo-dev-a"];
    assert_eq!(function.provisioned.get("2"), Some(&4));
    assert!(
        function
            .mappings
            .values()
            .all(|mapping| mapping.state == "Enabled")
    );
}
