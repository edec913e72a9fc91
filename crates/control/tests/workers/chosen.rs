//! Which functions a role has, and that a plan touches none of them.

use maintenance_control::{Context, Error, RoleOutcome};
use maintenance_sandbox::FunctionSpec;

use crate::support::OneApp as _;
use crate::support::{World, off_wish, on_wish, only, worker};

#[tokio::test(start_paused = true)]
async fn a_role_that_selects_functions_and_finds_none_changes_nothing() {
    let world = World::new([FunctionSpec::new("other")]);
    let error = world.on(&worker()).await.unwrap_err();
    assert!(
        matches!(&error, Error::NoFunctions { looked_for, .. } if looked_for.contains("demo-dev-*")),
        "{error}"
    );
    assert!(world.parameters("flags").is_empty());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn tags_and_exclusions_choose() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a").tag("role", "worker"),
        FunctionSpec::new("demo-dev-b").tag("role", "web"),
        FunctionSpec::new("demo-dev-prewarm").tag("role", "worker"),
        FunctionSpec::new("unrelated").tag("role", "worker"),
    ]);
    let selection = maintenance_control::Selection::new(
        &["demo-dev-*".to_owned()],
        &["*-prewarm".to_owned()],
        [("role".to_owned(), "worker".to_owned())].into(),
    )
    .unwrap();
    let role = maintenance_control::RoleSpec {
        functions: Some(selection),
        ..worker()
    };
    let roles = [role.clone()];
    let plan = world
        .control
        .plan_on(&roles, &on_wish(), &Context::quiet())
        .await
        .unwrap();
    assert_eq!(
        only(&plan).workers.as_ref().unwrap().changed,
        ["demo-dev-a"]
    );
    // GetFunction shows tags only to who may list them.
    world
        .sandbox
        .configure(|settings| settings.lambda.hide_tags = true);
    let error = world.on(&role).await.unwrap_err();
    assert!(error.hint().unwrap().contains("lambda:ListTags"), "{error}");
    world
        .sandbox
        .configure(|settings| settings.lambda.hide_tags = false);
    world.on(&role).await.unwrap();
    let fleet = world.sandbox.fleet();
    let paused: Vec<_> = fleet
        .iter()
        .filter(|(_, f)| f.reserved == Some(0))
        .collect();
    assert_eq!(paused.len(), 1);
    // What was saved is restored though the configuration has lost its functions since.
    let alone = maintenance_control::RoleSpec {
        functions: None,
        ..worker()
    };
    let report = world.off(&alone).await.unwrap();
    assert!(report.is_complete());
    assert!(world.sandbox.fleet().values().all(|f| f.reserved.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reads_only() {
    let world = World::mixed();
    let before = (world.sandbox.fleet(), world.sandbox.parameters());
    let roles = [worker()];
    let plan = world
        .control
        .plan_on(&roles, &on_wish(), &Context::quiet())
        .await
        .unwrap();
    assert!(plan.dry_run);
    assert_eq!(only(&plan).outcome, RoleOutcome::TurnedOn);
    assert_eq!(only(&plan).workers.as_ref().unwrap().selected, 8);
    assert_eq!(world.sandbox.writes(), []);
    assert_eq!((world.sandbox.fleet(), world.sandbox.parameters()), before);

    world.on(&worker()).await.unwrap();
    world.sandbox.reset_calls();
    let plan = world
        .control
        .plan_off(&roles, &off_wish(), &Context::quiet())
        .await
        .unwrap();
    assert_eq!(only(&plan).outcome, RoleOutcome::TurnedOff);
    assert_eq!(only(&plan).workers.as_ref().unwrap().changed.len(), 7);
    assert_eq!(world.sandbox.writes(), []);
}
