//! The least that answers a 503, to hold the gate's against: an atomic integer and the coarse clock say that it is on,
//! and a head of four headers that never changes is cloned. It looks at nothing of the request, has one
//! page and one window for good, and counts nothing.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, response};
use tower::Service;

use crate::{App, Body};

pub(crate) struct Template {
    app: App,
    /// On until then, in seconds since the epoch.
    until: Arc<AtomicU64>,
    head: response::Parts,
    page: &'static str,
}

impl Template {
    pub(crate) fn new(app: App) -> Self {
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = StatusCode::SERVICE_UNAVAILABLE;
        for (name, value) in [
            (RETRY_AFTER, "120"),
            (CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("x-maintenance"), "on"),
            (CONTENT_TYPE, "text/html; charset=utf-8"),
        ] {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        Self {
            app,
            until: Arc::new(AtomicU64::new(u64::MAX)),
            head,
            page: "<p>Back soon.</p>",
        }
    }
}

impl Service<Request<Body>> for Template {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.app.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if seconds() >= self.until.load(Ordering::Acquire) {
            return self.app.call(request);
        }
        let response = Response::from_parts(self.head.clone(), Body::from(self.page));
        ready(Ok(response))
    }
}

#[cfg(target_os = "linux")]
fn seconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    now.tv_sec.cast_unsigned()
}

#[cfg(not(target_os = "linux"))]
fn seconds() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap_or_default().as_secs()
}
