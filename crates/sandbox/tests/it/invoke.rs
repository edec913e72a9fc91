//! Invoke, and what a reservation of zero does to callers and events.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use maintenance_sandbox::FunctionSpec;

use crate::common::{code, is, lambda, quick};

#[tokio::test]
async fn invoke_echoes_the_payload() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let client = lambda(&sandbox);
    let invoke = client.invoke().function_name("task");
    let payload = Blob::new(b"{\"n\":1}");
    let answer = invoke.payload(payload.clone()).send().await.unwrap();
    assert_eq!(
        (answer.status_code(), answer.payload()),
        (200, Some(&payload))
    );
    let missing = client.invoke().function_name("none").send().await;
    assert_eq!(code(missing), is(404, "ResourceNotFoundException"));
    let dry_run = client.invoke().function_name("task");
    let dry_run = dry_run.invocation_type(InvocationType::DryRun).send().await;
    assert_eq!(code(dry_run), is(400, "ValidationException"));
}

#[tokio::test]
async fn a_reservation_of_zero_refuses_callers_and_accepts_events() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").reserved(0));
    let client = lambda(&sandbox);
    let invoke = || client.invoke().function_name("task");
    let refused = invoke().send().await.unwrap_err().into_service_error();
    let aws_sdk_lambda::operation::invoke::InvokeError::TooManyRequestsException(error) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(
        error.reason().unwrap().as_str(),
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    );
    let event = invoke().invocation_type(InvocationType::Event);
    assert_eq!(event.send().await.unwrap().status_code(), 202);
    sandbox.set_reserved("task", None).unwrap();
    assert_eq!(invoke().send().await.unwrap().status_code(), 200);
}

#[tokio::test]
async fn an_answer_says_which_version_ran_and_its_log_if_that_is_asked_for() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").alias("live", 1));
    let client = lambda(&sandbox);
    let invoke = || client.invoke().function_name("task");
    let answer = invoke().qualifier("live").send().await.unwrap();
    assert_eq!(answer.executed_version(), Some("1"));
    assert_eq!(answer.log_result(), None);
    let answer = invoke().log_type(LogType::Tail).send().await.unwrap();
    assert_eq!(answer.executed_version(), Some("$LATEST"));
    let log = aws_smithy_types::base64::decode(answer.log_result().unwrap()).unwrap();
    assert!(log.starts_with(b"START RequestId"));
    let broken = invoke().payload(Blob::new(b"{")).send().await;
    assert_eq!(code(broken), is(400, "InvalidRequestContentException"));
}

#[tokio::test]
async fn a_function_fails_with_the_error_that_it_is_given() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    let invoke = lambda(&sandbox).invoke().function_name("task");
    let payload = Blob::new(br#"{"errorMessage":"no table"}"#);
    let answer = invoke.payload(payload.clone()).send().await.unwrap();
    assert_eq!(answer.status_code(), 200, "as AWS says it");
    assert_eq!(answer.function_error(), Some("Unhandled"));
    assert_eq!(answer.payload(), Some(&payload));
}
