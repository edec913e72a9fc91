//! An axum server behind the gate.
//!
//! `MAINTENANCE_APP=demo MAINTENANCE_ENV=dev MAINTENANCE_STORE=file:.maintenance cargo run -p
//! maintenance-gate --all-features --example axum`, then, elsewhere, `maintenance on` with the same
//! variables.

use axum::Router;
use axum::http::request::Parts;
use axum::routing::get;
use maintenance_gate::{Gate, MaintenanceLayer, ReadOnly};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let gate = Gate::from_env()?;
    let app = Router::new()
        .route("/", get(hello).post(async || "Saved.\n"))
        .layer(MaintenanceLayer::new(gate));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn hello(request: Parts) -> &'static str {
    match request.extensions.get::<ReadOnly>() {
        Some(ReadOnly) => "Hello, visitor. Nothing can be changed just now.\n",
        None => "Hello, visitor.\n",
    }
}
