//! TLS, by rustls with ring and Mozilla's certificate authorities compiled in: nothing is read from
//! the system, which would cost a cold start milliseconds. `AWS_CA_BUNDLE` names others.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::crypto::provider;
use crate::source::BoxError;

/// Made at the first connection, and kept: it remembers sessions, so that the next handshake is
/// shorter.
#[derive(Default)]
pub(super) struct Tls(Mutex<Option<TlsConnector>>);

impl Tls {
    pub(super) async fn over(
        &self,
        stream: TcpStream,
        host: &str,
        ca_bundle: Option<&str>,
    ) -> Result<TlsStream<TcpStream>, BoxError> {
        let connector = self.connector(ca_bundle)?;
        let name = ServerName::try_from(host.to_owned())?;
        Ok(connector.connect(name, stream).await?)
    }

    fn connector(&self, ca_bundle: Option<&str>) -> Result<TlsConnector, BoxError> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = &*made {
            return Ok(connector.clone());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(ca_bundle)?)
            .with_no_client_auth();
        Ok(made.insert(TlsConnector::from(Arc::new(config))).clone())
    }
}

fn roots(ca_bundle: Option<&str>) -> Result<RootCertStore, BoxError> {
    let Some(path) = ca_bundle else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let unusable = |why: String| format!("AWS_CA_BUNDLE {path} cannot be used: {why}");
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()).into());
    }
    Ok(roots)
}
