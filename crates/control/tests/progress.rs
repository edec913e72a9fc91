//! What an operation tells while it is at work: how far it is, and what it waits for.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Mutex;
use std::time::Duration;

use maintenance_control::{CancellationToken, Context, Event, Waiting};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec, Service};

use support::OneApp as _;
use support::{World, off_wish, on_wish, web, worker};

#[tokio::test(start_paused = true)]
async fn listeners_hear_each_role_begin_and_end_and_every_function() {
    let world = World::mixed();
    let heard = Mutex::new(Vec::new());
    let listen = |event: Event<'_>| {
        let line = match event {
            Event::RoleStarted { role, .. } => format!("start {role}"),
            Event::Reading {
                done, total: None, ..
            } => format!("list {done}"),
            Event::Reading {
                done,
                total: Some(total),
                ..
            } => format!("read {done}/{total}"),
            Event::Waiting(_) => return,
            Event::Progress { done, total, .. } => format!("{done}/{total}"),
            Event::RoleFinished(report) => format!("finish {}", report.role),
            _ => "other".to_owned(),
        };
        heard.lock().unwrap().push(line);
    };
    let run = Context {
        stop: CancellationToken::new(),
        listen: &listen,
    };
    world
        .control
        .on(&[worker(), web()], &on_wish(), &run)
        .await
        .unwrap();
    let counted = |of: &'static str| (0..=8).map(move |n| format!("{of}{n}/8"));
    let expected: Vec<String> = std::iter::once("list 0".to_owned())
        .chain(counted("read "))
        .chain(["start web", "finish web", "start worker"].map(str::to_owned))
        .chain(counted(""))
        .chain(std::iter::once("finish worker".to_owned()))
        .collect();
    assert_eq!(*heard.lock().unwrap(), expected);
}

/// Everything that was waited for while `on` and then `off` was at work, each state once.
async fn waited(world: &World) -> (Vec<Waiting>, Vec<Waiting>) {
    let heard = Mutex::new(Vec::new());
    let listen = |event: Event<'_>| {
        if let Event::Waiting(waiting) = event {
            heard.lock().unwrap().push(waiting);
        }
    };
    let run = Context {
        stop: CancellationToken::new(),
        listen: &listen,
    };
    let roles = [worker()];
    let on = world.control.on(&roles, &on_wish(), &run).await;
    assert!(on.unwrap().is_complete());
    let on = std::mem::take(&mut *heard.lock().unwrap());
    let off = world.control.off(&roles, &off_wish(), &run).await;
    assert!(off.unwrap().is_complete());
    let off = std::mem::take(&mut *heard.lock().unwrap());
    (on, off)
}

#[tokio::test(start_paused = true)]
async fn what_aws_takes_its_time_for_is_told_every_second() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a")
            .mapping(MappingSpec::sqs("orders"))
            .mapping(MappingSpec::sqs("mail")),
        FunctionSpec::new("demo-dev-b")
            .versions(1)
            .alias("live", 1)
            .provisioned("live", 2),
    ]);
    world.sandbox.configure(|settings| {
        settings.lambda.mapping_disable = Duration::from_secs(20);
        settings.lambda.mapping_change = Duration::from_secs(5);
        settings.lambda.provision = Duration::from_secs(30);
    });
    let (on, off) = waited(&world).await;
    let mappings = |waiting: &&Waiting| waiting.mappings == 2 && waiting.provisioned == 0;
    let seconds = on.iter().filter(mappings).count();
    assert!((18..=26).contains(&seconds), "{seconds} of {on:?}");
    let provisioned = |waiting: &&Waiting| waiting.provisioned == 1;
    let seconds = off.iter().filter(provisioned).count();
    assert!((28..=42).contains(&seconds), "{seconds} of {off:?}");
    let all = on.iter().chain(&off);
    assert!(all.clone().all(|it| !it.throttled && it.updates == 0));
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_is_in_the_way_is_told() {
    let world = World::new([FunctionSpec::new("demo-dev-a")]);
    let updating = Fault::on("PutFunctionConcurrency").times(8).fail(
        409,
        "ResourceConflictException",
        "An update is in progress for resource: demo-dev-a",
    );
    world.inject(updating);
    let (on, off) = waited(&world).await;
    assert!(on.iter().any(|it| it.updates == 1), "{on:?}");
    assert!(off.iter().all(|it| it.updates == 0), "{off:?}");
}

#[tokio::test(start_paused = true)]
async fn throttling_is_told_while_calls_are_sent_more_slowly() {
    let functions = (0..60).map(|n| FunctionSpec::new(&format!("demo-dev-{n:02}")));
    let world = World::new(functions);
    let refused = Fault::any_write().service(Service::Lambda).nth(20).times(5);
    world.inject(refused.throttle());
    let (on, _) = waited(&world).await;
    let throttled: Vec<bool> = on.iter().map(|it| it.throttled).collect();
    assert!(throttled.contains(&true), "{throttled:?}");
    assert!(!throttled[0], "{throttled:?}");
}
