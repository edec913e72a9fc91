//! Faults: which calls they apply to, before or after the effect, and what the caller sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_ssm::types::ParameterType;
use maintenance_sandbox::{Fault, FunctionSpec, Outcome, Sandbox};

use crate::common::{code, is, lambda, quick, refusal, ssm};

async fn put(sandbox: &Sandbox, name: &str) -> Result<(), (u16, String)> {
    let call = ssm(sandbox).put_parameter().name(name).value("x");
    let result = call.r#type(ParameterType::String).send().await;
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.raw_response().is_none() => Err(is(0, "no answer")),
        refused => Err(code(refused)),
    }
}

#[tokio::test]
async fn the_nth_call_fails_before_its_effect_or_after() {
    let sandbox = quick();
    sandbox.inject(
        Fault::on("PutParameter")
            .nth(2)
            .fail(500, "InternalServerError", "sorry"),
    );
    sandbox.inject(
        Fault::any_write()
            .nth(3)
            .after()
            .fail(500, "InternalServerError", "sorry"),
    );
    put(&sandbox, "/1").await.unwrap();
    let failed = Err(is(500, "InternalServerError"));
    assert_eq!(put(&sandbox, "/2").await, failed);
    assert_eq!(put(&sandbox, "/3").await, failed);
    put(&sandbox, "/4").await.unwrap();
    let names: Vec<_> = sandbox.parameters().into_keys().collect();
    assert_eq!(names, ["/1", "/3", "/4"]);
    let took_effect: Vec<_> = sandbox.writes().iter().map(|it| it.took_effect).collect();
    assert_eq!(took_effect, [true, false, true, true]);
}

#[tokio::test]
async fn a_dropped_connection_hides_the_effect() {
    let sandbox = quick();
    sandbox.inject(Fault::on("PutParameter").nth(1).drop_connection());
    sandbox.inject(Fault::on("PutParameter").nth(2).after().drop_connection());
    let silence = Err(is(0, "no answer"));
    assert_eq!(put(&sandbox, "/1").await, silence);
    assert_eq!(put(&sandbox, "/2").await, silence);
    assert_eq!(sandbox.parameters().into_keys().collect::<Vec<_>>(), ["/2"]);
    let outcomes: Vec<_> = sandbox.calls().into_iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes, [Outcome::Dropped, Outcome::Dropped]);
}

#[tokio::test]
async fn throttling_and_denial_look_as_they_do_on_aws() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    sandbox.inject(Fault::any_call().times(2).throttle());
    assert_eq!(
        put(&sandbox, "/1").await,
        Err(is(400, "ThrottlingException"))
    );
    let client = lambda(&sandbox);
    assert_eq!(
        code(client.list_functions().send().await),
        is(429, "TooManyRequestsException")
    );
    sandbox.clear_faults();
    sandbox.inject(Fault::any_write().always().access_denied());
    let call = ssm(&sandbox).put_parameter().name("/app/x").value("x");
    let (status, code, message) = refusal(call.r#type(ParameterType::String).send().await);
    assert_eq!((status, code.as_str()), (400, "AccessDeniedException"));
    assert_eq!(
        message,
        "User: arn:aws:iam::123456789012:user/akid is not authorized to perform: ssm:PutParameter on \
         resource: arn:aws:ssm:us-east-1:123456789012:parameter/app/x because no identity-based \
         policy allows the ssm:PutParameter action"
    );
    let call = client.delete_function_concurrency().function_name("task");
    let (status, code, message) = refusal(call.send().await);
    assert_eq!((status, code.as_str()), (403, "AccessDeniedException"));
    assert!(message.contains("lambda:DeleteFunctionConcurrency on resource: arn:aws:lambda:"));
    // Reads are not denied.
    client.list_functions().send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delayed_call_takes_longer() {
    let sandbox = quick();
    sandbox.inject(Fault::on("PutParameter").delay(Duration::from_secs(7)));
    let start = tokio::time::Instant::now();
    put(&sandbox, "/1").await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test]
async fn a_fault_can_match_a_target() {
    let sandbox = quick();
    sandbox.inject(Fault::any_call().target("/flags/").always().throttle());
    put(&sandbox, "/app/lease/1").await.unwrap();
    assert!(put(&sandbox, "/app/flags/web").await.is_err());
}

#[tokio::test]
async fn a_hook_runs_at_the_nth_call_and_may_use_the_sandbox() {
    let sandbox = quick();
    let seen = Arc::new(AtomicU64::new(0));
    let (watched, count) = (sandbox.clone(), seen.clone());
    sandbox.inject(Fault::on("PutParameter").nth(2).after().hook(move |call| {
        assert_eq!(call.target.as_deref(), Some("/2"));
        count.store(watched.parameters().len() as u64, Ordering::SeqCst);
    }));
    put(&sandbox, "/1").await.unwrap();
    put(&sandbox, "/2").await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_held_call_takes_effect_and_loses_its_connection_when_released() {
    let sandbox = quick();
    sandbox.inject(Fault::on("PutParameter").after().hang());
    let caller = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { put(&sandbox, "/1").await }
    });
    sandbox.wait_until_hanging().await;
    assert!(sandbox.parameters().contains_key("/1"));
    assert_eq!(sandbox.calls()[0].outcome, Outcome::Hanging);
    sandbox.release_hanging();
    assert_eq!(caller.await.unwrap(), Err(is(0, "no answer")));
}

#[tokio::test(start_paused = true)]
async fn a_held_call_is_forgotten_when_its_caller_is_gone() {
    let sandbox = quick();
    sandbox.inject(Fault::on("PutParameter").hang());
    let caller = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { put(&sandbox, "/1").await }
    });
    sandbox.wait_until_hanging().await;
    caller.abort();
    let _ = caller.await;
    let second = tokio::time::timeout(Duration::from_secs(1), sandbox.wait_until_hanging());
    assert!(second.await.is_err());
}
