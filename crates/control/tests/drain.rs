//! When no code of a role can still be running.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Mutex;
use std::time::Duration;

use maintenance_control::{CancellationToken, Context, Event};
use maintenance_flag::Flag;
use maintenance_sandbox::{Fault, FunctionSpec};
use support::{World, only, web, worker};

#[tokio::test(start_paused = true)]
async fn a_role_is_drained_when_its_longest_timeout_has_passed() {
    let world = World::new([
        FunctionSpec::new("demo-dev-quick").timeout(3),
        FunctionSpec::new("demo-dev-slow").timeout(300),
    ]);
    let report = world.on(&worker()).await.unwrap();
    let paused_at = world.sandbox.settings().clock.now();
    let drained_at = only(&report).drained_at.unwrap();
    let wait = drained_at.duration_since(paused_at);
    assert!((295..=301).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(world.flag("worker").drained_at, Some(drained_at));

    // Nothing new: the moment stays. Something new: it counts from then.
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(
        only(&world.on(&worker()).await.unwrap()).drained_at,
        Some(drained_at)
    );
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-new").timeout(900));
    let later = only(&world.on(&worker()).await.unwrap())
        .drained_at
        .unwrap();
    assert!(later > drained_at + Duration::from_secs(600), "{later}");

    // Not all are paused: nobody knows.
    world.sandbox.seed(FunctionSpec::new("demo-dev-stuck"));
    world.inject(Fault::on("PutFunctionConcurrency").always().access_denied());
    assert_eq!(only(&world.on(&worker()).await.unwrap()).drained_at, None);
    assert_eq!(world.flag("worker").drained_at, None);
    world.sandbox.clear_faults();
    world.off(&worker()).await.unwrap();
    assert_eq!(world.flag("worker").drained_at, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_off_operation_paused_counts_for_the_next() {
    let world = World::new([FunctionSpec::new("demo-dev-slow").timeout(600)]);
    world.on(&worker()).await.unwrap();
    // As if it had died before it noted when.
    let name = "/maintenance/demo-dev/flags/worker";
    let flag = Flag {
        drained_at: None,
        ..world.flag("worker")
    };
    world.sandbox.set_parameter(name, &flag.encode().unwrap());
    let report = world.on(&worker()).await.unwrap();
    let now = world.sandbox.settings().clock.now();
    let wait = only(&report).drained_at.unwrap().duration_since(now);
    assert!((590..=601).contains(&wait.as_secs()), "{wait:?}");
    // And of a flag that somebody typed, from now on.
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/web", "on");
    let report = world.on(&web()).await.unwrap();
    let wait = only(&report).drained_at.unwrap().duration_since(now);
    assert!(wait.as_secs() > 900, "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_dies_while_it_pauses_more_leaves_no_moment_that_is_too_early() {
    let world = World::new([FunctionSpec::new("demo-dev-quick").timeout(3)]);
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-slow").timeout(900));
    tokio::time::advance(Duration::from_secs(60)).await;
    // It clears the moment, saves, pauses, and cannot note the new one.
    let note = Fault::on("PutParameter")
        .target("flags/worker")
        .nth(2)
        .always();
    world.inject(note.fail(500, "InternalServerError", "gone"));
    world.on(&worker()).await.unwrap_err();
    assert_eq!(world.sandbox.fleet()["demo-dev-slow"].reserved, Some(0));
    assert_eq!(world.flag("worker").drained_at, None);
    world.sandbox.clear_faults();
    let report = world.on(&worker()).await.unwrap();
    let now = world.sandbox.settings().clock.now();
    let wait = only(&report).drained_at.unwrap().duration_since(now);
    assert!(wait.as_secs() >= 890, "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flag_alone_is_drained_after_the_gates_ttl_and_the_longest_timeout() {
    let world = World::new([]);
    let report = world.on(&web()).await.unwrap();
    let drained_at = support::start() + Duration::from_secs(908);
    assert_eq!(
        only(&report).drained_at,
        Some(drained_at),
        "AWS's longest timeout"
    );
    world.off(&web()).await.unwrap();
    let known = maintenance_control::Drain {
        timeout: Some(Duration::from_secs(29)),
        ..Default::default()
    };
    let report = world
        .on(&maintenance_control::RoleSpec {
            drain: known,
            ..web()
        })
        .await
        .unwrap();
    let wait = only(&report)
        .drained_at
        .unwrap()
        .duration_since(world.sandbox.settings().clock.now());
    assert!((35..=37).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn what_writing_the_flag_took_counts_too() {
    let world = World::new([]);
    // AWS throttles for a while, or the answer is lost: no gate can have seen the flag before.
    let slow = Fault::on("PutParameter").target("flags/web").nth(1);
    world.inject(slow.delay(Duration::from_secs(20)));
    let report = world.on(&web()).await.unwrap();
    let drained_at = only(&report).drained_at.unwrap();
    let longest = maintenance_control::Drain::default().longest();
    let written = support::start() + Duration::from_secs(20);
    assert!(drained_at >= written + longest, "{drained_at}");
    assert_eq!(world.flag("web").drained_at, Some(drained_at));
    // It was on at once, and stays.
    let report = world.on(&web()).await.unwrap();
    assert_eq!(only(&report).drained_at, Some(drained_at));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_roles_are_drained_and_tells_how_long() {
    let world = World::new([FunctionSpec::new("demo-dev-a").timeout(60)]);
    let report = world.on(&worker()).await.unwrap();
    let drained_at = only(&report).drained_at.unwrap();
    let told = Mutex::new(Vec::new());
    let listen = |event: Event<'_>| {
        if let Event::Draining { left, .. } = event {
            told.lock().unwrap().push(left.as_secs());
        }
    };
    let run = Context {
        stop: CancellationToken::new(),
        listen: &listen,
    };
    assert!(world.control.wait(&report, &run).await);
    assert!(world.sandbox.settings().clock.now() >= drained_at);
    let told = told.lock().unwrap().clone();
    assert!(told[0] >= 58 && told.len() >= 58, "{told:?}");
    assert!(told.is_sorted_by(|a, b| a > b), "it counts down: {told:?}");

    let stop = CancellationToken::new();
    stop.cancel();
    world.off(&worker()).await.unwrap();
    let report = world.on(&worker()).await.unwrap();
    let run = Context {
        stop,
        listen: &|_| {},
    };
    assert!(!world.control.wait(&report, &run).await, "stopped");
}
