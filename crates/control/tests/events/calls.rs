//! What the reading costs.

use maintenance_control::{Context, Delivery};
use maintenance_sandbox::{FunctionSpec, Sandbox};

use crate::support::OneApp as _;
use crate::support::{World, on_wish, sandbox, web, worker};
use crate::triggers::{API, S3, allow, count, fates, on_accepting, plan};

#[tokio::test(start_paused = true)]
async fn a_plain_function_costs_one_get_policy_and_nothing_where_the_loss_is_accepted() {
    let names: Vec<String> = (0..40).map(|n| format!("demo-dev-{n:02}")).collect();
    let functions = || names.iter().map(|name| FunctionSpec::new(name));
    let world = World::new(functions());
    for name in &names {
        // A synchronous trigger needs no further look.
        allow(&world, name, None, API);
    }
    world.sandbox.reset_calls();
    world.on(&worker()).await.unwrap();
    assert_eq!(count(&world.sandbox, "GetPolicy"), 40);
    // Once with all others, and once just before it is paused.
    assert_eq!(count(&world.sandbox, "GetFunction"), 80);
    assert_eq!(count(&world.sandbox, "PutFunctionConcurrency"), 40);
    for operation in ["ListAliases", "ListFunctionEventInvokeConfigs"] {
        assert_eq!(count(&world.sandbox, operation), 0, "{operation}");
    }
    // Those that are paused are not looked at again.
    world.sandbox.reset_calls();
    world.on(&worker()).await.unwrap();
    world.off(&worker()).await.unwrap();
    assert_eq!(count(&world.sandbox, "GetPolicy"), 0);

    let world = World::new(functions());
    on_accepting(&world).await.unwrap();
    assert_eq!(count(&world.sandbox, "GetPolicy"), 0);
    let flag_only = World::mixed();
    flag_only.on(&web()).await.unwrap();
    assert_eq!(count(&flag_only.sandbox, "GetPolicy"), 0);
}

#[tokio::test(start_paused = true)]
async fn of_many_versions_only_the_newest_are_asked() {
    let world = World::new([FunctionSpec::new("demo-dev-a").versions(200)]);
    allow(&world, "demo-dev-a", Some("200"), S3);
    world.sandbox.reset_calls();
    let events = plan(&world).await;
    assert_eq!(
        fates(&events, "demo-dev-a"),
        [(S3, Some("200"), &Delivery::Lost)]
    );
    assert_eq!(count(&world.sandbox, "GetPolicy"), 6);
}

#[tokio::test(start_paused = true)]
async fn get_policy_keeps_to_the_budget_of_its_own() {
    let settings = maintenance_sandbox::Settings {
        rate_limits: true,
        ..sandbox().settings()
    };
    let sandbox = Sandbox::new(settings);
    for n in 0..100 {
        sandbox.seed(FunctionSpec::new(&format!("demo-dev-{n:03}")));
    }
    let control = crate::support::control_by(&sandbox, "ana@laptop");
    control
        .plan_on(&[worker()], &on_wish(), &Context::quiet())
        .await
        .unwrap();
    assert_eq!(count(&sandbox, "GetPolicy"), 100, "none was throttled");
}
