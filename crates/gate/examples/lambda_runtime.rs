//! A plain lambda_runtime handler behind the gate: HTTP requests are refused during a maintenance,
//! every other event goes on.

use lambda_runtime::{Error, LambdaEvent, service_fn, tracing};
use maintenance_gate::Gate;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let gate = Gate::from_env()?;
    let gate = &gate;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        if let Some(refused) = gate.check_event(&event.payload).await {
            return Ok(refused);
        }
        handle(event.payload).await
    }))
    .await
}

async fn handle(event: Value) -> Result<Value, Error> {
    // An HTTP event has a request context; a message, a schedule or a bucket's notice has none.
    Ok(match event.get("requestContext") {
        Some(_) => json!({
            "statusCode": 200,
            "headers": {"content-type": "text/plain"},
            "body": "Hello, visitor.\n",
        }),
        None => json!({"done": true}),
    })
}
