//! An app that is built behind the gate.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleError;
use axum::routing::get;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use maintenance_gate::{BoxError, MaintenanceLayer, MemorySource, lazy};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::demo;

type Count = Arc<AtomicUsize>;

fn app() -> Router {
    Router::new().route("/", get(async || "hello"))
}

fn ask() -> Request<Body> {
    Request::new(Body::empty())
}

async fn call<S: Service<Request<Body>>>(service: &mut S) -> Result<S::Response, S::Error> {
    std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(ask()).await
}

#[tokio::test]
async fn during_a_maintenance_it_is_never_built() {
    let built = Count::default();
    let counter = Arc::clone(&built);
    let source = MemorySource::new("on");
    let gate = demo()
        .source(source.clone())
        .ttl(Duration::ZERO)
        .build()
        .unwrap();
    let mut service = MaintenanceLayer::new(gate).layer(lazy(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(app()) }
    }));
    for _ in 0..3 {
        let response = call(&mut service).await.unwrap();
        assert_eq!(response.status(), 503);
    }
    assert_eq!(built.load(Ordering::SeqCst), 0);
    source.set("off");
    for _ in 0..3 {
        let response = call(&mut service).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
    }
    assert_eq!(built.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_first_requests_build_it_once() {
    let built = Count::default();
    let counter = Arc::clone(&built);
    let service = lazy(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(app())
        }
    });
    let requests: Vec<_> = (0..50)
        .map(|_| tokio::spawn(service.clone().oneshot(ask())))
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(built.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_is_the_requests_error_and_the_next_one_tries_again() {
    let attempts = Count::default();
    let counter = Arc::clone(&attempts);
    let mut service = lazy(move || {
        let attempt = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if attempt < 2 {
                return Err::<_, BoxError>(format!("no database, attempt {attempt}").into());
            }
            Ok(app())
        }
    });
    for attempt in 0..2 {
        let error = call(&mut service).await.unwrap_err();
        assert_eq!(error.to_string(), format!("no database, attempt {attempt}"));
    }
    for _ in 0..2 {
        let response = call(&mut service).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_error_of_the_app_itself_comes_through() {
    let service = lazy(|| async {
        Ok::<_, Infallible>(service_fn(|_: Request<Body>| async {
            Err::<Response<Empty<bytes::Bytes>>, _>(std::io::Error::other("disk full"))
        }))
    });
    for service in [service.clone(), service] {
        let error = service.oneshot(ask()).await.unwrap_err();
        assert_eq!(error.to_string(), "disk full");
    }
}

#[tokio::test]
async fn axum_says_what_to_answer_when_it_cannot_be_built() {
    let service = lazy(|| async { Err::<Router, BoxError>("no database".into()) });
    let service = HandleError::new(service, async |error: BoxError| {
        (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    });
    let response = service.oneshot(ask()).await.unwrap();
    assert_eq!(response.status(), 500);
}
