//! The layer around real services: axum, hyper, lambda_http, and one that is never ready.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use maintenance_gate::{
    Decision, Gate, Maintenance, MaintenanceLayer, ManualClock, MemorySource, ReadOnly,
};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{START, Scripted, SteeredTimer, demo, get as get_parts, send};

const READ_ONLY: &str = r#"{"schema":1,"mode":"read-only"}"#;

fn gate(source: &MemorySource) -> Gate {
    demo()
        .source(source.clone())
        .ttl(std::time::Duration::ZERO)
        .build()
        .unwrap()
}

#[tokio::test]
async fn around_an_axum_router() {
    let source = MemorySource::new("off");
    let app = Router::new()
        .route("/", get(async || "hello"))
        .layer(MaintenanceLayer::new(gate(&source)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    check_server(port, &source).await;
}

#[tokio::test]
async fn around_a_hyper_service() {
    let source = MemorySource::new("off");
    let app = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
    });
    let app = MaintenanceLayer::new(gate(&source)).layer(app);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (stream, app) = (TokioIo::new(stream), TowerToHyperService::new(app.clone()));
            tokio::spawn(async move { http1::Builder::new().serve_connection(stream, app).await });
        }
    });
    check_server(port, &source).await;
}

#[tokio::test]
async fn around_a_hyper_service_with_a_boxed_body() {
    let source = MemorySource::new("off");
    let app = service_fn(|_: Request<Incoming>| async {
        let body: BoxBody<Bytes, Infallible> = Full::from("hello").boxed();
        Ok::<_, Infallible>(Response::new(body))
    });
    let app = MaintenanceLayer::new(gate(&source)).layer(app);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (stream, app) = (TokioIo::new(stream), TowerToHyperService::new(app.clone()));
            tokio::spawn(async move { http1::Builder::new().serve_connection(stream, app).await });
        }
    });
    check_server(port, &source).await;
}

/// Off, on, HEAD, off again, byte for byte over a socket.
async fn check_server(port: u16, flag: &MemorySource) {
    let hello = send(port, "GET", "/").await;
    assert_eq!((hello.status, hello.body.as_str()), (200, "hello"));
    flag.set("on");
    let refused = send(port, "GET", "/").await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.starts_with("<!doctype html>"));
    let mut headers = refused.headers.clone();
    headers.remove("date");
    headers.remove("connection");
    let expected = [
        ("cache-control", "no-store"),
        ("content-language", "en"),
        ("content-length", &refused.body.len().to_string()),
        ("content-type", "text/html; charset=utf-8"),
        ("retry-after", "120"),
        ("vary", "Accept-Language"),
        ("x-content-type-options", "nosniff"),
        ("x-maintenance", "on"),
    ];
    let headers: Vec<_> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(headers, expected);
    let head = send(port, "HEAD", "/").await;
    assert_eq!(head.status, 503);
    assert_eq!(head.body, "");
    let without_date = |mut headers: std::collections::BTreeMap<String, String>| {
        headers.remove("date");
        headers
    };
    assert_eq!(without_date(head.headers), without_date(refused.headers));
    flag.set("off");
    assert_eq!(send(port, "GET", "/").await, hello);
}

#[tokio::test]
async fn read_only_is_said_to_the_app() {
    let source = MemorySource::new(READ_ONLY);
    let app = service_fn(|request: Request<()>| async move {
        let body = format!("{:?}", request.extensions().get::<ReadOnly>());
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body)))
    });
    let gate = gate(&source);
    let mut service = MaintenanceLayer::new(gate.clone()).layer(app);
    let ask = |method: &str| Request::builder().method(method).body(()).unwrap();
    for method in ["GET", "HEAD", "OPTIONS"] {
        let response = service
            .ready()
            .await
            .unwrap()
            .call(ask(method))
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "Some(ReadOnly)", "after a refresh");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "BREW"] {
        let response = service
            .ready()
            .await
            .unwrap()
            .call(ask(method))
            .await
            .unwrap();
        assert_eq!(response.status(), 503);
    }
    // The same without a refresh in between.
    let calm = demo().source(source.clone()).build().unwrap();
    let _ = calm.check(&mut get_parts()).await;
    let mut service = Maintenance::new(service.clone(), calm);
    source.set("off");
    let response = service
        .ready()
        .await
        .unwrap()
        .call(ask("GET"))
        .await
        .unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "Some(ReadOnly)");
    assert!(matches!(gate.check(&mut get_parts()).await, Decision::Pass));
}

/// A service that counts how often it was asked whether it is ready, and called, and that is strict
/// about it.
#[derive(Default)]
struct Counting {
    asked: Arc<AtomicUsize>,
    called: Arc<AtomicUsize>,
    busy: bool,
    ready: bool,
}

impl Clone for Counting {
    fn clone(&self) -> Self {
        Self {
            asked: Arc::clone(&self.asked),
            called: Arc::clone(&self.called),
            busy: self.busy,
            ready: false,
        }
    }
}

impl Service<Request<()>> for Counting {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.busy {
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without being ready"
        );
        self.called.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn during_a_maintenance_the_app_is_not_even_asked_whether_it_is_ready() {
    let gate = demo().source(MemorySource::new("on")).build().unwrap();
    let _ = gate.check(&mut get_parts()).await;
    let app = Counting {
        busy: true,
        ..Counting::default()
    };
    let service = MaintenanceLayer::new(gate).layer(app.clone());
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(app.asked.load(Ordering::SeqCst), 0);
    assert_eq!(app.called.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_app_that_is_never_ready_does_not_keep_the_gate_from_learning_of_a_maintenance() {
    let ask = |gate: &Gate, method: &str| {
        let app = Counting {
            busy: true,
            ..Counting::default()
        };
        let service = MaintenanceLayer::new(gate.clone()).layer(app);
        let request = Request::builder().method(method).body(()).unwrap();
        at_once(service.oneshot(request))
    };
    // Known off, then too old: as when all that the app has is taken by requests that hang.
    let (clock, source) = (ManualClock::new(START), MemorySource::new("off"));
    let gate = demo().source(source.clone()).clock(clock.clone());
    let gate = gate.build().unwrap();
    let _ = gate.check(&mut get_parts()).await;
    assert_eq!(ask(&gate, "GET"), None, "off: it waits for the app");
    source.set("on");
    clock.advance(std::time::Duration::from_secs(7));
    assert_eq!(ask(&gate, "GET"), Some(503));
    source.set("off");
    clock.advance(std::time::Duration::from_secs(7));
    assert_eq!(ask(&gate, "GET"), None, "off again: it waits for the app");

    // Nothing known yet.
    let gate = demo().source(MemorySource::new("on")).build().unwrap();
    assert_eq!(ask(&gate, "GET"), Some(503));

    // Known and fresh: a refused request needs no app.
    let gate = demo().source(MemorySource::new(READ_ONLY)).build().unwrap();
    let _ = gate.check(&mut get_parts()).await;
    assert_eq!(ask(&gate, "POST"), Some(503));
    assert_eq!(ask(&gate, "GET"), None, "it reads: it waits for the app");
}

/// The status of an answer that is there at the first look.
fn at_once<E>(future: impl Future<Output = Result<Response<Full<Bytes>>, E>>) -> Option<u16> {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Ok(response)) => Some(response.status().as_u16()),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}

#[tokio::test]
async fn the_app_is_always_ready_when_it_is_called() {
    // Each way to the app: fresh, after a refresh, and when the maintenance has just ended.
    let clock = ManualClock::new(START);
    let source = MemorySource::new("off");
    let gate = demo()
        .source(source.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let app = Counting::default();
    let mut service = MaintenanceLayer::new(gate).layer(app.clone());
    for flag in ["off", "off", "on", "on", "off", "off"] {
        source.set(flag);
        clock.advance(std::time::Duration::from_secs(10));
        for _ in 0..2 {
            let response = service.ready().await.unwrap().call(Request::new(())).await;
            let expected = if flag == "on" { 503 } else { 200 };
            assert_eq!(response.unwrap().status(), expected);
        }
    }
    assert_eq!(app.called.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn concurrent_requests_at_the_end_of_a_ttl_share_one_fetch() {
    let (clock, timer) = (ManualClock::new(START), SteeredTimer::new());
    let source = Scripted::text("off").then_hangs();
    let gate = demo()
        .source(source.clone())
        .clock(clock.clone())
        .sleep_with(move |duration| timer.sleep(duration))
        .build()
        .unwrap();
    let app = Counting::default();
    let service = MaintenanceLayer::new(gate).layer(app.clone());
    service.clone().oneshot(Request::new(())).await.unwrap();
    clock.advance(std::time::Duration::from_secs(7));
    let first = tokio::spawn(service.clone().oneshot(Request::new(())));
    tokio::task::yield_now().await;
    for _ in 0..50 {
        let response = service.clone().oneshot(Request::new(())).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    source.release("on");
    assert_eq!(first.await.unwrap().unwrap().status(), 503);
    assert_eq!(source.count(), 2);
    assert_eq!(app.called.load(Ordering::SeqCst), 51);
}
