//! Builds an app when the first request reaches it: behind the gate, so that during a
//! maintenance the app opens no database connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::sync::OnceCell;
use tower_service::Service;

use crate::source::BoxError;

/// Creates a service that `make` builds at the first request, once, however many requests come at the same time. If
/// `make` fails, the request gets the error and the next one tries again.
///
/// Errors of the app and of `make` both become a [`BoxError`]. lambda_http and hyper answer such an error
/// themselves; axum requires services that cannot fail, so map it to a response with
/// `axum::error_handling::HandleError`.
///
/// ```no_run
/// # async fn connect() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn example() -> Result<(), lambda_http::Error> {
/// use lambda_http::{Body, Error, Request, Response, service_fn};
/// use maintenance_gate::{Gate, Maintenance, lazy};
///
/// let app = lazy(|| async {
///     let _database = connect().await?;
///     Ok::<_, Error>(service_fn(|_request: Request| async {
///         Ok::<_, Error>(Response::new(Body::from("hello")))
///     }))
/// });
/// lambda_http::run(Maintenance::new(app, Gate::from_env()?)).await
/// # }
/// ```
///
/// With axum, answer 500 if the app cannot be built:
///
/// ```no_run
/// use std::net::SocketAddr;
///
/// use axum::error_handling::HandleError;
/// use axum::extract::Request;
/// use axum::http::StatusCode;
/// use axum::routing::get;
/// use axum::{Router, ServiceExt};
/// use maintenance_gate::{BoxError, Gate, Maintenance, lazy};
///
/// # async fn connect() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn example(listener: tokio::net::TcpListener) -> Result<(), BoxError> {
/// let app = lazy(|| async {
///     let _database = connect().await?;
///     Ok::<_, BoxError>(Router::new().route("/", get(async || "hello")))
/// });
/// let app = HandleError::new(app, async |_: BoxError| StatusCode::INTERNAL_SERVER_ERROR);
/// let app = Maintenance::new(app, Gate::from_env()?);
/// let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
/// axum::serve(listener, app).await?;
/// # Ok(())
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
            app: OnceCell::new(),
        }),
    }
}

/// The service that [`lazy`] creates. Clones share one app.
pub struct Lazy<F, S> {
    shared: Arc<Shared<F, S>>,
}

struct Shared<F, S> {
    make: F,
    /// Locked only while it is cloned: an app need not be `Sync`.
    app: OnceCell<Mutex<S>>,
}

impl<F, S> Clone for Lazy<F, S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<F, S> fmt::Debug for Lazy<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let made = async || (shared.make)().await.map(Mutex::new);
            let app = shared.app.get_or_try_init(made).await;
            let app = app.map_err(Into::into)?.lock();
            let mut app = app.unwrap_or_else(PoisonError::into_inner).clone();
            poll_fn(|cx| app.poll_ready(cx)).await.map_err(Into::into)?;
            app.call(request).await.map_err(Into::into)
        })
    }
}
