//! Rate limits: which calls share which budget, and how a refusal looks.

use std::time::Duration;

use aws_sdk_ssm::types::ParameterType;
use maintenance_sandbox::{Budget, FunctionSpec, Sandbox, Settings};

use crate::common::{code, is, lambda, ssm};

fn limited() -> Sandbox {
    let settings = Settings {
        rate_limits: true,
        ..Settings::quick()
    };
    let sandbox = Sandbox::new(settings);
    sandbox.seed(FunctionSpec::new("task"));
    sandbox.set_parameter("/a", "1");
    sandbox
}

#[tokio::test(start_paused = true)]
async fn lambda_control_plane_shares_15_per_second() {
    let sandbox = limited();
    let client = lambda(&sandbox);
    for n in 0..15 {
        // Different operations, one budget.
        if n % 2 == 0 {
            client.list_functions().send().await.unwrap();
        } else {
            client
                .get_function_concurrency()
                .function_name("task")
                .send()
                .await
                .unwrap();
        }
    }
    let refused = client.list_event_source_mappings().send().await;
    let error = refused.as_ref().unwrap_err().as_service_error().unwrap();
    assert_eq!(error.meta().code(), Some("TooManyRequestsException"));
    let aws_sdk_lambda::operation::list_event_source_mappings::ListEventSourceMappingsError::TooManyRequestsException(error) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(error.reason().unwrap().as_str(), "CallerRateLimitExceeded");
    assert_eq!(code(refused), is(429, "TooManyRequestsException"));
    // GetFunction and GetPolicy have budgets of their own, and Invoke has none.
    client
        .get_function()
        .function_name("task")
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(client.get_policy().function_name("task").send().await).0,
        404
    );
    client.invoke().function_name("task").send().await.unwrap();
    // A bucket refills to fifteen and no further.
    tokio::time::advance(Duration::from_secs(60)).await;
    for _ in 0..15 {
        client.list_functions().send().await.unwrap();
    }
    assert_eq!(code(client.list_functions().send().await).0, 429);
    let counts = sandbox.call_counts();
    assert_eq!(
        (counts.by_budget[&Budget::LambdaControl], counts.throttled),
        (32, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn get_function_allows_100_and_get_policy_15_per_second() {
    let client = lambda(&limited());
    for _ in 0..100 {
        client
            .get_function()
            .function_name("task")
            .send()
            .await
            .unwrap();
    }
    assert_eq!(
        code(client.get_function().function_name("task").send().await).0,
        429
    );
    for _ in 0..15 {
        assert_eq!(
            code(client.get_policy().function_name("task").send().await).0,
            404
        );
    }
    assert_eq!(
        code(client.get_policy().function_name("task").send().await).0,
        429
    );
}

#[tokio::test(start_paused = true)]
async fn parameter_store_allows_40_reads_and_3_writes_per_second() {
    let sandbox = limited();
    let client = ssm(&sandbox);
    for n in 0..40 {
        if n % 2 == 0 {
            client.get_parameter().name("/a").send().await.unwrap();
        } else {
            let list = client.get_parameters_by_path().path("/");
            list.send().await.unwrap();
        }
    }
    let over = client.get_parameter().name("/a").send().await;
    assert_eq!(code(over), is(400, "ThrottlingException"));
    let put = async |name: &str| {
        let call = client.put_parameter().name(name).value("x");
        call.r#type(ParameterType::String).send().await
    };
    for n in 0..3 {
        put(&format!("/new/{n}")).await.unwrap();
    }
    assert_eq!(code(put("/new/3").await), is(400, "ThrottlingException"));
    // A refused call has no effect.
    assert!(!sandbox.parameters().contains_key("/new/3"));
    tokio::time::advance(Duration::from_secs(1)).await;
    put("/new/3").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rate_limits_are_on_by_default() {
    assert!(Settings::default().rate_limits);
    let sandbox = limited();
    sandbox.configure(|settings| settings.rate_limits = false);
    let client = lambda(&sandbox);
    for _ in 0..200 {
        client.list_functions().send().await.unwrap();
    }
}
