//! Provisioned concurrency: where it may be, how much, and how long it takes.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::put_provisioned_concurrency_config::{
    PutProvisionedConcurrencyConfigError, PutProvisionedConcurrencyConfigOutput,
};
use maintenance_sandbox::FunctionSpec;

use crate::common::{code, is, lambda, quick, refusal};

type Put = Result<
    PutProvisionedConcurrencyConfigOutput,
    aws_sdk_lambda::error::SdkError<PutProvisionedConcurrencyConfigError>,
>;

async fn put(client: &Client, qualifier: &str, n: i32) -> Put {
    let call = client
        .put_provisioned_concurrency_config()
        .function_name("task");
    call.qualifier(qualifier)
        .provisioned_concurrent_executions(n)
        .send()
        .await
}

async fn status(client: &Client, qualifier: &str) -> (String, i32) {
    let call = client
        .get_provisioned_concurrency_config()
        .function_name("task");
    let got = call.qualifier(qualifier).send().await.unwrap();
    (
        got.status().unwrap().as_str().to_owned(),
        got.available_provisioned_concurrent_executions().unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_is_in_progress_and_then_ready() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").alias("live", 1));
    let client = lambda(&sandbox);
    let answer = put(&client, "live", 3).await.unwrap();
    assert_eq!(answer.status().unwrap().as_str(), "IN_PROGRESS");
    assert_eq!(
        answer.requested_provisioned_concurrent_executions(),
        Some(3)
    );
    assert_eq!(status(&client, "live").await, ("IN_PROGRESS".to_owned(), 0));
    tokio::time::advance(sandbox.settings().lambda.provision).await;
    assert_eq!(status(&client, "live").await, ("READY".to_owned(), 3));
}

#[tokio::test]
async fn provisioned_concurrency_needs_a_version_or_alias_and_is_never_zero() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").alias("live", 1).versions(2));
    let client = lambda(&sandbox);
    assert_eq!(
        code(put(&client, "live", 0).await),
        is(400, "ValidationException")
    );
    let latest = refusal(put(&client, "$LATEST", 1).await);
    assert_eq!(
        (latest.0, latest.1.as_str()),
        (400, "InvalidParameterValueException")
    );
    assert_eq!(
        latest.2,
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    );
    let missing = refusal(put(&client, "dead", 1).await);
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:task";
    assert_eq!(
        (missing.0, missing.2),
        (404, format!("Cannot find alias arn: {arn}:dead"))
    );
    let missing = refusal(put(&client, "9", 1).await);
    assert_eq!(
        (missing.0, missing.2),
        (404, format!("Function not found: {arn}:9"))
    );

    // A version and its alias cannot both have it.
    put(&client, "live", 1).await.unwrap();
    assert_eq!(
        code(put(&client, "1", 1).await),
        is(409, "ResourceConflictException")
    );
    put(&client, "2", 1).await.unwrap();
    let list = client
        .list_provisioned_concurrency_configs()
        .function_name("task");
    let list = list.send().await.unwrap();
    let arns: Vec<_> = list
        .provisioned_concurrency_configs()
        .iter()
        .map(|it| it.function_arn().unwrap().to_owned())
        .collect();
    assert_eq!(arns, [format!("{arn}:2"), format!("{arn}:live")]);
}

#[tokio::test]
async fn deleting_nothing_succeeds_and_reading_nothing_is_404() {
    let sandbox = quick();
    sandbox.seed(
        FunctionSpec::new("task")
            .alias("live", 1)
            .provisioned("live", 1),
    );
    let client = lambda(&sandbox);
    for _ in 0..2 {
        let delete = client
            .delete_provisioned_concurrency_config()
            .function_name("task");
        delete.qualifier("live").send().await.unwrap();
    }
    let get = client
        .get_provisioned_concurrency_config()
        .function_name("task");
    let get = get.qualifier("live").send().await;
    assert_eq!(
        code(get),
        is(404, "ProvisionedConcurrencyConfigNotFoundException")
    );
    let list = client
        .list_provisioned_concurrency_configs()
        .function_name("task");
    assert!(
        list.send()
            .await
            .unwrap()
            .provisioned_concurrency_configs()
            .is_empty()
    );
    let list = client
        .list_provisioned_concurrency_configs()
        .function_name("none");
    assert_eq!(
        code(list.send().await),
        is(404, "ResourceNotFoundException")
    );
}

#[tokio::test]
async fn provisioned_concurrency_fits_into_the_reservation() {
    let sandbox = quick();
    sandbox.seed(
        FunctionSpec::new("task")
            .reserved(3)
            .alias("live", 1)
            .versions(2),
    );
    let client = lambda(&sandbox);
    put(&client, "live", 2).await.unwrap();
    let over = refusal(put(&client, "2", 2).await);
    assert_eq!(
        (over.0, over.1.as_str()),
        (400, "InvalidParameterValueException")
    );
    assert_eq!(
        over.2,
        "Requested Provisioned Concurrency should not be greater than the \
         reservedConcurrentExecution for function"
    );
    // The total counts, and a put replaces what the qualifier has.
    put(&client, "2", 1).await.unwrap();
    put(&client, "live", 2).await.unwrap();
    sandbox.set_provisioned("task", "live", None).unwrap();
    sandbox.set_provisioned("task", "2", None).unwrap();
    sandbox.set_reserved("task", Some(0)).unwrap();
    assert_eq!(
        code(put(&client, "live", 1).await),
        is(400, "InvalidParameterValueException")
    );
}

#[tokio::test]
async fn provisioned_concurrency_fits_into_the_unreserved() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("big").reserved(800));
    sandbox.seed(FunctionSpec::new("task").alias("live", 1));
    let client = lambda(&sandbox);
    let over = refusal(put(&client, "live", 201).await);
    assert_eq!(
        over.2,
        "Specified ConcurrentExecutions for function is greater than account's unreserved \
         concurrency [200]."
    );
    let over = refusal(put(&client, "live", 101).await);
    assert_eq!(
        over.2,
        "Specified ConcurrentExecutions for function decreases account's \
         UnreservedConcurrentExecution below its minimum value of [100]."
    );
    put(&client, "live", 100).await.unwrap();
    let account = client.get_account_settings().send().await.unwrap();
    let limit = account.account_limit().unwrap();
    assert_eq!(limit.unreserved_concurrent_executions(), Some(100));
}

#[tokio::test]
async fn provisioned_concurrency_is_listed_fifty_per_page() {
    let sandbox = quick();
    let spec = (1..=60).fold(FunctionSpec::new("task"), |spec, n| {
        spec.provisioned(&n.to_string(), 1)
    });
    sandbox.seed(spec);
    let client = lambda(&sandbox);
    let list = client
        .list_provisioned_concurrency_configs()
        .function_name("task");
    let first = list.clone().send().await.unwrap();
    assert_eq!(first.provisioned_concurrency_configs().len(), 50);
    let second = list
        .marker(first.next_marker().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(second.provisioned_concurrency_configs().len(), 10);
    assert_eq!(second.next_marker(), None);
}

#[tokio::test(start_paused = true)]
async fn a_weighted_alias_cannot_be_provisioned() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").versions(2).alias("live", 1));
    let shifted = sandbox.shift_traffic("task", "live", Some((2, 0.1)));
    shifted.unwrap();
    let client = lambda(&sandbox);
    let put = || {
        let put = client.put_provisioned_concurrency_config();
        let put = put.function_name("task").qualifier("live");
        put.provisioned_concurrent_executions(2).send()
    };
    let (status, code, message) = refusal(put().await);
    assert_eq!((status, code), is(400, "InvalidParameterValueException"));
    assert_eq!(
        message,
        "Alias with weights can not be used with Provisioned Concurrency"
    );
    sandbox.shift_traffic("task", "live", None).unwrap();
    put().await.unwrap();
}
