//! The service that [`MaintenanceLayer`](crate::MaintenanceLayer) puts around another.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::body::PageBody;
use super::future::{ResponseFuture, Waiting};
use super::gate::{CacheState, Gate, RefreshFuture};

/// A service behind a [`Gate`].
///
/// The service must be [`Clone`], since a request that has to wait takes it along:
/// `tower::util::BoxCloneSyncService` is, and `tower::buffer::Buffer` makes any service so.
///
/// ```compile_fail
/// # use http::{Request, Response};
/// # use maintenance_gate::{BoxError, Gate, Maintenance};
/// # type Body = http_body_util::Full<bytes::Bytes>;
/// fn behind(app: tower::util::BoxService<Request<Body>, Response<Body>, BoxError>, gate: Gate) {
///     // error: the service `BoxService<…>` cannot be behind the gate: it is not `Clone`
///     Maintenance::new(app, gate);
/// }
/// ```
///
/// The service is always ready. A request waits for the app in its own future, and gets the 503 there if
/// maintenance begins meanwhile.
#[derive(Debug)]
pub struct Maintenance<S> {
    inner: S,
    /// Whether `inner` reported readiness and has not been called since.
    ready: bool,
    gate: Gate,
}

/// A service that can be behind a gate: any that is [`Clone`].
#[diagnostic::on_unimplemented(
    message = "the service `{Self}` cannot be behind the gate: it is not `Clone`",
    label = "this service is not `Clone`",
    note = "a request that has to wait takes a clone along; with `tower::util::BoxCloneSyncService` in place of `BoxService`, or within `tower::buffer::Buffer`, a service is `Clone`"
)]
pub trait CloneService: Clone {}

#[diagnostic::do_not_recommend]
impl<S: Clone> CloneService for S {}

impl<S: CloneService> Maintenance<S> {
    /// Puts `inner` behind `gate`: a whole axum router, with all its routes.
    #[must_use]
    pub fn new(inner: S, gate: Gate) -> Self {
        let ready = false;
        Self { inner, ready, gate }
    }
}

impl<S: CloneService> Clone for Maintenance<S> {
    fn clone(&self) -> Self {
        // A clone of a ready service need not be ready.
        Self::new(self.inner.clone(), self.gate.clone())
    }
}

impl<S, B, R> Service<Request<B>> for Maintenance<S>
where
    S: Service<Request<B>, Response = Response<R>> + CloneService,
    B: 'static,
    R: PageBody,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // During a maintenance the response does not need the app. And an app that never gets ready must not
        // keep the gate from noticing a maintenance.
        self.ready = self.gate.shared.state.load().mode() != Some(maintenance_flag::Mode::On)
            && self.inner.poll_ready(cx)?.is_ready();
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let cache = self.gate.shared.cache_state();
        if cache == CacheState::AllowAll && self.ready {
            self.ready = false;
            let future = self.inner.call(request);
            return ResponseFuture::App { future };
        }
        self.call_slow(request, cache)
    }
}

impl<S: CloneService> Maintenance<S> {
    /// Handles every request that `call` does not pass on at once.
    #[cold]
    #[inline(never)]
    fn call_slow<B, R>(
        &mut self,
        mut request: Request<B>,
        cache: CacheState,
    ) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<R>>,
        B: 'static,
        R: PageBody,
    {
        if cache == CacheState::Expired {
            let refresh = self.gate.shared.refresh_future();
            return self.wait(Some(refresh), request);
        }
        if let Some(refused) = self.gate.shared.refuse(&mut request) {
            let response = Some(refused);
            return ResponseFuture::Blocked { response };
        }
        if !self.ready {
            return self.wait(None, request);
        }
        self.ready = false;
        let future = self.inner.call(request);
        ResponseFuture::App { future }
    }

    /// Returns a future that waits for the refresh, then for the inner service. It takes the current service,
    /// which may already hold a readiness permit, and leaves a clone in its place.
    fn wait<B>(
        &mut self,
        refresh: Option<RefreshFuture>,
        request: Request<B>,
    ) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        self.ready = false;
        let clone = self.inner.clone();
        let waiting = Waiting {
            // Without a refresh, the decision to pass has been made.
            passes: refresh.is_none(),
            refresh,
            recheck: None,
            service: std::mem::replace(&mut self.inner, clone),
            request: Some(request),
            gate: self.gate.clone(),
        };
        let waiting = Box::new(waiting);
        ResponseFuture::Waiting { waiting }
    }
}
