//! The service that [`MaintenanceLayer`](crate::MaintenanceLayer) puts around another.

use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::body::{FromPage, MakeBody};
use crate::clock::Sleep;
use crate::decision::{ReadOnly, Verdict};
use crate::future::{ResponseFuture, Waiting};
use crate::gate::{Gate, Refreshing};

/// A service behind a [`Gate`].
///
/// The service must be [`Clone`], since a request that has to wait takes it along:
/// `tower::util::BoxCloneSyncService` is, and `tower::buffer::Buffer` makes any service so.
pub struct Maintenance<S, P = FromPage> {
    inner: S,
    /// Whether `inner` said that it is ready and has not been called since.
    ready: bool,
    /// While `inner` is not ready: when to look again at the known state.
    recheck: Option<Sleep>,
    gate: Gate,
    make_body: P,
}

impl<S> Maintenance<S> {
    /// Puts `inner` behind `gate`: the whole of an axum router, with whatever routes it has.
    #[must_use]
    pub fn new(inner: S, gate: Gate) -> Self {
        Self::with_body(inner, gate, FromPage)
    }
}

impl<S, P> Maintenance<S, P> {
    pub(crate) fn with_body(inner: S, gate: Gate, make_body: P) -> Self {
        Self {
            inner,
            ready: false,
            recheck: None,
            gate,
            make_body,
        }
    }
}

impl<S: Clone, P: Clone> Clone for Maintenance<S, P> {
    fn clone(&self) -> Self {
        // A clone of a service that is ready need not be ready itself.
        Self::with_body(
            self.inner.clone(),
            self.gate.clone(),
            self.make_body.clone(),
        )
    }
}

impl<S: fmt::Debug, P> fmt::Debug for Maintenance<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintenance")
            .field("inner", &self.inner)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

impl<S, B, R, P> Service<Request<B>> for Maintenance<S, P>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: 'static,
    P: MakeBody<R> + Clone,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, P>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // During a maintenance the app may be unable to get ready, and the answer does not need it.
        // Should the request pass after all, its future waits for the app.
        if self.gate.shared.last_known_mode() == Some(maintenance_flag::Mode::On) {
            self.ready = false;
            return Poll::Ready(Ok(()));
        }
        let polled = self.inner.poll_ready(cx);
        self.ready = matches!(polled, Poll::Ready(Ok(())));
        if self.ready {
            self.recheck = None;
            return polled;
        }
        self.poll_recheck(polled, cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let snapshot = self.gate.shared.snapshot();
        if snapshot.is_fresh() && self.ready && self.gate.shared.is_open(snapshot.mode()) {
            self.ready = false;
            return ResponseFuture::app(self.inner.call(request));
        }
        self.call_slow(request, snapshot.is_fresh())
    }
}

impl<S, P> Maintenance<S, P> {
    /// What to say while `inner` is not ready. An app that cannot get ready must not keep the gate from
    /// learning of a maintenance, nor requests waiting that would be refused anyway.
    #[cold]
    fn poll_recheck<E>(
        &mut self,
        polled: Poll<Result<(), E>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), E>> {
        let shared = &self.gate.shared;
        loop {
            let snapshot = shared.snapshot();
            if !(snapshot.is_fresh() && shared.is_open(snapshot.mode())) {
                self.recheck = None;
                return Poll::Ready(Ok(()));
            }
            if self.recheck.is_none() {
                self.recheck = shared.until_stale();
            }
            let Some(recheck) = &mut self.recheck else {
                return polled;
            };
            if recheck.as_mut().poll(cx).is_pending() {
                return polled;
            }
            self.recheck = None;
        }
    }

    /// The rest of `call`.
    #[cold]
    #[inline(never)]
    fn call_slow<B, R>(
        &mut self,
        mut request: Request<B>,
        is_fresh: bool,
    ) -> ResponseFuture<S, B, P>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        B: 'static,
        P: MakeBody<R> + Clone,
    {
        if !is_fresh {
            let refresh = self.gate.shared.refreshing();
            return self.wait(Some(refresh), request);
        }
        match self.gate.shared.decide((&request).into()) {
            Verdict::Block(response) => {
                return ResponseFuture::blocked(response.map(|page| self.make_body.make(page)));
            }
            Verdict::PassReadOnly => {
                request.extensions_mut().insert(ReadOnly);
            }
            Verdict::Pass => {}
        }
        if !self.ready {
            return self.wait(None, request);
        }
        self.ready = false;
        ResponseFuture::app(self.inner.call(request))
    }

    /// A future that waits: for a refresh, and then for the service that said it is ready. A clone
    /// takes its place here.
    fn wait<B, R>(
        &mut self,
        refresh: Option<Refreshing>,
        request: Request<B>,
    ) -> ResponseFuture<S, B, P>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        P: Clone,
    {
        self.ready = false;
        let clone = self.inner.clone();
        let service = std::mem::replace(&mut self.inner, clone);
        let (gate, make_body) = (self.gate.clone(), self.make_body.clone());
        ResponseFuture::waiting(Waiting::new(refresh, service, request, gate, make_body))
    }
}
