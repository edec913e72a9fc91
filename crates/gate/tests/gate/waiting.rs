//! Requests that wait: futures that are made and never polled, and requests that queue for an app while
//! maintenance begins.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use maintenance_gate::{Gate, MaintenanceLayer, ManualClock, MemorySource};
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Bench, START, Scripted, demo, settle};

/// Longer than a TTL with its jitter.
const PAST_TTL: Duration = Duration::from_millis(6_001);

/// A gate on a clock of its own that knows that the flag is off.
async fn known_off() -> (Gate, MemorySource, ManualClock) {
    let (flag, clock) = (MemorySource::new("off"), ManualClock::new(START));
    let gate = demo().source(flag.clone()).clock(clock.clone());
    let gate = gate.build().unwrap();
    let _ = gate.check(&mut Request::new(())).await;
    (gate, flag, clock)
}

#[tokio::test]
async fn a_response_future_that_is_never_polled_holds_up_no_refresh() {
    let (gate, flag, clock) = known_off().await;
    let app = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut service = MaintenanceLayer::new(gate).layer(app);
    clock.advance(PAST_TTL);
    let made = service.ready().await.unwrap().call(Request::new(()));
    flag.set("on");
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 503);
    drop(made);
}

#[tokio::test]
async fn a_request_that_waits_for_a_refresh_and_is_polled_no_more_holds_up_no_refresh() {
    let bench = Bench::new(Scripted::text("off").then_hangs().then_text("on"));
    bench.blocks().await;
    bench.clock.advance(PAST_TTL);
    let mut request = Request::new(());
    let mut check = Box::pin(bench.gate.check(&mut request));
    assert!(futures_util::poll!(&mut check).is_pending());
    bench.timer.ring();
    settle().await;
    // It is still there, as in a task that does something else meanwhile.
    bench.clock.advance(Duration::from_secs(10));
    assert!(bench.blocks().await);
    assert_eq!(bench.source.count(), 3);
    drop(check);
}

/// An app that serves four requests at a time and is stuck until permits are added; it counts.
#[derive(Clone)]
struct Stuck {
    permits: Arc<Semaphore>,
    reached: Arc<AtomicUsize>,
}

impl Stuck {
    fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(0)),
            reached: Arc::default(),
        }
    }

    fn behind(
        &self,
        gate: Gate,
    ) -> impl Service<
        Request<()>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + 'static {
        let app = self.clone();
        let app = service_fn(move |_: Request<()>| {
            let app = app.clone();
            app.reached.fetch_add(1, Ordering::SeqCst);
            async move {
                app.permits.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        });
        MaintenanceLayer::new(gate).layer(ConcurrencyLimitLayer::new(4).layer(app))
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_queue_for_the_app_get_the_503_when_maintenance_begins() {
    let (gate, flag, clock) = known_off().await;
    let stuck = Stuck::new();
    let service = stuck.behind(gate);
    let ask =
        |service: &_| tokio::spawn(ServiceExt::oneshot(Clone::clone(service), Request::new(())));
    let first: Vec<_> = (0..4).map(|_| ask(&service)).collect();
    settle().await;
    // Half of them queue before the state is stale, half of them after.
    let mut queued: Vec<_> = (0..25).map(|_| ask(&service)).collect();
    settle().await;
    clock.advance(PAST_TTL);
    queued.extend((0..25).map(|_| ask(&service)));
    settle().await;
    assert_eq!(stuck.reached.load(Ordering::SeqCst), 4);
    assert!(queued.iter().all(|request| !request.is_finished()));

    // They need not wait for the app to hear of it.
    flag.set("on");
    clock.advance(PAST_TTL);
    for request in queued {
        let answer = tokio::time::timeout(Duration::from_secs(60), request).await;
        assert_eq!(answer.unwrap().unwrap().unwrap().status(), 503);
    }
    assert_eq!(stuck.reached.load(Ordering::SeqCst), 4);
    stuck.permits.add_permits(4);
    for request in first {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_request_looks_again_when_the_app_is_ready() {
    let (gate, flag, clock) = known_off().await;
    let stuck = Stuck::new();
    let service = stuck.behind(gate);
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(tokio::spawn(service.clone().oneshot(Request::new(()))));
    }
    settle().await;
    // These wait for a refresh, and then for the app.
    clock.advance(PAST_TTL);
    let queued: Vec<_> = (0..4)
        .map(|_| tokio::spawn(service.clone().oneshot(Request::new(()))))
        .collect();
    settle().await;
    flag.set("on");
    clock.advance(PAST_TTL);
    // For those that have reached it, and for all others.
    stuck.permits.add_permits(8);
    for request in queued {
        assert_eq!(request.await.unwrap().unwrap().status(), 503);
    }
    assert_eq!(stuck.reached.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn requests_that_queue_reach_the_app_when_there_is_no_maintenance() {
    let (gate, _flag, clock) = known_off().await;
    let stuck = Stuck::new();
    let service = stuck.behind(gate);
    let mut all = Vec::new();
    for n in 0..20 {
        if n == 10 {
            clock.advance(PAST_TTL);
        }
        all.push(tokio::spawn(service.clone().oneshot(Request::new(()))));
        settle().await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    stuck.permits.add_permits(20);
    for request in all {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(stuck.reached.load(Ordering::SeqCst), 20);
}
