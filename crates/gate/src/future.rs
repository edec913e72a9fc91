//! The future of a request at the gate. Unboxed, and as small as the app's own, since it is copied
//! for each request; only a request that has to wait for something has a box.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::GateBody;
use crate::gate::{Gate, ReadOnly, Verdict};

type Refreshing = Pin<Box<dyn Future<Output = ()> + Send>>;

pin_project_lite::pin_project! {
    /// The response to come: the app's, or the gate's 503.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        kind: Kind<S, B, S::Future>,
    }
}

pin_project_lite::pin_project! {
    #[project = KindProj]
    enum Kind<S, B, F> {
        App { #[pin] future: F },
        Refused { response: Option<Response<Bytes>> },
        Waiting { waiting: Option<Box<Waiting<S, B>>> },
    }
}

/// A request that waits: for a refresh, for the app to be ready, or both.
struct Waiting<S, B> {
    refresh: Option<Refreshing>,
    service: S,
    request: Request<B>,
    gate: Gate,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(crate) fn app(future: S::Future) -> Self {
        Self {
            kind: Kind::App { future },
        }
    }

    pub(crate) fn refused(response: Response<Bytes>) -> Self {
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
    ) -> Self {
        let waiting = Waiting {
            refresh,
            service,
            request,
            gate,
        };
        Self {
            kind: Kind::Waiting {
                waiting: Some(Box::new(waiting)),
            },
        }
    }
}

impl<S, B> Waiting<S, B>
where
    S: Service<Request<B>>,
{
    /// Ends the refresh, decides once more, and waits for the app: none if the request passes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Response<Bytes>>, S::Error>> {
        if let Some(refresh) = &mut self.refresh {
            ready!(refresh.as_mut().poll(cx));
            self.refresh = None;
            let gate = &self.gate.inner;
            let (known, _) = gate.look();
            match gate.verdict(known, self.request.method()) {
                Verdict::Block => {
                    let response = gate.refuse(self.request.method(), self.request.uri());
                    return Poll::Ready(Ok(Some(response)));
                }
                Verdict::PassReadOnly => {
                    self.request.extensions_mut().insert(ReadOnly);
                }
                Verdict::Pass => {}
            }
        }
        self.service.poll_ready(cx).map_ok(|()| None)
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<GateBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut kind = self.as_mut().project().kind;
            match kind.as_mut().project() {
                KindProj::App { future } => {
                    return future
                        .poll(cx)
                        .map_ok(|response| response.map(GateBody::app));
                }
                KindProj::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response.map(GateBody::page))),
                        // Polled again after its answer, which no caller may do.
                        None => Poll::Pending,
                    };
                }
                KindProj::Waiting { waiting } => {
                    let Some(wait) = waiting else {
                        return Poll::Pending;
                    };
                    let refused = ready!(wait.poll(cx))?;
                    let Some(wait) = waiting.take() else {
                        return Poll::Pending;
                    };
                    kind.set(match refused {
                        Some(response) => Kind::Refused {
                            response: Some(response),
                        },
                        None => {
                            let mut wait = *wait;
                            Kind::App {
                                future: wait.service.call(wait.request),
                            }
                        }
                    });
                }
            }
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
