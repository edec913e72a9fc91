//! The service that [`MaintenanceLayer`](crate::MaintenanceLayer) puts around another.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::GateBody;
use crate::future::ResponseFuture;
use crate::gate::{Gate, ReadOnly, Verdict};
use crate::refresh::Refresh;

/// A service behind a [`Gate`].
#[derive(Debug)]
pub struct Maintenance<S> {
    inner: S,
    /// Whether `inner` said that it is ready and has not been called since.
    ready: bool,
    gate: Gate,
}

impl<S> Maintenance<S> {
    /// Puts `inner` behind `gate`.
    #[must_use]
    pub fn new(inner: S, gate: Gate) -> Self {
        Self {
            inner,
            ready: false,
            gate,
        }
    }
}

impl<S: Clone> Clone for Maintenance<S> {
    fn clone(&self) -> Self {
        // A clone of a service that is ready need not be ready itself.
        Self::new(self.inner.clone(), self.gate.clone())
    }
}

impl<S, B, R> Service<Request<B>> for Maintenance<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Data = Bytes>,
{
    type Response = Response<GateBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // During a maintenance the app may well be unable to get ready; the answer does not need it.
        // Should the request pass after all, its future waits for the app.
        if self.gate.inner.is_likely_closed() {
            self.ready = false;
            return Poll::Ready(Ok(()));
        }
        let polled = self.inner.poll_ready(cx);
        self.ready = matches!(polled, Poll::Ready(Ok(())));
        polled
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let gate = &self.gate.inner;
        let (known, fresh) = gate.look();
        if !fresh && let Refresh::Wait(refresh) = gate.refresh() {
            let gate = self.gate.clone();
            return ResponseFuture::wait(Some(refresh), self.take(), request, gate);
        }
        match gate.verdict(known, request.method()) {
            Verdict::Block => {
                return ResponseFuture::refused(gate.refuse(request.method(), request.uri()));
            }
            Verdict::PassReadOnly => {
                request.extensions_mut().insert(ReadOnly);
            }
            Verdict::Pass => {}
        }
        if !self.ready {
            let gate = self.gate.clone();
            return ResponseFuture::wait(None, self.take(), request, gate);
        }
        self.ready = false;
        ResponseFuture::app(self.inner.call(request))
    }
}

impl<S: Clone> Maintenance<S> {
    /// The inner service with whatever readiness it has; a clone takes its place.
    fn take(&mut self) -> S {
        self.ready = false;
        let clone = self.inner.clone();
        std::mem::replace(&mut self.inner, clone)
    }
}
