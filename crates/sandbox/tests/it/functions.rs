//! Functions: creating, listing, versions, aliases, tags, policies, event invoke settings.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    DeadLetterConfig, DestinationConfig, FunctionCode, FunctionVersion, OnFailure, Runtime,
};
use maintenance_sandbox::FunctionSpec;

use crate::common::{code, is, lambda, quick};

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:task";

#[tokio::test(start_paused = true)]
async fn a_function_is_created_like_any_other() {
    let sandbox = quick();
    let client = lambda(&sandbox);
    let create = || {
        client
            .create_function()
            .function_name("task")
            .runtime(Runtime::Providedal2023)
            .role("arn:aws:iam::123456789012:role/task")
            .handler("bootstrap")
            .timeout(30)
            .code(FunctionCode::builder().zip_file(Blob::new(b"zip")).build())
            .dead_letter_config(
                DeadLetterConfig::builder()
                    .target_arn("arn:aws:sqs:x")
                    .build(),
            )
            .tags("role", "worker")
            .send()
    };
    let created = create().await.unwrap();
    assert_eq!(created.state().unwrap().as_str(), "Pending");
    assert_eq!(created.function_arn(), Some(ARN));
    let early = client.publish_version().function_name("task").send().await;
    assert_eq!(code(early), is(409, "ResourceConflictException"));
    assert_eq!(code(create().await), is(409, "ResourceConflictException"));
    tokio::time::advance(sandbox.settings().lambda.create).await;

    let got = client
        .get_function()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert_eq!(got.tags().unwrap()["role"], "worker");
    let configuration = got.configuration().unwrap();
    assert_eq!(configuration.state().unwrap().as_str(), "Active");
    assert_eq!(configuration.timeout(), Some(30));
    assert_eq!(
        configuration.dead_letter_config().unwrap().target_arn(),
        Some("arn:aws:sqs:x")
    );

    client
        .delete_function()
        .function_name("task")
        .send()
        .await
        .unwrap();
    let gone = client
        .get_function_configuration()
        .function_name("task")
        .send()
        .await;
    assert_eq!(code(gone), is(404, "ResourceNotFoundException"));
}

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
    // Neither states nor, in any field, concurrency.
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

#[tokio::test(start_paused = true)]
async fn versions_are_published_and_aliases_point_at_them() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let publish = async || {
        let version = client
            .publish_version()
            .function_name("task")
            .send()
            .await
            .unwrap();
        version.version().unwrap().to_owned()
    };
    assert_eq!(publish().await, "1");
    // Nothing changed, so nothing is published.
    assert_eq!(publish().await, "1");
    client
        .update_function_configuration()
        .function_name("task")
        .timeout(60)
        .send()
        .await
        .unwrap();
    tokio::time::advance(sandbox.settings().lambda.update).await;
    assert_eq!(publish().await, "2");

    let alias = client
        .create_alias()
        .function_name("task")
        .name("live")
        .function_version("1");
    assert_eq!(
        alias.clone().send().await.unwrap().alias_arn(),
        Some(&*format!("{ARN}:live"))
    );
    assert_eq!(
        code(alias.send().await),
        is(409, "ResourceConflictException")
    );
    let missing = client
        .create_alias()
        .function_name("task")
        .name("x")
        .function_version("9");
    assert_eq!(
        code(missing.send().await),
        is(404, "ResourceNotFoundException")
    );
    let number = client
        .create_alias()
        .function_name("task")
        .name("2")
        .function_version("1");
    assert_eq!(code(number.send().await), is(400, "ValidationException"));
    let through = client
        .get_function()
        .function_name("task:live")
        .send()
        .await
        .unwrap();
    let through = through.configuration().unwrap();
    assert_eq!((through.version(), through.timeout()), (Some("1"), Some(3)));
    let update = client
        .update_alias()
        .function_name("task")
        .name("live")
        .function_version("2");
    update.send().await.unwrap();
    let got = client
        .get_alias()
        .function_name("task")
        .name("live")
        .send()
        .await
        .unwrap();
    assert_eq!(got.function_version(), Some("2"));
    let aliases = client
        .list_aliases()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert_eq!(aliases.aliases().len(), 1);
    let versions = client
        .list_versions_by_function()
        .function_name("task")
        .send()
        .await
        .unwrap();
    let versions: Vec<_> = versions
        .versions()
        .iter()
        .map(|it| it.version().unwrap())
        .collect();
    assert_eq!(versions, ["$LATEST", "1", "2"]);
    let held = client
        .delete_function()
        .function_name("task")
        .qualifier("2")
        .send()
        .await;
    assert_eq!(code(held), is(409, "ResourceConflictException"));
    client
        .delete_alias()
        .function_name("task")
        .name("live")
        .send()
        .await
        .unwrap();
    let gone = client
        .get_alias()
        .function_name("task")
        .name("live")
        .send()
        .await;
    assert_eq!(code(gone), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn names_lead_astray_only_with_an_error() {
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
async fn tags_belong_to_the_function() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").tag("a", "1"));
    let client = lambda(&sandbox);
    client
        .tag_resource()
        .resource(ARN)
        .tags("b", "2")
        .send()
        .await
        .unwrap();
    client
        .untag_resource()
        .resource(ARN)
        .tag_keys("a")
        .tag_keys("z")
        .send()
        .await
        .unwrap();
    let tags = client.list_tags().resource(ARN).send().await.unwrap();
    let tags: Vec<_> = tags.tags().unwrap().iter().collect();
    assert_eq!(tags, [(&"b".to_owned(), &"2".to_owned())]);
    let alias = client
        .tag_resource()
        .resource(format!("{ARN}:live"))
        .tags("c", "3");
    assert_eq!(
        code(alias.send().await),
        is(400, "InvalidParameterValueException")
    );
}

#[tokio::test]
async fn policies_are_kept() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let none = client.get_policy().function_name("task").send().await;
    assert_eq!(code(none), is(404, "ResourceNotFoundException"));
    let add = client
        .add_permission()
        .function_name("task")
        .statement_id("s3");
    let add = add
        .action("lambda:InvokeFunction")
        .principal("s3.amazonaws.com");
    add.clone().send().await.unwrap();
    assert_eq!(code(add.send().await), is(409, "ResourceConflictException"));
    let policy = client
        .get_policy()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert!(policy.policy().unwrap().contains("s3.amazonaws.com"));
    client
        .remove_permission()
        .function_name("task")
        .statement_id("s3")
        .send()
        .await
        .unwrap();
    let none = client.get_policy().function_name("task").send().await;
    assert_eq!(code(none), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_principal_is_a_service_an_account_a_role_or_anybody() {
    let sandbox = quick();
    let role = "arn:aws:iam::123456789012:role/deploy";
    sandbox.seed(FunctionSpec::new("task").invoked_by("alexa-appkit.amazon.com"));
    let client = lambda(&sandbox);
    for (id, principal) in [
        ("1", "alexa-connectedhome.amazon.com"),
        ("2", "config.amazonaws.com.cn"),
        ("3", "210987654321"),
        ("4", role),
        ("5", "*"),
    ] {
        let add = client.add_permission().function_name("task");
        let add = add.statement_id(id).action("lambda:InvokeFunction");
        let add = add.principal(principal).event_source_token("token");
        add.send().await.unwrap();
    }
    let get = client.get_policy().function_name("task").send().await;
    let policy: serde_json::Value = serde_json::from_str(get.unwrap().policy().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let principals: Vec<_> = statements.iter().map(|it| &it["Principal"]).collect();
    assert_eq!(
        serde_json::json!(principals),
        serde_json::json!([
            { "Service": "alexa-connectedhome.amazon.com" },
            { "Service": "config.amazonaws.com.cn" },
            { "AWS": "arn:aws:iam::210987654321:root" },
            { "AWS": role },
            "*",
            { "Service": "alexa-appkit.amazon.com" },
        ])
    );
    let condition = &statements[0]["Condition"]["StringEquals"];
    assert_eq!(condition["lambda:EventSourceToken"], "token");
}

#[tokio::test]
async fn event_invoke_settings_are_kept() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let get = || {
        client
            .get_function_event_invoke_config()
            .function_name("task")
            .send()
    };
    assert_eq!(code(get().await), is(404, "ResourceNotFoundException"));
    let put = client
        .put_function_event_invoke_config()
        .function_name("task");
    assert_eq!(
        code(put.clone().send().await),
        is(400, "InvalidParameterValueException")
    );
    let failure = OnFailure::builder()
        .destination("arn:aws:sqs:us-east-1:123456789012:dead")
        .build();
    let destinations = DestinationConfig::builder().on_failure(failure).build();
    put.maximum_retry_attempts(1)
        .destination_config(destinations)
        .send()
        .await
        .unwrap();
    assert_eq!(get().await.unwrap().maximum_retry_attempts(), Some(1));
    let list = client
        .list_function_event_invoke_configs()
        .function_name("task");
    let list = list.send().await.unwrap();
    assert_eq!(
        list.function_event_invoke_configs()[0].function_arn(),
        Some(&*format!("{ARN}:$LATEST"))
    );
    client
        .delete_function_event_invoke_config()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert_eq!(code(get().await), is(404, "ResourceNotFoundException"));
}
