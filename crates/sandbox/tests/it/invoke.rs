//! Invoke, and what a reservation of zero does to what arrives.

use std::sync::Arc;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use bytes::Bytes;
use maintenance_sandbox::{FunctionSpec, InvocationFate};

use crate::common::{code, is, lambda, quick};

#[tokio::test]
async fn a_function_answers_with_an_echo_or_a_closure() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").alias("live", 1));
    let client = lambda(&sandbox);
    let invoke = || {
        client
            .invoke()
            .function_name("task")
            .payload(Blob::new(b"{\"n\":1}"))
    };
    let answer = invoke().send().await.unwrap();
    assert_eq!(answer.status_code(), 200);
    assert_eq!(answer.payload().unwrap().as_ref(), b"{\"n\":1}");
    assert_eq!(answer.executed_version(), Some("$LATEST"));
    let through = invoke().qualifier("live").send().await.unwrap();
    assert_eq!(through.executed_version(), Some("1"));

    sandbox.on_invoke("task", Arc::new(|_| Ok(Bytes::from_static(b"\"hello\""))));
    assert_eq!(
        invoke().send().await.unwrap().payload().unwrap().as_ref(),
        b"\"hello\""
    );
    sandbox.on_invoke("task", Arc::new(|_| Err("broken".to_owned())));
    assert_eq!(
        invoke().send().await.unwrap().function_error(),
        Some("Unhandled")
    );
    let missing = client.invoke().function_name("none").send().await;
    assert_eq!(code(missing), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn at_zero_callers_are_refused_and_events_diverted_or_lost() {
    let sandbox = quick();
    let queue = "arn:aws:sqs:us-east-1:123456789012:dead";
    sandbox.seed(FunctionSpec::new("kept").reserved(0).dead_letter(queue));
    sandbox.seed(FunctionSpec::new("lost").reserved(0));
    let client = lambda(&sandbox);
    let refused = client
        .invoke()
        .function_name("lost")
        .send()
        .await
        .unwrap_err();
    let error = refused.as_service_error().unwrap();
    assert!(error.is_too_many_requests_exception());
    let aws_sdk_lambda::operation::invoke::InvokeError::TooManyRequestsException(error) = error
    else {
        panic!("{error:?}");
    };
    let reason = error.reason().unwrap().as_str();
    assert_eq!(reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 429);
    for function in ["kept", "lost"] {
        let event = client.invoke().function_name(function);
        let event = event
            .invocation_type(InvocationType::Event)
            .send()
            .await
            .unwrap();
        assert_eq!(event.status_code(), 202);
    }
    let fates: Vec<_> = sandbox
        .invocations()
        .into_iter()
        .map(|it| it.fate)
        .collect();
    assert_eq!(
        fates,
        [
            InvocationFate::Refused,
            InvocationFate::Diverted(queue.to_owned()),
            InvocationFate::Lost
        ]
    );
}
