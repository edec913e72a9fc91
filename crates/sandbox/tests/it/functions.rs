//! Functions: listing, versions, aliases, policies, destinations.

use aws_sdk_lambda::types::FunctionVersion;
use maintenance_sandbox::FunctionSpec;

use crate::common::{code, is, lambda, quick};

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:task";

#[tokio::test]
async fn lists_have_fifty_a_page_and_no_concurrency() {
    let sandbox = quick();
    for n in 0..60 {
        sandbox.seed(
            FunctionSpec::new(&format!("f{n:02}"))
                .reserved(1)
                .timeout(9)
                .versions(1),
        );
    }
    let client = lambda(&sandbox);
    let first = client
        .list_functions()
        .max_items(1000)
        .send()
        .await
        .unwrap();
    assert_eq!(first.functions().len(), 50);
    assert_eq!(first.functions()[0].timeout(), Some(9));
    // Lists have neither states nor concurrency.
    assert!(first.functions()[0].state().is_none());
    let rest = client
        .list_functions()
        .marker(first.next_marker().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(rest.functions().len(), 10);
    let all: Vec<_> = client
        .list_functions()
        .function_version(FunctionVersion::All)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .unwrap();
    assert_eq!(all.len(), 120);
    let zero = client.list_functions().max_items(0).send().await;
    assert_eq!(code(zero), is(400, "ValidationException"));
}

#[tokio::test]
async fn versions_keep_the_configuration_they_were_published_from() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").alias("live", 1));
    sandbox.set_timeout("task", 60).unwrap();
    assert_eq!(sandbox.publish_version("task"), Ok(2));
    let client = lambda(&sandbox);
    let through = client.get_function().function_name("task:live").send();
    let through = through.await.unwrap();
    let through = through.configuration().unwrap();
    assert_eq!((through.version(), through.timeout()), (Some("1"), Some(3)));
    let list = client.list_versions_by_function().function_name("task");
    let list = list.send().await.unwrap();
    let listed: Vec<_> = list.versions().iter().collect();
    let versions = listed.iter().map(|it| it.version().unwrap());
    assert_eq!(versions.collect::<Vec<_>>(), ["$LATEST", "1", "2"]);
    assert_eq!(listed[2].timeout(), Some(60));
    let aliases = client.list_aliases().function_name("task").send().await;
    let aliases = aliases.unwrap();
    let alias = &aliases.aliases()[0];
    assert_eq!(alias.alias_arn(), Some(&*format!("{ARN}:live")));
    assert_eq!(alias.function_version(), Some("1"));
    assert!(alias.routing_config().is_none());
    let shifted = sandbox.shift_traffic("task", "live", Some((2, 0.1)));
    shifted.unwrap();
    let aliases = client.list_aliases().function_name("task").send().await;
    let aliases = aliases.unwrap();
    let routing = aliases.aliases()[0].routing_config().unwrap();
    assert_eq!(routing.additional_version_weights().unwrap()["2"], 0.1);
}

#[tokio::test]
async fn refuses_wrong_names_and_qualifiers() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").versions(2));
    let client = lambda(&sandbox);
    let get = async |name: &str, qualifier: Option<&str>| {
        let call = client.get_function().function_name(name);
        code(
            call.set_qualifier(qualifier.map(str::to_owned))
                .send()
                .await,
        )
    };
    let invalid = is(400, "InvalidParameterValueException");
    assert_eq!(get("task:1", Some("2")).await, invalid);
    let missing = is(404, "ResourceNotFoundException");
    assert_eq!(get("task", Some("9")).await, missing);
    let elsewhere = ARN.replace("us-east-1", "eu-west-1");
    assert_eq!(get(&elsewhere, None).await, missing);
    assert_eq!(get("wo rk", None).await, is(400, "ValidationException"));
}

#[tokio::test]
async fn each_qualifier_has_a_policy_and_a_destination_of_its_own() {
    let sandbox = quick();
    let spec = FunctionSpec::new("task").alias("live", 1);
    sandbox.seed(spec.invoked_by("s3.amazonaws.com"));
    let client = lambda(&sandbox);
    let policy = async |name: &str| {
        let get = client.get_policy().function_name(name).send().await;
        let policy = get.map(|it| it.policy().unwrap().to_owned());
        policy.map(|it| serde_json::from_str::<serde_json::Value>(&it).unwrap())
    };
    let statement = policy("task").await.unwrap()["Statement"][0].clone();
    let principal = serde_json::json!({ "Service": "s3.amazonaws.com" });
    assert_eq!(statement["Principal"], principal);
    assert_eq!(statement["Resource"], ARN);
    let none = policy("task:live").await;
    assert_eq!(code(none), is(404, "ResourceNotFoundException"));
    let allowed = sandbox.allow("task", Some("live"), "events.amazonaws.com");
    allowed.unwrap();
    let statement = policy("task:live").await.unwrap()["Statement"][0].clone();
    assert_eq!(statement["Resource"], format!("{ARN}:live"));

    let queue = "arn:aws:sqs:us-east-1:123456789012:failed";
    sandbox.set_on_failure("task", None, queue).unwrap();
    let list = client.list_function_event_invoke_configs();
    let list = list.function_name("task").send().await.unwrap();
    let configs = list.function_event_invoke_configs();
    assert_eq!(configs.len(), 1);
    assert_eq!(configs[0].function_arn(), Some(&*format!("{ARN}:$LATEST")));
    let destinations = configs[0].destination_config().unwrap();
    let on_failure = destinations.on_failure().unwrap();
    assert_eq!(on_failure.destination(), Some(queue));
}
