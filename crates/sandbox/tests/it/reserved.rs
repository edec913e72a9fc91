//! Reserved concurrency: unset, zero and a number; the unreserved minimum; refusals with AWS's messages.

use std::time::Duration;

use maintenance_sandbox::FunctionSpec;

use crate::common::{code, is, lambda, quick, refusal};

#[tokio::test]
async fn unset_zero_and_a_number_are_three_different_reservations() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let get = async || {
        let answer = client.get_function_concurrency().function_name("task");
        answer
            .send()
            .await
            .unwrap()
            .reserved_concurrent_executions()
    };
    let whole = async || {
        let answer = client
            .get_function()
            .function_name("task")
            .send()
            .await
            .unwrap();
        answer
            .concurrency()
            .and_then(|it| it.reserved_concurrent_executions())
    };
    assert_eq!((get().await, whole().await), (None, None));
    for n in [0, 7] {
        let put = client.put_function_concurrency().function_name("task");
        let put = put.reserved_concurrent_executions(n).send().await.unwrap();
        assert_eq!(put.reserved_concurrent_executions(), Some(n));
        assert_eq!((get().await, whole().await), (Some(n), Some(n)));
    }
    // Deleting succeeds, also when there is nothing to delete.
    for _ in 0..2 {
        let delete = client.delete_function_concurrency().function_name("task");
        delete.send().await.unwrap();
        assert_eq!((get().await, whole().await), (None, None));
    }
}

#[tokio::test]
async fn a_qualified_get_function_shows_no_reservation() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").reserved(5).alias("live", 1));
    let client = lambda(&sandbox);
    for qualifier in ["live", "1", "$LATEST"] {
        let call = client
            .get_function()
            .function_name("task")
            .qualifier(qualifier);
        assert!(
            call.send().await.unwrap().concurrency().is_none(),
            "{qualifier}"
        );
    }
}

#[tokio::test]
async fn only_the_function_itself_can_be_reserved() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").alias("live", 1));
    let client = lambda(&sandbox);
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:task";
    for name in [
        "task:live",
        "task:1",
        "task:$LATEST",
        &format!("{arn}:live"),
    ] {
        let put = client.put_function_concurrency().function_name(name);
        let put = put.reserved_concurrent_executions(1).send().await;
        assert_eq!(
            code(put),
            is(400, "InvalidParameterValueException"),
            "{name}"
        );
        let delete = client
            .delete_function_concurrency()
            .function_name(name)
            .send()
            .await;
        assert_eq!(
            code(delete),
            is(400, "InvalidParameterValueException"),
            "{name}"
        );
    }
    for name in ["task", arn] {
        let put = client.put_function_concurrency().function_name(name);
        put.reserved_concurrent_executions(1).send().await.unwrap();
    }
    let put = client.put_function_concurrency().function_name("none");
    let put = refusal(put.reserved_concurrent_executions(1).send().await);
    assert_eq!(
        put,
        (
            404,
            "ResourceNotFoundException".to_owned(),
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none:$LATEST"
                .to_owned()
        )
    );
    let negative = client.put_function_concurrency().function_name("task");
    let negative = negative.reserved_concurrent_executions(-1).send().await;
    assert_eq!(code(negative), is(400, "ValidationException"));
}

#[tokio::test]
async fn a_hundred_stay_unreserved() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("big").reserved(800));
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let put = async |n| {
        let call = client.put_function_concurrency().function_name("task");
        call.reserved_concurrent_executions(n).send().await
    };
    let (status, code, message) = refusal(put(101).await);
    assert_eq!(
        (status, code.as_str()),
        (400, "InvalidParameterValueException")
    );
    assert_eq!(
        message,
        "Specified ReservedConcurrentExecutions for function decreases account's \
         UnreservedConcurrentExecution below its minimum value of [100]."
    );
    put(100).await.unwrap();
    let account = client.get_account_settings().send().await.unwrap();
    let limit = account.account_limit().unwrap();
    assert_eq!(limit.concurrent_executions(), 1000);
    assert_eq!(limit.unreserved_concurrent_executions(), Some(100));
    // Lowering is always allowed, also when the pool is below its minimum already.
    sandbox.set_reserved("big", Some(900)).unwrap();
    put(50).await.unwrap();
    put(0).await.unwrap();
    // Another function may have taken what was freed.
    sandbox.set_reserved("big", Some(900)).unwrap();
    assert_eq!(
        crate::common::code(put(1).await).1,
        "InvalidParameterValueException"
    );
}

#[tokio::test]
async fn reserved_cannot_go_below_provisioned() {
    let sandbox = quick();
    let spec = FunctionSpec::new("task").reserved(5).alias("live", 1);
    sandbox.seed(spec.versions(2).provisioned("live", 1).provisioned("2", 1));
    let client = lambda(&sandbox);
    for n in [1, 0] {
        let put = client.put_function_concurrency().function_name("task");
        let (status, code, message) = refusal(put.reserved_concurrent_executions(n).send().await);
        assert_eq!(
            (status, code.as_str()),
            (400, "InvalidParameterValueException")
        );
        assert_eq!(
            message,
            format!(
                " ReservedConcurrentExecutions  {n} should not be lower than function's total \
                 provisioned concurrency [2]."
            )
        );
    }
    assert_eq!(sandbox.fleet()["task"].reserved, Some(5));
}

#[tokio::test(start_paused = true)]
async fn an_update_in_progress_blocks_other_writes() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").reserved(5).alias("live", 1));
    let client = lambda(&sandbox);
    let lasts = Duration::from_secs(9);
    sandbox.begin_update("task", lasts).unwrap();
    let get = client.get_function().function_name("task").send().await;
    let updating = get.unwrap().configuration().unwrap().clone();
    let status = updating.last_update_status().unwrap();
    assert_eq!(status.as_str(), "InProgress");
    let put = || {
        let put = client.put_function_concurrency().function_name("task");
        put.reserved_concurrent_executions(0).send()
    };
    let (status, code, message) = refusal(put().await);
    assert_eq!((status, code.as_str()), (409, "ResourceConflictException"));
    assert_eq!(
        message,
        "The operation cannot be performed at this time. An update is in progress for resource: \
         arn:aws:lambda:us-east-1:123456789012:function:task"
    );
    let conflict = is(409, "ResourceConflictException");
    let delete = client
        .delete_function_concurrency()
        .function_name("task")
        .send()
        .await;
    assert_eq!(crate::common::code(delete), conflict);
    let provision = client
        .put_provisioned_concurrency_config()
        .function_name("task");
    let provision = provision
        .qualifier("live")
        .provisioned_concurrent_executions(1);
    assert_eq!(crate::common::code(provision.send().await), conflict);
    let remove = client
        .delete_provisioned_concurrency_config()
        .function_name("task");
    assert_eq!(
        crate::common::code(remove.qualifier("live").send().await),
        conflict
    );
    // Reads are not blocked.
    let get = client
        .get_function_concurrency()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert_eq!(get.reserved_concurrent_executions(), Some(5));

    tokio::time::advance(lasts).await;
    put().await.unwrap();
}
