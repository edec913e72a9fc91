//! The forms in which the guide puts the gate around an axum app.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, ServiceExt};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use maintenance_gate::{Gate, Maintenance, MaintenanceLayer, MemorySource, ReadOnly};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceBuilder, ServiceExt as _};
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::trace::TraceLayer;

use crate::support::{flag, send, with_flag};

fn on() -> Gate {
    with_flag("on").build().unwrap()
}

/// A server; its port.
async fn serve<S>(app: S) -> u16
where
    S: tower::Service<Request, Response = Response, Error = std::convert::Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

#[tokio::test]
async fn around_a_finished_router_no_route_is_left_out() {
    let router = Router::new().route("/", get(async || "hello"));
    let router = router.layer(MaintenanceLayer::new(on()));
    let leaking = router
        .clone()
        .route("/later", get(async || "hello"))
        .fallback(async || "fallback");
    let port = serve(leaking.clone()).await;
    assert_eq!(send(port, "GET", "/").await.status, 503);
    assert_eq!(
        send(port, "GET", "/later").await.status,
        200,
        "as axum has it"
    );
    let port = serve(Maintenance::new(leaking, on())).await;
    for path in ["/", "/later", "/nowhere"] {
        assert_eq!(send(port, "GET", path).await.status, 503, "{path}");
    }
}

#[tokio::test]
async fn with_connect_info_the_peers_address_lets_pass() {
    let bypass = json!({"addresses": ["127.0.0.0/8"]});
    let gate = with_flag(&flag("on", &bypass)).build().unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let port = serve(Maintenance::new(router, gate)).await;
    assert_eq!(send(port, "GET", "/").await.status, 200);
}

#[tokio::test]
async fn one_service_builder_may_have_a_layer_inside_that_changes_the_body() {
    let router = Router::new().route("/", get(async || "hello"));
    let app = ServiceBuilder::new()
        .layer(MaintenanceLayer::new(on()))
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(TraceLayer::new_for_http())
        .service(router);
    let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), 503);
}

/// As in the guide, but for the time, which a busy machine may take.
async fn maintenance(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    match gate.check(&mut request).await.into_response() {
        None => next.run(request).await,
        Some(response) => {
            let mut body = pin!(Limited::new(request.into_body(), 8 * 1024 * 1024));
            let drain = async { while let Some(Ok(_)) = body.frame().await {} };
            let _ = tokio::time::timeout(Duration::from_secs(60), drain).await;
            response.map(Body::from)
        }
    }
}

#[tokio::test]
async fn middleware_of_its_own_cannot_forget_to_tell_the_app_of_a_read_only_maintenance() {
    let says = async |request: Request| format!("{:?}", request.extensions().get::<ReadOnly>());
    for (mode, said) in [("off", "None"), ("read-only", "Some(ReadOnly)")] {
        let gate = with_flag(&flag(mode, &json!({}))).build().unwrap();
        let router = Router::new().route("/", get(says));
        let app = from_fn_with_state(gate, maintenance).layer(router);
        let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, said, "{mode}");
    }
}

#[tokio::test]
async fn a_client_that_sends_5_mb_before_it_reads_gets_its_answer_from_middleware_that_drains() {
    let router = Router::new().route("/", post(async || StatusCode::CREATED));
    let flag = MemorySource::new("on");
    let gate = crate::support::demo().source(flag).build().unwrap();
    let port = serve(from_fn_with_state(gate, maintenance).layer(router)).await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let body = vec![b'x'; 5_000_000];
    let head = format!(
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}
