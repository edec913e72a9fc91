//! The HTTP transport, on loopback, for every client of AWS. The demonstration serves its page with it too.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::BoxError;
use axum::serve::Listener;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};

use crate::admin;
use crate::sandbox::{ConnectionDropped, Sandbox};

/// The largest request body, in bytes: more than Lambda's own limit.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A running server of a sandbox or another service. It stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepts: JoinHandle<()>,
    /// Its own runtime, if it has one. Dropping it waits for its tasks to end.
    runtime: Option<Runtime>,
}

impl Sandbox {
    /// Serves on a free port of 127.0.0.1, on the runtime this is called in.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn serve(&self) -> io::Result<Server> {
        self.serve_at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// As [`Sandbox::serve`], at a given address.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn serve_at(&self, address: SocketAddr) -> io::Result<Server> {
        let sandbox = self.clone();
        Server::start(address, move |_| sandbox.service()).await
    }

    /// Serves on a free port of 127.0.0.1, on a thread with a runtime of its own: for tests that
    /// wait for a child process and so block the thread they run on.
    ///
    /// # Errors
    /// If the port cannot be bound or the thread not started.
    ///
    /// # Panics
    /// If it is called or its server dropped inside a runtime.
    pub fn serve_on_thread(&self) -> io::Result<Server> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sandbox")
            .enable_all()
            .build()?;
        let mut server = runtime.block_on(self.serve())?;
        server.runtime = Some(runtime);
        Ok(server)
    }

    /// Answers the requests of one connection.
    fn service(
        &self,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Full<Bytes>>,
        Error = ConnectionDropped,
        Future: Send,
    > + Send
    + use<> {
        let sandbox = self.clone();
        service_fn(move |request| {
            let sandbox = sandbox.clone();
            async move { answer(&sandbox, request).await }
        })
    }
}

impl Server {
    /// Serves HTTP/1 at this address, on the runtime this is called in: each connection by what `service`
    /// makes for its peer.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start<S, B>(
        address: SocketAddr,
        service: impl FnMut(SocketAddr) -> S + Send + 'static,
    ) -> io::Result<Self>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
            + Send
            + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self {
            address,
            accepts: tokio::spawn(accept(listener, service)),
            runtime: None,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to put in `AWS_ENDPOINT_URL`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving and closes all connections.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// Accepts until it is dropped, which closes every connection. `axum::serve` would neither close them nor close
/// one without an answer; its listener retries when accepting fails, as when the process is out of files.
async fn accept<S, B>(mut listener: TcpListener, mut service: impl FnMut(SocketAddr) -> S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (stream, peer) = Listener::accept(&mut listener) => {
                // With Nagle's algorithm small answers would wait for the client's acknowledgement.
                let _ = stream.set_nodelay(true);
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service(peer));
                connections.spawn(async {
                    // The client left, or a fault dropped the connection.
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(
    sandbox: &Sandbox,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, ConnectionDropped> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            tracing::debug!(%error, "the sandbox could not read a request");
            return Err(ConnectionDropped);
        }
    };
    let is_admin = parts.uri.path().starts_with(admin::PREFIX);
    let request = Request::from_parts(parts, body);
    let response = match is_admin {
        true => admin::handle(sandbox, request),
        false => sandbox.handle(request).await?,
    };
    Ok(response.map(Full::new))
}
