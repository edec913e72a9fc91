//! The future of a request at the gate. Unboxed, and no larger than the app's own or a response, since
//! it is copied for each request; only a request that has to wait for something has a box.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower_service::Service;

use crate::answer;
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
        kind: Kind<S::Future, S::Response, Usual<P>, Waiting<S, B, P>>,
    }
}

pin_project_lite::pin_project! {
    #[project = KindProj]
    enum Kind<F, R, U, W> {
        App { #[pin] future: F },
        // Made when it is asked for: to hand it on from here would copy it once more.
        Usual { answer: U },
        Refused { response: Option<R> },
        Waiting { waiting: Option<Box<W>> },
    }
}

/// The usual refusal, and what is not the same for each request.
struct Usual<P> {
    answer: &'static answer::Usual,
    make_body: P,
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

    #[inline]
    pub(crate) fn usual(answer: &'static answer::Usual, make_body: P) -> Self {
        let answer = Usual { answer, make_body };
        Self {
            kind: Kind::Usual { answer },
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
                match gate.judge((&self.request).into(), gate.clock.now_ms()) {
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
            KindProj::Usual { answer } => {
                let body = |text| answer.make_body.make(text);
                Poll::Ready(Ok(answer.answer.to(body)))
            }
            KindProj::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled again after its answer, which no caller may do.
                None => Poll::Pending,
            },
            KindProj::Waiting { .. } => self.poll_waiting(cx),
        }
    }
}

impl<S, B, R, P> ResponseFuture<S, B, P>
where
    S: Service<Request<B>, Response = Response<R>>,
    P: MakeBody<R>,
{
    /// The rest of `poll`, apart so that what need not wait stays short.
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
        let refused = ready!(wait.poll(cx));
        match (waiting.take(), refused?) {
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

impl<S, B, P> std::fmt::Debug for ResponseFuture<S, B, P>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
