//! Event source mappings: their states, their pages, and what they refuse.

use aws_sdk_lambda::Client;
use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox};

use crate::common::{code, is, lambda, quick};

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:orders";

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
async fn a_mapping_is_always_on_its_way() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let create = client.create_event_source_mapping().function_name("task");
    let created = create.event_source_arn(QUEUE).send().await.unwrap();
    let uuid = created.uuid().unwrap();
    assert_eq!(created.state(), Some("Creating"));
    assert_eq!(
        enable(&client, uuid, false).await,
        is(400, "ResourceInUseException")
    );
    rest(&sandbox).await;
    assert_eq!(state(&client, uuid).await, "Enabled");

    assert_eq!(enable(&client, uuid, false).await, is(202, "Disabling"));
    assert_eq!(
        enable(&client, uuid, true).await,
        is(400, "ResourceInUseException")
    );
    let delete = client.delete_event_source_mapping().uuid(uuid).send().await;
    assert_eq!(code(delete), is(400, "ResourceInUseException"));
    rest(&sandbox).await;
    assert_eq!(state(&client, uuid).await, "Disabled");
    assert_eq!(enable(&client, uuid, false).await, is(202, "Updating"));
    rest(&sandbox).await;
    assert_eq!(enable(&client, uuid, true).await, is(202, "Enabling"));
    rest(&sandbox).await;
    assert_eq!(state(&client, uuid).await, "Enabled");

    let delete = client
        .delete_event_source_mapping()
        .uuid(uuid)
        .send()
        .await
        .unwrap();
    assert_eq!(delete.state(), Some("Deleting"));
    assert_eq!(state(&client, uuid).await, "Deleting");
    rest(&sandbox).await;
    let gone = client.get_event_source_mapping().uuid(uuid).send().await;
    assert_eq!(code(gone), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn what_cannot_be_mapped_is_refused() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").mapping(MappingSpec::arn(QUEUE)));
    let client = lambda(&sandbox);
    let create = async |function: &str, source: &str| {
        let call = client.create_event_source_mapping().function_name(function);
        code(call.event_source_arn(source).send().await)
    };
    assert_eq!(
        create("task", QUEUE).await,
        is(409, "ResourceConflictException")
    );
    let invalid = is(400, "InvalidParameterValueException");
    assert_eq!(create("none", QUEUE).await, invalid);
    assert_eq!(create("task", "arn:aws:s3:::bucket").await, invalid);
    let stream = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
    assert_eq!(create("task", stream).await, invalid);
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
    let client = lambda(&sandbox);
    client
        .delete_function()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert_eq!(state(&client, &uuids[0]).await, "Enabled");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_aws_does_not_manage_has_no_arn() {
    use aws_sdk_lambda::types::{
        EndPointType, EventSourcePosition, SelfManagedEventSource, SourceAccessConfiguration,
        SourceAccessType,
    };
    let sandbox = quick();
    let seeded = FunctionSpec::new("seeded").mapping(MappingSpec::self_managed_kafka("orders"));
    let seeded = sandbox.seed(seeded);
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let servers = vec!["kafka.example.com:9096".to_owned()];
    let cluster = SelfManagedEventSource::builder()
        .endpoints(EndPointType::KafkaBootstrapServers, servers)
        .build();
    let create = || {
        let create = client.create_event_source_mapping();
        let create = create.function_name("task").topics("orders");
        create.self_managed_event_source(cluster.clone())
    };
    let access = SourceAccessConfiguration::builder()
        .r#type(SourceAccessType::SaslScram512Auth)
        .uri("arn:aws:secretsmanager:us-east-1:123456789012:secret:kafka")
        .build();
    let complete = || {
        let create = create().source_access_configurations(access.clone());
        create.starting_position(EventSourcePosition::Latest)
    };
    assert_eq!(
        code(create().send().await),
        is(400, "InvalidParameterValueException")
    );
    let created = complete().send().await.unwrap();
    assert_eq!(created.event_source_arn(), None);
    assert_eq!(
        code(complete().send().await),
        is(409, "ResourceConflictException")
    );
    rest(&sandbox).await;
    for uuid in [created.uuid().unwrap(), seeded[0].as_str()] {
        let get = client.get_event_source_mapping().uuid(uuid);
        let got = get.send().await.unwrap();
        assert_eq!(got.event_source_arn(), None);
        assert_eq!(got.topics(), ["orders"]);
        assert_eq!(got.self_managed_event_source(), Some(&cluster));
        assert_eq!(enable(&client, uuid, false).await, is(202, "Disabling"));
    }
}
