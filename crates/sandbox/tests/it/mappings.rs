//! Event source mappings: their states, their pages, and the updates that they refuse.

use aws_sdk_lambda::Client;
use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox};

use crate::common::{code, is, lambda, quick};

async fn state(client: &Client, uuid: &str) -> String {
    let got = client
        .get_event_source_mapping()
        .uuid(uuid)
        .send()
        .await
        .unwrap();
    got.state().unwrap().to_owned()
}

async fn enable(client: &Client, uuid: &str, enabled: bool) -> (u16, String) {
    let call = client
        .update_event_source_mapping()
        .uuid(uuid)
        .enabled(enabled);
    match call.send().await {
        Ok(updated) => (202, updated.state().unwrap().to_owned()),
        refused => code(refused),
    }
}

async fn rest(sandbox: &Sandbox) {
    tokio::time::advance(sandbox.settings().lambda.mapping_change).await;
}

#[tokio::test(start_paused = true)]
async fn a_changing_mapping_cannot_be_updated() {
    let sandbox = quick();
    let uuid = &sandbox.seed(FunctionSpec::new("task").mapping(MappingSpec::sqs("q")))[0];
    let client = lambda(&sandbox);
    assert_eq!(state(&client, uuid).await, "Enabled");
    assert_eq!(enable(&client, uuid, false).await, is(202, "Disabling"));
    let in_use = is(400, "ResourceInUseException");
    assert_eq!(enable(&client, uuid, true).await, in_use);
    rest(&sandbox).await;
    assert_eq!(state(&client, uuid).await, "Disabled");
    assert_eq!(enable(&client, uuid, false).await, is(202, "Updating"));
    rest(&sandbox).await;
    assert_eq!(enable(&client, uuid, true).await, is(202, "Enabling"));
    rest(&sandbox).await;
    assert_eq!(state(&client, uuid).await, "Enabled");
    // The sandbox refuses fields that it does not have.
    let batch = client.update_event_source_mapping().uuid(uuid);
    let batch = batch.batch_size(5).send().await;
    assert_eq!(code(batch), is(400, "SerializationException"));
    let none = client.get_event_source_mapping().uuid("none").send().await;
    assert_eq!(code(none), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn lists_have_a_hundred_a_page_over_the_whole_account() {
    let sandbox = quick();
    for n in 0..120 {
        let queue = format!("q{n}");
        sandbox.seed(FunctionSpec::new(&format!("task-{n:03}")).mapping(MappingSpec::sqs(&queue)));
    }
    let client = lambda(&sandbox);
    let first = client.list_event_source_mappings().send().await.unwrap();
    assert_eq!(first.event_source_mappings().len(), 100);
    let rest = client
        .list_event_source_mappings()
        .marker(first.next_marker().unwrap());
    assert_eq!(rest.send().await.unwrap().event_source_mappings().len(), 20);
    let one = client
        .list_event_source_mappings()
        .function_name("task-007")
        .send()
        .await
        .unwrap();
    assert_eq!(one.event_source_mappings().len(), 1);
}

#[tokio::test]
async fn a_bare_name_lists_what_maps_to_the_function_itself() {
    let sandbox = quick();
    let spec = FunctionSpec::new("task")
        .alias("live", 1)
        .mapping(MappingSpec::sqs("a"));
    sandbox.seed(spec.mapping(MappingSpec::sqs("b").qualifier("live").disabled()));
    let client = lambda(&sandbox);
    let list = async |function: &str| {
        let list = client.list_event_source_mappings().function_name(function);
        let list = list.send().await.unwrap();
        let arns = list.event_source_mappings().iter();
        arns.map(|it| it.event_source_arn().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list("task").await, ["arn:aws:sqs:us-east-1:123456789012:a"]);
    assert_eq!(
        list("task:live").await,
        ["arn:aws:sqs:us-east-1:123456789012:b"]
    );
    let states: Vec<_> = sandbox.fleet()["task"]
        .mappings
        .values()
        .map(|it| it.enabled)
        .collect();
    assert_eq!(states, [true, false]);
}

#[tokio::test]
async fn mappings_outlive_their_function() {
    let sandbox = quick();
    let uuids = sandbox.seed(FunctionSpec::new("task").mapping(MappingSpec::sqs("a")));
    sandbox.delete_function("task").unwrap();
    assert_eq!(state(&lambda(&sandbox), &uuids[0]).await, "Enabled");
}

#[tokio::test]
async fn a_self_managed_cluster_has_no_arn() {
    let sandbox = quick();
    let spec = FunctionSpec::new("task").mapping(MappingSpec::self_managed_kafka("orders"));
    let uuid = &sandbox.seed(spec)[0];
    let client = lambda(&sandbox);
    let got = client.get_event_source_mapping().uuid(uuid).send().await;
    let got = got.unwrap();
    assert_eq!(got.event_source_arn(), None);
    assert_eq!(got.topics(), ["orders"]);
    let servers = got.self_managed_event_source().unwrap().endpoints();
    assert_eq!(servers.unwrap().len(), 1);
    assert_eq!(enable(&client, uuid, false).await, is(202, "Disabling"));
}
