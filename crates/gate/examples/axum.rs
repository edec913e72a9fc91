//! An axum server behind the gate.
//!
//! `mkdir -p .maintenance; MAINTENANCE_APP=demo MAINTENANCE_ENV=dev MAINTENANCE_STORE=file:.maintenance
//! cargo run -p maintenance-gate --all-features --example axum`, then, elsewhere, `maintenance on` with the
//! same variables.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::request::Parts;
use axum::routing::get;
use axum::{Router, ServiceExt};
use maintenance_gate::{Gate, Maintenance, ReadOnly};
use tower::util::option_layer;
use tower::{BoxError, Layer};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let gate = Gate::from_env()?;
    let router = Router::new().route("/", get(hello).post(async || "Saved.\n"));
    // Around the finished router, so that no route is left out; CORS around the gate, to show the 503.
    let app = option_layer(cors()?).layer(Maintenance::new(router, gate));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn hello(request: Parts) -> &'static str {
    match request.extensions.get::<ReadOnly>() {
        Some(ReadOnly) => "Hello, visitor. Nothing can be changed just now.\n",
        None => "Hello, visitor.\n",
    }
}

/// For the origins in `MAINTENANCE_CORS_ORIGINS`, with commas between them, or `*` for all.
fn cors() -> Result<Option<CorsLayer>, BoxError> {
    let layer = CorsLayer::new()
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER, HeaderName::from_static("x-maintenance")]);
    Ok(match std::env::var("MAINTENANCE_CORS_ORIGINS").as_deref() {
        Err(_) | Ok("") => None,
        Ok("*") => Some(layer.allow_origin(AllowOrigin::any())),
        Ok(list) => {
            let origins: Result<Vec<_>, _> = list.split(',').map(str::parse).collect();
            Some(layer.allow_origin(origins?).allow_credentials(true))
        }
    })
}
