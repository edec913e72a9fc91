//! The server as a process: its listener, TLS, and how it stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Handle, Server};

use crate::AppState;
use crate::operations::Operation;

/// How long a client may take to send the head of a request, and to begin with one.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long requests that are being answered may take once the server stops.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Where the server listens, and what protects the tokens on their way to it.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// The certificate chain and the private key, PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front of it has the TLS.
    pub behind_proxy: bool,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Tokens would cross a network in clear.
    #[error("{0} can be reached from other machines, and tokens would cross the network in clear")]
    InClear(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {} with the key {}", certificate.display(), key.display())]
    Tls {
        /// The file of the certificate chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It listened, and failed.
    #[error("the server failed")]
    Failed(#[source] io::Error),
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(listen: &Listen) -> Result<Self, ServeError> {
        let address = listen.address;
        if !address.ip().is_loopback() && listen.tls.is_none() && !listen.behind_proxy {
            return Err(ServeError::InClear(address));
        }
        let tls = match &listen.tls {
            None => None,
            Some((certificate, key)) => {
                // The other one is of the AWS SDK's choice, too; the first to be installed stays.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let config = RustlsConfig::from_pem_file(certificate, key).await;
                let config = config.map_err(|source| ServeError::Tls {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    source,
                })?;
                let mut http1 = rustls::ServerConfig::clone(&config.get_inner());
                http1.alpn_protocols = vec![b"http/1.1".to_vec()];
                Some(RustlsConfig::from_config(Arc::new(http1)))
            }
        };
        let cannot = |source| ServeError::Listen { address, source };
        let socket = TcpListener::bind(address).map_err(cannot)?;
        socket.set_nonblocking(true).map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        Ok(Self {
            socket,
            address,
            tls,
        })
    }

    /// The address that it listens on: with its port, if that was to be a free one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its console.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers until `stop` is ready. Then operations end their step in hand and give their leases back, and
    /// requests that are being answered have five seconds. Returns the operations that were at work by then.
    ///
    /// # Errors
    /// [`ServeError::Failed`].
    pub async fn serve(
        self,
        state: &AppState,
        router: Router,
        stop: impl Future<Output = ()>,
    ) -> Result<Vec<Arc<Operation>>, ServeError> {
        let handle = Handle::new();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let served = async {
            let server = axum_server::from_tcp(self.socket)?.handle(handle.clone());
            match self.tls {
                None => bounded(server).serve(service).await,
                Some(tls) => {
                    let tls = axum_server::tls_rustls::RustlsAcceptor::new(tls);
                    bounded(server.acceptor(tls)).serve(service).await
                }
            }
        };
        let stopped = async {
            stop.await;
            let left = state.operations.stop().await;
            handle.graceful_shutdown(Some(LAST_ANSWERS_WITHIN));
            left
        };
        let (mut served, mut stopped) = (std::pin::pin!(served), std::pin::pin!(stopped));
        tokio::select! {
            ended = &mut served => {
                let left = state.operations.stop().await;
                ended.map_err(ServeError::Failed)?;
                Ok(left)
            }
            left = &mut stopped => {
                served.await.map_err(ServeError::Failed)?;
                Ok(left)
            }
        }
    }
}

/// A client that says nothing, or sends its request byte by byte, holds no connection for long. HTTP/1.1 alone:
/// nothing limits how long one that speaks HTTP/2 may stay silent.
fn bounded<A: axum_server::Address, C>(server: Server<A, C>) -> Server<A, C> {
    let mut server = server.http1_only().first_request_timeout(HEAD_WITHIN);
    let http = server.http_builder();
    http.http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
    server
}
