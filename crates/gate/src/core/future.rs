//! The future of a request at the gate. It is unboxed, and no larger than the app's future or a response, since
//! it is moved for each request; only a request that has to wait is boxed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower_service::Service;

use super::body::PageBody;
use super::gate::{CacheState, Gate, RefreshFuture};
use crate::clock::Sleep;

pin_project_lite::pin_project! {
    /// Resolves to the app's response or the gate's 503.
    #[project = Projection]
    pub enum ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        App { #[pin] future: S::Future },
        /// `None` once the response has been taken.
        Blocked { response: Option<S::Response> },
        Waiting { waiting: Box<Waiting<S, B>> },
    }
}

/// A request that waits: for a refresh, for the app to be ready, or both.
pub struct Waiting<S, B> {
    pub(crate) refresh: Option<RefreshFuture>,
    /// Whether the decision to pass has been made and still holds.
    pub(crate) passes: bool,
    /// While the app is not ready: completes when the request must be checked again.
    pub(crate) recheck: Option<Sleep>,
    pub(crate) service: S,
    /// `None` once the app has got the request.
    pub(crate) request: Option<Request<B>>,
    pub(crate) gate: Gate,
}

impl<S, B, R> Waiting<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: 'static,
    R: PageBody,
{
    /// Resolves to the app's future or the 503.
    #[cold]
    #[inline(never)]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseFuture<S, B>, S::Error>> {
        let shared = &self.gate.shared;
        loop {
            if let Some(refresh) = &mut self.refresh {
                ready!(refresh.as_mut().poll(cx));
                self.refresh = None;
                self.passes = false;
            }
            // `None`: the caller polled again after completion, which it must not.
            let Some(request) = &mut self.request else {
                return Poll::Pending;
            };
            if !self.passes {
                if let Some(refused) = shared.refuse(request) {
                    let response = Some(refused);
                    return Poll::Ready(Ok(ResponseFuture::Blocked { response }));
                }
                self.passes = true;
            }
            let waited = self.recheck.is_some();
            match self.service.poll_ready(cx)? {
                Poll::Ready(()) if !waited => {
                    let request = self.request.take();
                    return request.map_or(Poll::Pending, |request| {
                        let future = self.service.call(request);
                        Poll::Ready(Ok(ResponseFuture::App { future }))
                    });
                }
                // A maintenance may have begun since the decision: check again.
                Poll::Ready(()) => {}
                Poll::Pending => {
                    let recheck = self.recheck.get_or_insert_with(|| shared.until_expired());
                    ready!(recheck.as_mut().poll(cx));
                }
            }
            self.recheck = None;
            self.passes = false;
            if shared.cache_state() == CacheState::Expired {
                self.refresh = Some(shared.refresh_future());
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
        loop {
            let next = match self.as_mut().project() {
                Projection::App { future } => return future.poll(cx),
                // `None`: the caller polled again after completion, which it must not.
                Projection::Blocked { response } => {
                    return response
                        .take()
                        .map_or(Poll::Pending, |it| Poll::Ready(Ok(it)));
                }
                Projection::Waiting { waiting } => ready!(waiting.poll(cx))?,
            };
            self.set(next);
        }
    }
}
