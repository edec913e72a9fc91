//! The service that [`MaintenanceLayer`](crate::MaintenanceLayer) puts around another.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::body::{FromPage, MakeBody};
use crate::decision::{Judgement, ReadOnly};
use crate::future::ResponseFuture;
use crate::gate::Gate;
use crate::refresh::{Refresh, Refreshing};
use crate::state::Look;

/// A service behind a [`Gate`].
#[derive(Debug)]
pub struct Maintenance<S, P = FromPage> {
    inner: S,
    /// Whether `inner` said that it is ready and has not been called since.
    ready: bool,
    gate: Gate,
    make_body: P,
}

impl<S> Maintenance<S> {
    /// Puts `inner` behind `gate`.
    #[must_use]
    pub fn new(inner: S, gate: Gate) -> Self {
        Self::of(inner, gate, FromPage)
    }
}

impl<S, P> Maintenance<S, P> {
    pub(crate) fn of(inner: S, gate: Gate, make_body: P) -> Self {
        Self {
            inner,
            ready: false,
            gate,
            make_body,
        }
    }
}

impl<S: Clone, P: Clone> Clone for Maintenance<S, P> {
    fn clone(&self) -> Self {
        // A clone of a service that is ready need not be ready itself.
        Self::of(
            self.inner.clone(),
            self.gate.clone(),
            self.make_body.clone(),
        )
    }
}

impl<S, B, R, P> Service<Request<B>> for Maintenance<S, P>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    P: MakeBody<R> + Clone,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, P>;

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
        // An app that cannot get ready must keep neither the gate from learning of a maintenance, nor
        // those waiting who would be refused anyway.
        if self.ready || self.gate.inner.is_surely_open() {
            return polled;
        }
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let look = self.gate.inner.look();
        if look.is_fresh() && self.ready && self.gate.inner.is_open(look.known()) {
            self.ready = false;
            return ResponseFuture::app(self.inner.call(request));
        }
        if look.is_usual() {
            return self.refuse(look, request);
        }
        self.look_closer(look, request)
    }
}

impl<S, P: Clone> Maintenance<S, P> {
    /// The usual refusal, if it is that: apart from `call`, so that a request which just passes pays for
    /// none of it, and from what has to look closer, which is longer.
    #[cold]
    #[inline(never)]
    fn refuse<B, R>(&mut self, look: Look, request: Request<B>) -> ResponseFuture<S, B, P>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        P: MakeBody<R>,
    {
        if look.is_fresh()
            && let Some(usual) = self.gate.inner.usual(look, (&request).into())
        {
            return ResponseFuture::usual(usual, self.make_body.clone());
        }
        self.look_closer(look, request)
    }

    /// The rest of `call`.
    #[cold]
    #[inline(never)]
    fn look_closer<B, R>(&mut self, look: Look, mut request: Request<B>) -> ResponseFuture<S, B, P>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        P: MakeBody<R>,
    {
        let gate = &self.gate.inner;
        let mut known = look.known();
        if !look.is_fresh() {
            match gate.refresh() {
                Refresh::Wait(refresh) => return self.wait(Some(refresh), request),
                Refresh::GoOn => known = gate.known(),
            }
        }
        if !gate.is_open(known) {
            match gate.judge((&request).into(), look.now_ms) {
                Judgement::Answer(answer) => {
                    return ResponseFuture::refused(answer.map(|text| self.make_body.make(text)));
                }
                Judgement::PassReadOnly => {
                    request.extensions_mut().insert(ReadOnly);
                }
                Judgement::Pass => {}
            }
        }
        if !self.ready {
            return self.wait(None, request);
        }
        self.ready = false;
        ResponseFuture::app(self.inner.call(request))
    }
}

impl<S: Clone, P: Clone> Maintenance<S, P> {
    /// A future that waits: for a refresh, and then for the service that said it is ready. A clone
    /// takes its place here.
    #[cold]
    fn wait<B, R>(
        &mut self,
        refresh: Option<Refreshing>,
        request: Request<B>,
    ) -> ResponseFuture<S, B, P>
    where
        S: Service<Request<B>, Response = Response<R>>,
    {
        self.ready = false;
        let clone = self.inner.clone();
        let service = std::mem::replace(&mut self.inner, clone);
        let (gate, make_body) = (self.gate.clone(), self.make_body.clone());
        ResponseFuture::wait(refresh, service, request, gate, make_body)
    }
}
