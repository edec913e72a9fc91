//! Whoever changes a mapping is often at work on all of the function: what it has when its mappings have
//! settled is what is saved, and what comes back.

use std::time::Duration;

use maintenance_sandbox::{Fault, FunctionSpec, FunctionState, MappingSpec};
use tokio::time::sleep;

use super::{fleet, is_paused, moving, paused_after, saved, update, workers, world};
use crate::support::{World, only, worker};

const MOVING: &str = "demo-dev-moving";

/// A function with a mapping that settles after a minute, and one at rest: that one.
async fn one_at_rest_beside_it() -> (World, String) {
    let world = world(1, &[moving(MOVING, true, 60)]).await;
    let mappings = world.sandbox.fleet()[MOVING].mappings.clone();
    let at_rest = mappings.into_iter().find(|(_, it)| it.state == "Enabled");
    (world, at_rest.unwrap().0)
}

/// The function gets back what it had, and nobody is told of anything else.
async fn gets_back(world: &World, before: &FunctionState) {
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(workers(&report).drifted, []);
    assert_eq!(fleet(world)[MOVING], *before);
}

/// A deploy enables or disables that mapping while another settles.
async fn comes_back_as_a_deploy_left_it(world: &World, mapping: &str, enabled: bool) {
    let deploy = async {
        sleep(Duration::from_secs(20)).await;
        let sandbox = &world.sandbox;
        sandbox.set_mapping_enabled(mapping, enabled).unwrap();
        fleet(world)[MOVING].clone()
    };
    let role = worker();
    let (report, before) = tokio::join!(world.on(&role), deploy);
    assert!(report.unwrap().is_complete());
    assert!(is_paused(world, MOVING));
    gets_back(world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_a_deploy_disables_while_another_settles_stays_disabled() {
    let (world, other) = one_at_rest_beside_it().await;
    comes_back_as_a_deploy_left_it(&world, &other, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_a_deploy_enables_while_another_settles_is_paused_and_comes_back() {
    let (world, other) = one_at_rest_beside_it().await;
    world.sandbox.set_mapping_enabled(&other, false).unwrap();
    comes_back_as_a_deploy_left_it(&world, &other, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_waits_for_the_last_of_its_mappings_to_settle() {
    let (world, other) = one_at_rest_beside_it().await;
    let deploy = async {
        sleep(Duration::from_secs(20)).await;
        // Until 120 s after the start, and the first until 60 s.
        update(&world, &other, true, 100).await;
    };
    let role = worker();
    let (report, ()) = tokio::join!(world.on(&role), deploy);
    assert!(report.unwrap().is_complete());
    assert!(is_paused(&world, MOVING));
    let after = paused_after(&world);
    let (_, after) = after.iter().find(|(name, _)| name == MOVING).unwrap();
    assert!((120..135).contains(after), "{after}");
    assert_eq!(saved(&world).concat()[1], (MOVING.to_owned(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_mapping_disabled_after_it_had_settled_before_another_stays_disabled() {
    let world = world(1, &[]).await;
    let function = FunctionSpec::new(MOVING).mapping(MappingSpec::sqs("first"));
    let uuids = world
        .sandbox
        .seed(function.mapping(MappingSpec::sqs("last")));
    update(&world, &uuids[0], true, 10).await;
    update(&world, &uuids[1], true, 60).await;
    let deploy = async {
        sleep(Duration::from_secs(40)).await;
        world.sandbox.set_mapping_enabled(&uuids[0], false).unwrap();
        fleet(&world)[MOVING].clone()
    };
    let role = worker();
    let (report, before) = tokio::join!(world.on(&role), deploy);
    assert!(report.unwrap().is_complete());
    gets_back(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_a_deploy_raises_while_a_mapping_settles_counts_for_when_it_is_drained() {
    let (world, _) = one_at_rest_beside_it().await;
    let deploy = async {
        sleep(Duration::from_secs(20)).await;
        world.sandbox.set_timeout(MOVING, 900).unwrap();
    };
    let role = worker();
    let (report, ()) = tokio::join!(world.on(&role), deploy);
    let now = world.sandbox.settings().clock.now();
    let drained_at = only(&report.unwrap()).drained_at.unwrap();
    let left = drained_at.duration_since(now);
    assert!((890..=901).contains(&left.as_secs()), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_version_that_a_deploy_publishes_while_a_mapping_settles_is_paused_and_comes_back()
 {
    let (world, _) = one_at_rest_beside_it().await;
    let deploy = async {
        sleep(Duration::from_secs(20)).await;
        assert_eq!(world.sandbox.publish_version(MOVING), Ok(1));
        world.sandbox.set_provisioned(MOVING, "1", Some(2)).unwrap();
        fleet(&world)[MOVING].clone()
    };
    let role = worker();
    let (report, before) = tokio::join!(world.on(&role), deploy);
    assert!(report.unwrap().is_complete());
    assert!(world.sandbox.fleet()[MOVING].provisioned.is_empty());
    gets_back(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_deleted_while_its_mapping_settles_is_nobodys_unless_it_was_saved() {
    let delete = |world: &World| {
        let sandbox = world.sandbox.clone();
        let looked = Fault::on("GetEventSourceMapping").nth(3);
        world.inject(looked.hook(move |_| sandbox.delete_function(MOVING).unwrap()));
    };
    let world = world(1, &[moving(MOVING, true, 20)]).await;
    delete(&world);
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let workers = workers(&report);
    assert_eq!(workers.gone, [""; 0], "it was never saved");
    assert_eq!((workers.selected, workers.changed.len()), (1, 1));
    assert_eq!(workers.unchanged, [""; 0]);
    assert_eq!(saved(&world).concat().len(), 1);

    let world = self::world(1, &[moving(MOVING, true, 1)]).await;
    assert!(world.on(&worker()).await.unwrap().is_complete());
    let mappings = &world.sandbox.fleet()[MOVING].mappings;
    let uuid = mappings.keys().next().unwrap().clone();
    update(&world, &uuid, false, 20).await;
    world.sandbox.clear_faults();
    delete(&world);
    let report = world.on(&worker()).await.unwrap();
    let workers = self::workers(&report);
    assert_eq!(workers.gone, [MOVING]);
    assert_eq!((workers.selected, workers.unchanged.len()), (2, 1));
    assert!(workers.changed.is_empty(), "{workers:?}");
}
