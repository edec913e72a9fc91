//! The log, the state, the setters, and saving to a directory.

use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox, Settings, StateError};

use crate::common::{lambda, quick, ssm};

fn worker() -> FunctionSpec {
    FunctionSpec::new("task")
        .reserved(9)
        .alias("live", 2)
        .provisioned("live", 3)
        .timeout(60)
        .tag("role", "worker")
        .mapping(MappingSpec::dynamodb("orders").qualifier("live"))
}

#[tokio::test]
async fn the_log_has_every_call() {
    let sandbox = quick();
    sandbox.seed(worker());
    let client = lambda(&sandbox);
    client
        .get_function()
        .function_name("task:live")
        .send()
        .await
        .unwrap();
    client
        .delete_function_concurrency()
        .function_name("task")
        .send()
        .await
        .unwrap();
    let _ = ssm(&sandbox).get_parameter().name("/a").send().await;
    let calls: Vec<_> = sandbox
        .calls()
        .into_iter()
        .map(|it| (it.call.operation, it.call.target.unwrap(), it.call.write))
        .collect();
    let entry =
        |operation: &str, target: &str, write| (operation.to_owned(), target.to_owned(), write);
    assert_eq!(
        calls,
        [
            entry("GetFunction", "task", false),
            entry("DeleteFunctionConcurrency", "task", true),
            entry("GetParameter", "/a", false),
        ]
    );
    assert_eq!(sandbox.writes().len(), 1);
    assert_eq!(sandbox.call_counts().by_operation["GetFunction"], 1);
    sandbox.reset_calls();
    assert_eq!((sandbox.calls().len(), sandbox.call_counts().total), (0, 0));
    client.list_functions().send().await.unwrap();
    assert_eq!(sandbox.calls()[0].call.seq, 4);
}

#[tokio::test]
async fn setters_change_the_state_without_a_call() {
    let sandbox = quick();
    let uuids = sandbox.seed(worker());
    let before = sandbox.fleet();
    sandbox.set_reserved("task", None).unwrap();
    sandbox.set_provisioned("task", "live", Some(1)).unwrap();
    sandbox.set_mapping_enabled(&uuids[0], false).unwrap();
    let after = sandbox.fleet();
    assert_ne!(before, after);
    assert_eq!(after["task"].reserved, None);
    assert_eq!(after["task"].mappings[&uuids[0]].state, "Disabled");
    sandbox.delete_mapping(&uuids[0]).unwrap();
    sandbox.delete_function("task").unwrap();
    assert!(sandbox.fleet().is_empty());
    assert!(sandbox.set_reserved("task", None).is_err());
    sandbox.set_parameter("/a", "typed in");
    assert_eq!(sandbox.parameters()["/a"].value, "typed in");
    assert!(sandbox.delete_parameter("/a") && !sandbox.delete_parameter("/a"));
    assert!(sandbox.calls().is_empty());
}

#[tokio::test]
async fn loads_what_it_saved() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("state");
    assert!(matches!(
        Sandbox::load(&home, Settings::quick()),
        Err(StateError::Missing(_))
    ));
    let sandbox = quick();
    sandbox.seed(worker());
    sandbox.set_parameter("/a", "1");
    sandbox.set_parameter("/a", "2");
    sandbox.save(&home).unwrap();
    sandbox.set_parameter("/a", "3");
    sandbox.save(&home).unwrap();
    let back = Sandbox::load(&home, Settings::quick()).unwrap();
    assert_eq!(back.fleet(), sandbox.fleet());
    assert_eq!(back.parameters(), sandbox.parameters());
    assert_eq!(back.parameters()["/a"].version, 3);
    // A new mapping gets a new UUID.
    let uuids = back.seed(FunctionSpec::new("other").mapping(MappingSpec::sqs("q")));
    assert!(!sandbox.fleet()["task"].mappings.contains_key(&uuids[0]));

    let file = home.join("sandbox.json");
    std::fs::write(&file, "{\"schema\": 1, \"ssm\"").unwrap();
    assert!(matches!(
        Sandbox::load(&home, Settings::quick()),
        Err(StateError::Damaged { .. })
    ));
    std::fs::write(&file, "{\"schema\": 2}").unwrap();
    let newer = Sandbox::load(&home, Settings::quick()).unwrap_err();
    assert!(matches!(newer, StateError::TooNew { schema: 2, .. }));
}

/// Every later version reads what earlier versions saved, whose API could do more.
#[tokio::test]
async fn reads_what_earlier_versions_saved() {
    let home = tempfile::tempdir().unwrap();
    let saved = include_str!("../fixtures/sandbox.json");
    std::fs::write(home.path().join("sandbox.json"), saved).unwrap();
    let sandbox = Sandbox::load(home.path(), Settings::quick()).unwrap();
    let fleet = sandbox.fleet();
    let search = &fleet["demo-dev-worker-search"];
    assert_eq!((search.reserved, search.provisioned["live"]), (Some(10), 4));
    assert_eq!((search.timeout, search.mappings.len()), (60, 3));
    assert_eq!(fleet["demo-dev-worker-legacy"].reserved, Some(0));
    let policy = lambda(&sandbox).get_policy();
    let policy = policy.function_name("demo-dev-worker-search:live");
    let policy = policy.send().await.unwrap();
    assert!(policy.policy().unwrap().contains("events.amazonaws.com"));
    let flag = &sandbox.parameters()["/maintenance/demo-dev/flags/web"];
    assert_eq!((flag.value.as_str(), flag.version), ("on", 2));
    assert_eq!(sandbox.parameters()["/secret"].kind, "SecureString");
}

#[tokio::test]
async fn seeding_again_replaces_the_function_and_its_mappings() {
    let sandbox = quick();
    sandbox.seed(worker());
    sandbox.seed(FunctionSpec::new("task"));
    assert!(sandbox.fleet()["task"].mappings.is_empty());
    let listed = lambda(&sandbox)
        .list_event_source_mappings()
        .send()
        .await
        .unwrap();
    assert!(listed.event_source_mappings().is_empty());
}
