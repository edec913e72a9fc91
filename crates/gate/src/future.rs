//! The future of a request at the gate. Unboxed, and as small as the app's own, since it is copied
//! for each request; only a request that has to wait for something has a box.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower_service::Service;

use crate::body::{FromPage, MakeBody};
use crate::decision::{Judgement, ReadOnly};
use crate::gate::Gate;
use crate::refresh::Refreshing;

pin_project_lite::pin_project! {
    /// The response to come: the app's, or the gate's 503.
    pub struct ResponseFuture<S, B, P = FromPage>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        kind: Kind<S::Future, S::Response, Waiting<S, B, P>>,
    }
}

pin_project_lite::pin_project! {
    #[project = KindProj]
    enum Kind<F, R, W> {
        App { #[pin] future: F },
        Refused { response: Option<R> },
        Waiting { waiting: Option<Box<W>> },
    }
}

/// A request that waits: for a refresh, for the app to be ready, or both.
struct Waiting<S, B, P> {
    refresh: Option<Refreshing>,
    service: S,
    request: Request<B>,
    gate: Gate,
    make_body: P,
}

impl<S, B, P> ResponseFuture<S, B, P>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(crate) fn app(future: S::Future) -> Self {
        Self {
            kind: Kind::App { future },
        }
    }

    pub(crate) fn refused(response: S::Response) -> Self {
        Self {
            kind: Kind::Refused {
                response: Some(response),
            },
        }
    }

    pub(crate) fn wait(
        refresh: Option<Refreshing>,
        service: S,
        request: Request<B>,
        gate: Gate,
        make_body: P,
    ) -> Self {
        let waiting = Waiting {
            refresh,
            service,
            request,
            gate,
            make_body,
        };
        Self {
            kind: Kind::Waiting {
                waiting: Some(Box::new(waiting)),
            },
        }
    }
}

impl<S, B, R, P> Waiting<S, B, P>
where
    S: Service<Request<B>, Response = Response<R>>,
    P: MakeBody<R>,
{
    /// Ends the refresh, decides once more, and waits for the app: none if the request passes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Response<R>>, S::Error>> {
        if let Some(refresh) = &mut self.refresh {
            ready!(refresh.as_mut().poll(cx));
            self.refresh = None;
            let gate = &self.gate.inner;
            if !gate.is_open(gate.known()) {
                match gate.judge((&self.request).into()) {
                    Judgement::Answer(answer) => {
                        let response = answer.map(|text| self.make_body.make(text));
                        return Poll::Ready(Ok(Some(response)));
                    }
                    Judgement::PassReadOnly => {
                        self.request.extensions_mut().insert(ReadOnly);
                    }
                    Judgement::Pass => {}
                }
            }
        }
        self.service.poll_ready(cx).map_ok(|()| None)
    }
}

impl<S, B, R, P> Future for ResponseFuture<S, B, P>
where
    S: Service<Request<B>, Response = Response<R>>,
    P: MakeBody<R>,
{
    type Output = Result<Response<R>, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().kind.project() {
            KindProj::App { future } => future.poll(cx),
            _ => self.poll_kept_back(cx),
        }
    }
}

impl<S, B, R, P> ResponseFuture<S, B, P>
where
    S: Service<Request<B>, Response = Response<R>>,
    P: MakeBody<R>,
{
    /// The rest of `poll`, apart so that the app's own way stays short. A future that is polled again
    /// after its answer, which no caller may do, has none.
    #[cold]
    fn poll_kept_back(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<R>, S::Error>> {
        let mut kind = self.project().kind;
        let wait = match kind.as_mut().project() {
            KindProj::App { future } => return future.poll(cx),
            KindProj::Refused { response } => match response.take() {
                Some(response) => return Poll::Ready(Ok(response)),
                None => return Poll::Pending,
            },
            KindProj::Waiting { waiting } => match waiting {
                Some(wait) => {
                    let refused = ready!(wait.poll(cx));
                    match (waiting.take(), refused?) {
                        (_, Some(response)) => return Poll::Ready(Ok(response)),
                        (Some(wait), None) => wait,
                        (None, None) => return Poll::Pending,
                    }
                }
                None => return Poll::Pending,
            },
        };
        let mut wait = *wait;
        let future = wait.service.call(wait.request);
        kind.set(Kind::App { future });
        match kind.project() {
            KindProj::App { future } => future.poll(cx),
            _ => Poll::Pending,
        }
    }
}

impl<S, B, P> std::fmt::Debug for ResponseFuture<S, B, P>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
