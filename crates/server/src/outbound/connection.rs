//! One request over a connection of its own: straight, by a proxy, with TLS or without.

use std::sync::Arc;

use bytes::Bytes;
use http::header::PROXY_AUTHORIZATION;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tower::Service;
use url::Host;

use super::guard::{Guarded, literal};
use super::{BoxError, OutboundError};

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 65_536;

/// How a request goes.
pub(super) struct Route {
    pub(super) proxy: Option<Intercept>,
    pub(super) resolver: Guarded,
    pub(super) tls: Arc<ClientConfig>,
}

/// The task that moves the bytes: it ends when this is dropped.
pub(super) type Connection = JoinSet<()>;

/// At which point it failed.
#[derive(Debug)]
pub(super) enum Failed {
    Connecting(BoxError),
    Exchanging(BoxError),
}

impl Failed {
    pub(super) fn source(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Connecting(error) | Self::Exchanging(error) => &**error,
        }
    }

    pub(super) fn of(self, host: String) -> OutboundError {
        match self {
            Self::Connecting(source) => OutboundError::Connect { host, source },
            Self::Exchanging(source) => OutboundError::Broken { host, source },
        }
    }
}

impl Route {
    /// Sends it, and waits for the head of the answer.
    pub(super) async fn round_trip(
        &self,
        mut request: Request<Full<Bytes>>,
        host: &Host<&str>,
    ) -> Result<(Response<Incoming>, Connection), Failed> {
        let uri = request.uri().clone();
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let connecting = |error: BoxError| Failed::Connecting(error);
        let Some(proxy) = &self.proxy else {
            let mut direct = self.connector(self.resolver.clone());
            let stream = direct.call(uri.clone()).await.map_err(connecting)?;
            *request.uri_mut() = of_origin(&uri);
            return exchange(stream, request).await;
        };
        let mut to_proxy = self.connector(self.resolver.of_proxy());
        if is_secure {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
            if let Some(credentials) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            let stream = tunnel.call(uri.clone()).await;
            let stream = TokioIo::new(stream.map_err(|error| connecting(error.into()))?);
            let tls = TlsConnector::from(Arc::clone(&self.tls));
            let name = server_name(host).map_err(connecting)?;
            let stream = tls.connect(name, stream).await;
            let stream = TokioIo::new(stream.map_err(|error| connecting(error.into()))?);
            *request.uri_mut() = of_origin(&uri);
            return exchange(stream, request).await;
        }
        // The proxy is told the whole URL.
        if let Some(credentials) = proxy.basic_auth() {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, credentials.clone());
        }
        let stream = to_proxy.call(proxy.uri().clone()).await;
        exchange(stream.map_err(connecting)?, request).await
    }

    fn connector(&self, resolver: Guarded) -> HttpsConnector<HttpConnector<Guarded>> {
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        HttpsConnectorBuilder::new()
            .with_tls_config((*self.tls).clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector)
    }
}

/// The URI as a server takes it: without scheme and host.
fn of_origin(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    path.unwrap_or_else(|| PathAndQuery::from_static("/"))
        .into()
}

fn server_name(host: &Host<&str>) -> Result<ServerName<'static>, BoxError> {
    match (literal(host), host) {
        (Some(address), _) => Ok(ServerName::from(address)),
        (None, host) => Ok(ServerName::try_from(host.to_string())?),
    }
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Connection), Failed>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let exchanging = |error: hyper::Error| Failed::Exchanging(error.into());
    let handshake = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(stream);
    let (mut sender, connection) = handshake.await.map_err(exchanging)?;
    let mut task = JoinSet::new();
    task.spawn(async move {
        // Its error is the request's, too.
        let _ = connection.await;
    });
    let response = sender.send_request(request).await.map_err(exchanging)?;
    Ok((response, task))
}
