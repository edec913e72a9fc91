//! A lambda_http handler behind the gate: configured by the environment, its app built only when the
//! first request passes.
//!
//! `MAINTENANCE_APP=demo MAINTENANCE_ENV=dev cargo lambda watch --example lambda_http`

use lambda_http::{Body, Error, Request, Response, service_fn, tracing};
use maintenance_gate::{Gate, Maintenance, lazy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let gate = Gate::from_env()?;
    let app = lazy(|| async {
        let greeting = connect().await?;
        Ok::<_, Error>(service_fn(move |_request: Request| async move {
            Ok::<_, Error>(Response::new(Body::from(greeting)))
        }))
    });
    lambda_http::run(Maintenance::new(app, gate)).await
}

/// Stands for the database: during a maintenance it is never reached.
async fn connect() -> Result<&'static str, Error> {
    tracing::info!("connected");
    Ok("Hello, visitor.\n")
}
