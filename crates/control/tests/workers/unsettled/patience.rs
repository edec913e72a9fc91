//! How long mappings are waited for: nobody is given up who was not looked at, and who cannot look does not
//! wait for each by itself.

use std::time::Duration;

use maintenance_control::{CancellationToken, Context, RoleSpec, Selection};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec, Service};
use tokio::time::{Instant, sleep};

use super::{NEVER, fleet, moving, paused, paused_after, restores, update, workers, world};
use crate::support::OneApp as _;
use crate::support::{World, off_wish, on_wish, worker};

/// A function with one mapping, under change for so many seconds.
async fn seed(world: &World, name: &str, seconds: u64) -> String {
    let function = FunctionSpec::new(name).mapping(MappingSpec::sqs(name));
    let uuid = world.sandbox.seed(function).remove(0);
    update(world, &uuid, true, seconds).await;
    uuid
}

#[tokio::test(start_paused = true)]
async fn what_has_settled_is_not_given_up_however_long_the_others_take() {
    let world = world(0, &[]).await;
    for n in 0..200 {
        seed(&world, &format!("demo-dev-{n:03}"), 20).await;
    }
    seed(&world, "demo-dev-z", 100).await;
    let before = fleet(&world);
    // 200 of them take seven turns of 32.
    let slow = Duration::from_secs(150);
    world
        .sandbox
        .configure(|settings| settings.lambda.mapping_disable = slow);
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{:?}", workers(&report).failed);
    assert_eq!(paused(&world).len(), 201);
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_throttled_for_good_does_not_wait_for_each_mapping_by_itself() {
    let world = world(1, &[]).await;
    for n in 0..10 {
        seed(&world, &format!("demo-dev-moving-{n}"), NEVER).await;
    }
    let trouble = async {
        sleep(Duration::from_secs(15)).await;
        let any = Fault::any_call().service(Service::Lambda);
        world.sandbox.inject(any.always().throttle());
    };
    let (role, began) = (worker(), Instant::now());
    let (report, ()) = tokio::join!(world.on(&role), trouble);
    let took = began.elapsed();
    // And half a minute in which the mappings are not looked at again.
    assert!(took < Duration::from_secs(300 + 180 + 30 + 20), "{took:?}");
    let report = report.unwrap();
    let failed = &workers(&report).failed;
    assert_eq!(failed.len(), 10);
    for failure in failed {
        let words = &failure.error;
        assert!(words.contains("did not go through in time"), "{words}");
        assert!(failure.hint.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_throttled_is_heard_at_the_next_try() {
    let world = world(1, &[moving("demo-dev-moving", true, NEVER)]).await;
    let stop = CancellationToken::new();
    let trouble = async {
        sleep(Duration::from_secs(15)).await;
        let any = Fault::any_call().service(Service::Lambda);
        world.sandbox.inject(any.always().throttle());
        sleep(Duration::from_secs(15)).await;
        stop.cancel();
    };
    let run = Context {
        stop: stop.clone(),
        listen: &|_| {},
    };
    let (roles, wish, began) = ([worker()], on_wish(), Instant::now());
    let (report, ()) = tokio::join!(world.control.on(&roles, &wish, &run), trouble);
    let report = report.unwrap();
    assert!(report.interrupted);
    assert_eq!(workers(&report).unfinished, ["demo-dev-moving"]);
    assert!(began.elapsed() < Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn one_mapping_that_cannot_be_looked_at_holds_up_its_own_function_only() {
    let world = world(1, &[]).await;
    let uuid = seed(&world, "demo-dev-a", 20).await;
    seed(&world, "demo-dev-b", 20).await;
    seed(&world, "demo-dev-c", 20).await;
    let before = fleet(&world);
    let look = Fault::on("GetEventSourceMapping").target(&uuid);
    world.inject(look.always().fail(500, "ServiceException", "internal"));
    let report = world.on(&worker()).await.unwrap();
    let failed = &workers(&report).failed;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].function, "demo-dev-a");
    assert!(failed[0].error.contains("internal"), "{failed:?}");
    let after = paused_after(&world);
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|(_, after)| *after < 45), "{after:?}");
    assert_eq!(fleet(&world)["demo-dev-a"], before["demo-dev-a"]);

    world.sandbox.clear_faults();
    assert!(world.on(&worker()).await.unwrap().is_complete());
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn web_comes_first_though_a_mapping_of_it_has_to_settle() {
    let world = world(0, &[moving("demo-dev-page", true, 60)]).await;
    world.sandbox.seed(FunctionSpec::new("demo-dev-work"));
    let roles = [
        selects("web", "demo-dev-page"),
        selects("worker", "demo-dev-work"),
    ];
    let quiet = Context::quiet();
    let report = world.control.on(&roles, &on_wish(), &quiet).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let writes = world.writes().into_iter();
    let order: Vec<_> = writes.filter_map(|it| it.call.target).collect();
    let first = |part: &str| order.iter().position(|target| target.contains(part));
    assert!(first("flags/web").unwrap() < first("flags/worker").unwrap());
    assert!(first("flags/web").unwrap() < first("demo-dev-work").unwrap());
    let after = paused_after(&world);
    assert_eq!(after.len(), 2, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_waited_for_mappings_of_another_is_read_again() {
    let stuck = [
        moving("demo-dev-mail", true, NEVER),
        moving("demo-dev-search-b", true, NEVER),
    ];
    let world = world(0, &stuck).await;
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-search-a").reserved(30));
    let roles = [
        selects("mail", "demo-dev-mail"),
        selects("search", "demo-dev-search-*"),
    ];
    let deploy = async {
        sleep(Duration::from_secs(100)).await;
        let name = "demo-dev-search-a";
        world.sandbox.set_reserved(name, Some(40)).unwrap();
    };
    let (wish, quiet) = (on_wish(), Context::quiet());
    let (report, ()) = tokio::join!(world.control.on(&roles, &wish, &quiet), deploy);
    let report = report.unwrap();
    let search = report.roles[1].workers.as_ref().unwrap();
    assert_eq!(search.changed, ["demo-dev-search-a"]);
    assert_eq!(search.failed.len(), 1, "{search:?}");
    let off = world
        .control
        .off(&roles, &off_wish(), &quiet)
        .await
        .unwrap();
    let drifted = off.roles.iter().filter_map(|role| role.workers.as_ref());
    assert!(drifted.flat_map(|it| &it.drifted).next().is_none());
    assert_eq!(
        world.sandbox.fleet()["demo-dev-search-a"].reserved,
        Some(40)
    );
}

/// A role of this name with functions.
fn selects(role: &str, glob: &str) -> RoleSpec {
    let functions = Selection::new(&[glob.to_owned()], &[], Default::default());
    RoleSpec {
        role: role.parse().expect("a good name"),
        functions: Some(functions.expect("a good glob")),
        ..worker()
    }
}
