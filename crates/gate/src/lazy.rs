//! An app that is built when the first request reaches it: behind the gate, so that during a
//! maintenance its database connection is never opened.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower_service::Service;

use crate::source::BoxError;
use crate::turn::Once;

/// A service that `make` builds at the first request, once, however many come at the same time. If it
/// fails, the request gets the error and the next one tries again.
///
/// Errors of the app and of `make` both become a [`BoxError`]. lambda_http and hyper answer it by
/// themselves; for axum, which wants services that cannot fail, say what to answer with
/// `axum::error_handling::HandleError`.
///
/// ```no_run
/// # async fn connect() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn example() -> Result<(), lambda_http::Error> {
/// use lambda_http::{Body, Error, Request, Response, service_fn};
/// use maintenance_gate::{Gate, Layer, MaintenanceLayer, lazy};
///
/// let app = lazy(|| async {
///     let _database = connect().await?;
///     Ok::<_, Error>(service_fn(|_request: Request| async {
///         Ok::<_, Error>(Response::new(Body::from("hello")))
///     }))
/// });
/// lambda_http::run(MaintenanceLayer::new(Gate::from_env()?).layer(app)).await
/// # }
/// ```
pub fn lazy<F, Fut, S, E>(make: F) -> Lazy<F, S>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<S, E>>,
{
    Lazy {
        shared: Arc::new(Shared {
            make,
            app: Once::new(None),
        }),
        own: None,
    }
}

/// See [`lazy`]. Clones share one app.
pub struct Lazy<F, S> {
    shared: Arc<Shared<F, S>>,
    /// This clone's own app, once there is one, so that its readiness is kept between calls.
    own: Option<S>,
}

struct Shared<F, S> {
    make: F,
    app: Once<S>,
}

impl<F, S> Clone for Lazy<F, S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            own: None,
        }
    }
}

impl<F, S> std::fmt::Debug for Lazy<F, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

impl<F, Fut, S, E, B, R> Service<Request<B>> for Lazy<F, S>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<S, E>> + Send,
    E: Into<BoxError>,
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = LazyFuture<S::Future, Result<Response<R>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.own.is_none() {
            self.own = self.shared.app.get();
        }
        match &mut self.own {
            Some(app) => app.poll_ready(cx).map_err(Into::into),
            None => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(app) = &mut self.own {
            return LazyFuture {
                kind: Kind::App {
                    future: app.call(request),
                },
            };
        }
        let shared = Arc::clone(&self.shared);
        let first = async move {
            let mut app = shared
                .app
                .get_or_make(&shared.make)
                .await
                .map_err(Into::into)?;
            std::future::poll_fn(|cx| app.poll_ready(cx))
                .await
                .map_err(Into::into)?;
            app.call(request).await.map_err(Into::into)
        };
        LazyFuture {
            kind: Kind::First {
                future: Box::pin(first),
            },
        }
    }
}

pin_project_lite::pin_project! {
    /// The response to come, from an app that may have to be built first.
    pub struct LazyFuture<F, O> {
        #[pin]
        kind: Kind<F, O>,
    }
}

pin_project_lite::pin_project! {
    #[project = KindProj]
    enum Kind<F, O> {
        App { #[pin] future: F },
        First { future: Pin<Box<dyn Future<Output = O> + Send>> },
    }
}

impl<F, R, E> Future for LazyFuture<F, Result<Response<R>, BoxError>>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::App { future } => Poll::Ready(ready!(future.poll(cx)).map_err(Into::into)),
            KindProj::First { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F, O> std::fmt::Debug for LazyFuture<F, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LazyFuture").finish_non_exhaustive()
    }
}
