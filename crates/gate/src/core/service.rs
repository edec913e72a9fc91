//! The service that [`MaintenanceLayer`](crate::MaintenanceLayer) puts around another.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::body::PageBody;
use super::future::{ResponseFuture, Waiting};
use super::gate::{Gate, Known, Refreshing};

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
/// It is always ready. A request waits for the app in its own future, where it gets its 503 should
/// maintenance begin meanwhile.
#[derive(Debug)]
pub struct Maintenance<S> {
    inner: S,
    /// Whether `inner` said that it is ready and has not been called since.
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
        // A clone of a service that is ready need not be ready itself.
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
        // During a maintenance the answer does not need the app. And an app that cannot get ready must not
        // keep the gate from learning of a maintenance.
        self.ready = self.gate.shared.state.load().mode() != Some(maintenance_flag::Mode::On)
            && self.inner.poll_ready(cx)?.is_ready();
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let known = self.gate.shared.known();
        if known == Known::Open && self.ready {
            self.ready = false;
            let future = self.inner.call(request);
            return ResponseFuture::App { future };
        }
        self.call_slow(request, known)
    }
}

impl<S: CloneService> Maintenance<S> {
    /// The rest of `call`.
    #[cold]
    #[inline(never)]
    fn call_slow<B, R>(&mut self, mut request: Request<B>, known: Known) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>, Response = Response<R>>,
        B: 'static,
        R: PageBody,
    {
        if known == Known::Stale {
            let refresh = self.gate.shared.refreshing();
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

    /// A future that waits: for a refresh, and then for the service, which may have said that it is ready
    /// or has a place in a queue. A clone takes its place here.
    fn wait<B>(&mut self, refresh: Option<Refreshing>, request: Request<B>) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        self.ready = false;
        let clone = self.inner.clone();
        let waiting = Waiting {
            // Without a refresh, the request was found to pass.
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
