//! The future of a request at the gate. Unboxed, and no larger than the app's own or a response, since
//! it is copied for each request; only a request that has to wait has a box.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower_service::Service;

use crate::body::PageBody;
use crate::clock::Sleep;
use crate::gate::{Gate, Refreshing};

pin_project_lite::pin_project! {
    /// The response to come: the app's, or the gate's 503.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        kind: Kind<S::Future, S::Response, Waiting<S, B>>,
    }
}

pin_project_lite::pin_project! {
    #[project = KindProj]
    enum Kind<F, R, W> {
        App { #[pin] future: F },
        Blocked { response: Option<R> },
        Waiting { waiting: Option<Box<W>> },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(crate) fn app(future: S::Future) -> Self {
        let kind = Kind::App { future };
        Self { kind }
    }

    pub(crate) fn blocked(response: S::Response) -> Self {
        let response = Some(response);
        let kind = Kind::Blocked { response };
        Self { kind }
    }

    pub(crate) fn waiting(waiting: Waiting<S, B>) -> Self {
        let waiting = Some(Box::new(waiting));
        let kind = Kind::Waiting { waiting };
        Self { kind }
    }
}

/// A request that waits: for a refresh, for the app to be ready, or both.
pub(crate) struct Waiting<S, B> {
    refresh: Option<Refreshing>,
    /// Whether the request passes by the known state.
    passes: bool,
    /// Whether the app was not ready when it was last asked.
    waited: bool,
    /// While the app is not ready: when to look again at the known state.
    recheck: Option<Sleep>,
    service: S,
    request: Request<B>,
    gate: Gate,
}

// Nothing in it is pinned: a waiting request is moved to the app by value.
impl<S, B> Unpin for Waiting<S, B> {}

impl<S, B> Waiting<S, B> {
    /// Without a refresh, the request was found to pass.
    pub(crate) fn new(
        refresh: Option<Refreshing>,
        service: S,
        request: Request<B>,
        gate: Gate,
    ) -> Self {
        Self {
            passes: refresh.is_none(),
            refresh,
            waited: false,
            recheck: None,
            service,
            request,
            gate,
        }
    }

    /// Some is the 503; none says that the service is ready for the request.
    fn poll<R>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Response<R>>, S::Error>>
    where
        S: Service<Request<B>, Response = Response<R>>,
        B: 'static,
        R: PageBody,
    {
        loop {
            if let Some(refresh) = &mut self.refresh {
                ready!(refresh.as_mut().poll(cx));
                self.refresh = None;
                self.passes = false;
            }
            if !self.passes {
                if let Some(refused) = self.gate.shared.refuse(&mut self.request) {
                    return Poll::Ready(Ok(Some(refused)));
                }
                self.passes = true;
            }
            match self.service.poll_ready(cx) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if !self.waited => return Poll::Ready(Ok(None)),
                // Much may have happened since the decision.
                Poll::Ready(Ok(())) => self.waited = false,
                Poll::Pending => {
                    self.waited = true;
                    if self.recheck.is_none() {
                        self.recheck = self.gate.shared.until_stale();
                    }
                    match &mut self.recheck {
                        Some(recheck) => ready!(recheck.as_mut().poll(cx)),
                        None => return Poll::Pending,
                    }
                }
            }
            self.recheck = None;
            self.passes = false;
            if !self.gate.shared.snapshot().is_fresh() {
                self.refresh = Some(self.gate.shared.refreshing());
            }
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: 'static,
    R: PageBody,
{
    type Output = Result<Response<R>, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().kind.project() {
            KindProj::App { future } => future.poll(cx),
            KindProj::Blocked { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled again after its answer, which no caller may do.
                None => Poll::Pending,
            },
            KindProj::Waiting { .. } => self.poll_waiting(cx),
        }
    }
}

impl<S, B, R> ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: 'static,
    R: PageBody,
{
    /// The rest of `poll`, apart so that a request which need not wait stays quick.
    #[cold]
    fn poll_waiting(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<R>, S::Error>> {
        let KindProj::Waiting { waiting } = self.as_mut().project().kind.project() else {
            return Poll::Pending;
        };
        let Some(wait) = waiting else {
            return Poll::Pending;
        };
        let blocked = ready!(wait.poll(cx));
        match (waiting.take(), blocked?) {
            (_, Some(response)) => Poll::Ready(Ok(response)),
            (Some(wait), None) => {
                let mut wait = *wait;
                let future = wait.service.call(wait.request);
                self.as_mut().project().kind.set(Kind::App { future });
                self.poll(cx)
            }
            (None, None) => Poll::Pending,
        }
    }
}

impl<S, B> std::fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
