//! A mapping that is being created or updated shows only afterwards whether it was enabled. It holds up
//! its own function, and no other.

mod again;
mod cut;
mod patience;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use maintenance_control::{CancellationToken, Context, Event, Report, WorkersReport};
use maintenance_flag::CapacityDoc;
use maintenance_sandbox::{Fault, Fleet, FunctionSpec, MappingSpec};

use crate::support::OneApp as _;
use crate::support::{World, clients, on_wish, only, start, web, worker};
use crate::trouble::role;

/// Longer than anybody waits.
const NEVER: u64 = 3_600;

/// A function with a mapping under change.
struct Moving {
    name: &'static str,
    /// Where the mapping ends.
    enabled: bool,
    /// When that shows, seconds from the start.
    settles: u64,
}

fn moving(name: &'static str, enabled: bool, settles: u64) -> Moving {
    Moving {
        name,
        enabled,
        settles,
    }
}

/// So many functions at rest, every other one with a queue, and others whose mappings are under change.
async fn world(at_rest: usize, moving: &[Moving]) -> World {
    let world = World::new((0..at_rest).map(|n| {
        let function = FunctionSpec::new(&format!("demo-dev-{n:03}")).reserved(1);
        if n % 2 == 0 {
            return function;
        }
        function.mapping(MappingSpec::sqs(&format!("queue-{n}")))
    }));
    for Moving {
        name,
        enabled,
        settles,
    } in moving
    {
        let mut queue = MappingSpec::sqs(name);
        if !enabled {
            queue = queue.disabled();
        }
        // One at rest beside it: its function waits all the same.
        let function = FunctionSpec::new(name).timeout(30).mapping(queue);
        let uuids = world
            .sandbox
            .seed(function.mapping(MappingSpec::kinesis(name)));
        update(&world, &uuids[0], *enabled, *settles).await;
    }
    world.sandbox.reset_calls();
    world
}

/// A deploy updates a mapping, which takes so many seconds.
async fn update(world: &World, uuid: &str, enabled: bool, seconds: u64) {
    let usual = world.sandbox.settings().lambda.mapping_change;
    let take = |time| {
        let sandbox = &world.sandbox;
        sandbox.configure(|settings| settings.lambda.mapping_change = time);
    };
    take(Duration::from_secs(seconds));
    let lambda = clients(&world.sandbox).lambda;
    let update = lambda.update_event_source_mapping().uuid(uuid);
    let updated = update.enabled(enabled).send().await.expect("it is at rest");
    assert_eq!(updated.state(), Some("Updating"));
    take(usual);
}

/// Every function, with its mappings where they are going.
fn fleet(world: &World) -> Fleet {
    let mut fleet = world.sandbox.fleet();
    let mappings = fleet.values_mut().flat_map(|it| it.mappings.values_mut());
    for mapping in mappings {
        mapping.state.clear();
    }
    fleet
}

/// The seconds from the start after which the functions were set to zero, by name.
fn paused_after(world: &World) -> Vec<(String, u64)> {
    let writes = world.writes().into_iter();
    writes
        .filter(|it| it.call.operation == "PutFunctionConcurrency" && it.took_effect)
        .map(|it| {
            let after = it.call.at.duration_since(start());
            (it.call.target.unwrap_or_default(), after.as_secs() as u64)
        })
        .collect()
}

/// What each parameter of saved capacity holds: the functions and how many mappings of each.
fn saved(world: &World) -> Vec<Vec<(String, usize)>> {
    let parameters = world.sandbox.parameters().into_iter();
    parameters
        .filter(|(name, _)| name.contains("/capacity/"))
        .map(|(_, parameter)| {
            let document = CapacityDoc::decode(&parameter.value).expect("a document");
            let functions = document.functions.into_iter();
            functions
                .map(|(name, it)| (name, it.mappings.len()))
                .collect()
        })
        .collect()
}

fn workers(report: &Report) -> &WorkersReport {
    only(report)
        .workers
        .as_ref()
        .expect("a role with functions")
}

/// Which of the functions are paused.
fn paused(world: &World) -> BTreeSet<String> {
    let names = world.sandbox.fleet().into_keys();
    names.filter(|name| is_paused(world, name)).collect()
}

fn is_paused(world: &World, name: &str) -> bool {
    let function = &world.sandbox.fleet()[name];
    let mut mappings = function.mappings.values();
    function.reserved == Some(0) && mappings.all(|mapping| mapping.state == "Disabled")
}

async fn restores(world: &World, before: &Fleet) {
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(fleet(world), *before);
    assert!(world.parameters("capacity").is_empty());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_never_settles_holds_up_its_own_function_only() {
    let stuck = [
        moving("demo-dev-stuck", true, NEVER),
        moving("demo-dev-late", true, 40),
    ];
    let world = world(60, &stuck).await;
    let before = fleet(&world);
    let untouched = world.sandbox.fleet()["demo-dev-stuck"].clone();
    let heard = Mutex::new((Vec::new(), Vec::new()));
    let listen = |event: Event<'_>| match event {
        Event::Progress { done, total, .. } => heard.lock().unwrap().0.push((done, total)),
        Event::Waiting(waiting) => heard.lock().unwrap().1.push(waiting),
        _ => {}
    };
    let run = Context {
        stop: CancellationToken::new(),
        listen: &listen,
    };
    let report = world.control.on(&[worker()], &on_wish(), &run).await;
    let report = report.unwrap();

    let after = paused_after(&world);
    let late = after.iter().find(|(name, _)| name == "demo-dev-late");
    assert!((40..55).contains(&late.unwrap().1), "{after:?}");
    let others: Vec<_> = after.iter().filter(|it| it.0 != "demo-dev-late").collect();
    assert_eq!(others.len(), 60);
    // 62 reads at 14 a second, then 60 reservations, 30 mappings and looks at these, ten a second.
    assert!(others.iter().all(|(_, after)| *after < 25), "{others:?}");

    assert!(!report.is_complete());
    assert_eq!(only(&report).drained_at, None);
    let workers = workers(&report);
    assert_eq!((workers.selected, workers.changed.len()), (62, 61));
    assert!(workers.unfinished.is_empty());
    assert_eq!(workers.failed.len(), 1, "{workers:?}");
    assert_eq!(workers.failed[0].function, "demo-dev-stuck");
    let words = &workers.failed[0].error;
    assert!(words.contains("still being created or updated"), "{words}");
    assert_eq!(world.sandbox.fleet()["demo-dev-stuck"], untouched);
    let saved = saved(&world);
    assert!(saved.iter().flatten().all(|it| it.0 != "demo-dev-stuck"));
    assert!(saved.len() <= 3, "{saved:?}");
    let took = world.sandbox.settings().clock.now().duration_since(start());
    assert!((300..350).contains(&took.as_secs()), "{took:?}");

    // All in one count, and what is waited for is told every second.
    let (progress, waited) = heard.into_inner().unwrap();
    assert_eq!(progress, (0..=62).map(|n| (n, 62)).collect::<Vec<_>>());
    let told = waited.iter().filter(|it| it.settling == 1).count();
    assert!((240..330).contains(&told), "{told} of {}", waited.len());

    // It ends after all: the same command goes on with it.
    tokio::time::advance(Duration::from_secs(NEVER)).await;
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(self::workers(&report).changed, ["demo-dev-stuck"]);
    assert!(is_paused(&world, "demo-dev-stuck"));
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn mappings_that_settle_late_are_saved_as_they_settle_and_come_back_exactly() {
    let moving = [
        moving("demo-dev-enabled", true, 20),
        moving("demo-dev-disabled", false, 20),
        moving("demo-dev-later", true, 100),
    ];
    let world = world(4, &moving).await;
    let before = fleet(&world);
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(workers(&report).changed.len(), 7);
    for name in before.keys() {
        assert!(is_paused(&world, name), "{name}");
    }
    let of = |name: &str, mappings| (name.to_owned(), mappings);
    let saved = saved(&world);
    // One parameter for what was at rest, and one for each time that something had settled.
    assert_eq!(saved.len(), 3, "{saved:?}");
    assert_eq!(saved[0].len(), 4);
    let settled = [of("demo-dev-disabled", 1), of("demo-dev-enabled", 2)];
    assert_eq!(
        saved[1], settled,
        "of the one, the stream alone was enabled"
    );
    assert_eq!(saved[2], [of("demo-dev-later", 2)]);
    // The last to be paused has a timeout of 30 s.
    let now = world.sandbox.settings().clock.now();
    let left = only(&report).drained_at.unwrap().duration_since(now);
    assert!((25..=31).contains(&left.as_secs()), "{left:?}");

    // A deploy updates a mapping of a paused function: there is nothing to save and nothing to do.
    let drained_at = only(&report).drained_at;
    let mappings = &world.sandbox.fleet()["demo-dev-enabled"].mappings;
    let uuid = mappings.keys().next().unwrap().clone();
    update(&world, &uuid, false, 10).await;
    world.sandbox.reset_calls();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(workers(&report).unchanged.len(), 7);
    assert_eq!(only(&report).drained_at, drained_at);
    assert_eq!(world.flag("worker").drained_at, drained_at);
    assert_eq!(paused_after(&world), []);
    assert_eq!(self::saved(&world), saved);
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn many_that_settle_one_after_another_take_few_parameters() {
    let world = world(60, &[]).await;
    for n in 1..=60 {
        let name = format!("demo-dev-moving-{n:02}");
        let queue = MappingSpec::sqs(&name);
        let uuids = world.sandbox.seed(FunctionSpec::new(&name).mapping(queue));
        update(&world, &uuids[0], true, n).await;
    }
    let before = fleet(&world);
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(paused(&world).len(), 120);
    let saved = saved(&world);
    assert_eq!(saved.concat().len(), 120, "each is saved once");
    assert!(saved.len() <= 12, "{} parameters", saved.len());
    let after = paused_after(&world);
    let last = after.iter().map(|(_, after)| *after).max().unwrap();
    assert!(last < 60 + 30, "{after:?}");
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_mapping_is_deleted_while_it_is_waited_for_is_paused_without_it() {
    let world = world(1, &[moving("demo-dev-moving", true, NEVER)]).await;
    let mappings = world.sandbox.fleet()["demo-dev-moving"].mappings.clone();
    let uuid = mappings.iter().find(|(_, it)| it.state == "Updating");
    let uuid = uuid.unwrap().0.clone();
    let (sandbox, deleted) = (world.sandbox.clone(), uuid.clone());
    let looked = Fault::on("GetEventSourceMapping").target(&uuid).nth(3);
    world.inject(looked.hook(move |_| sandbox.delete_mapping(&deleted).unwrap()));
    let mut before = fleet(&world);
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(is_paused(&world, "demo-dev-moving"));
    let function = before.get_mut("demo-dev-moving").unwrap();
    function.mappings.remove(&uuid);
    restores(&world, &before).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_deploy_changes_of_a_function_while_its_mapping_settles_is_what_comes_back() {
    let name = "demo-dev-moving";
    let world = world(1, &[]).await;
    let live = FunctionSpec::new(name).reserved(30).versions(1);
    let live = live.alias("live", 1).provisioned("live", 2);
    let uuids = world.sandbox.seed(live.mapping(MappingSpec::sqs(name)));
    update(&world, &uuids[0], true, 60).await;
    let sandbox = world.sandbox.clone();
    let looked = Fault::on("GetEventSourceMapping").target(&uuids[0]).nth(3);
    world.inject(looked.hook(move |_| {
        sandbox.set_reserved(name, Some(40)).unwrap();
        sandbox.set_provisioned(name, "live", Some(7)).unwrap();
    }));
    assert!(world.on(&worker()).await.unwrap().is_complete());
    assert!(is_paused(&world, name));
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(workers(&report).drifted, []);
    let function = &world.sandbox.fleet()[name];
    assert_eq!(function.reserved, Some(40));
    assert_eq!(function.provisioned, [("live".to_owned(), 7)].into());
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_never_settles_holds_up_no_other_role() {
    let world = world(0, &[moving("demo-dev-mail", true, NEVER)]).await;
    world.sandbox.seed(FunctionSpec::new("demo-dev-search"));
    let roles = [web(), role("mail"), role("search")];
    let quiet = Context::quiet();
    let report = world.control.on(&roles, &on_wish(), &quiet).await.unwrap();
    let order: Vec<_> = report.roles.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(order, ["web", "search", "mail"]);
    let complete: Vec<_> = report.roles.iter().map(|it| it.is_complete()).collect();
    assert_eq!(complete, [true, true, false]);
    let after = paused_after(&world);
    assert_eq!(after.len(), 1);
    assert!(
        after[0].0 == "demo-dev-search" && after[0].1 < 10,
        "{after:?}"
    );
}
