//! Connects to Parameter Store: with TLS (rustls, ring and Mozilla's certificate authorities), and
//! through a proxy where the environment names one. Reads no certificates from the system, which would add
//! milliseconds to a cold start.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::source::BoxError;
use crate::source::environment::Variables;
use crate::source::http::connector;

/// Connects with TLS for `https`, and without for `http`.
pub(super) type Connector = HttpsConnector<ProxyConnector>;

pub(super) fn https(variables: &Variables) -> Result<Connector, BoxError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(variables.get("AWS_CA_BUNDLE"))?)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(ProxyConnector::new(variables)?))
}

fn roots(ca_bundle: Option<String>) -> Result<RootCertStore, BoxError> {
    let Some(path) = ca_bundle else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let read = || -> Result<RootCertStore, BoxError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&path)? {
            roots.add(certificate?)?;
        }
        match roots.is_empty() {
            true => Err("there is no certificate in it".into()),
            false => Ok(roots),
        }
    };
    read().map_err(|why| format!("AWS_CA_BUNDLE {path} cannot be used: {why}").into())
}

/// Connects to the host of an `https` URL through the proxy of the environment, if it names one.
#[derive(Clone)]
pub(super) struct ProxyConnector {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

impl ProxyConnector {
    /// Reads the variables that the AWS command line tool reads.
    fn new(variables: &Variables) -> Result<Self, BoxError> {
        let variable =
            |upper: &str, lower: &str| variables.get(upper).or_else(|| variables.get(lower));
        let proxy = variable("HTTPS_PROXY", "https_proxy");
        if let Some(proxy) = &proxy
            && !is_http_proxy(proxy)
        {
            return Err("HTTPS_PROXY is not the address of an HTTP proxy, such as http://proxy.example:3128".into());
        }
        let proxies = Matcher::builder()
            .https(proxy.unwrap_or_default())
            .no(variable("NO_PROXY", "no_proxy").unwrap_or_default())
            .build();
        Ok(Self {
            direct: connector(),
            proxies: Arc::new(proxies),
        })
    }
}

/// Whether `proxy` is an address with the scheme `http` or, meaning the same, none.
fn is_http_proxy(proxy: &str) -> bool {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    let authority = rest.split('/').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("http") && authority.parse::<http::uri::Authority>().is_ok()
}

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.intercept(&uri) else {
            let connecting = self.direct.call(uri);
            return Box::pin(async { Ok(connecting.await?) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.direct.clone());
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        Box::pin(async move { Ok(tunnel.call(uri).await?) })
    }
}
