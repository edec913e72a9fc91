//! What stands between a command and AWS in a company: a proxy, and TLS whose certificates are the
//! company's own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::local_server::LocalServer;

/// A proxy through which every host is a local AWS, `https` by certificates of an authority of its own.
#[derive(Debug)]
pub struct Network {
    server: LocalServer,
    authority: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Network {
    /// Stands before the AWS at this address, as which `name` is known to its certificate.
    ///
    /// # Panics
    /// If it cannot be served.
    #[must_use]
    pub fn before(aws: SocketAddr, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let tls = acceptor(&issuer, name);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heads = seen.clone();
        let server =
            LocalServer::start(move |client| serve(client, aws, tls.clone(), heads.clone()));
        Self {
            server,
            authority: issuer.pem(),
            seen,
        }
    }

    /// The proxy's address.
    #[must_use]
    pub fn proxy(&self) -> SocketAddr {
        self.server.address
    }

    /// The certificate of the authority, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The head of the first request of each connection.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("what was seen").clone()
    }
}

/// One connection: what is asked to be connected speaks TLS, and the rest plain HTTP.
async fn serve(
    mut client: TcpStream,
    aws: SocketAddr,
    tls: TlsAcceptor,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let is_tunnel = text.starts_with("CONNECT ");
    seen.lock().expect("what was seen").push(text);
    let Ok(mut aws) = TcpStream::connect(aws).await else {
        return;
    };
    // However it ends, the command and AWS see their side of it.
    if is_tunnel {
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        if let Ok(mut client) = tls.accept(client).await {
            let _ = copy_bidirectional(&mut client, &mut aws).await;
        }
    } else {
        let _ = aws.write_all(&head).await;
        let _ = copy_bidirectional(&mut client, &mut aws).await;
    }
}

fn acceptor(issuer: &CertifiedIssuer<'_, KeyPair>, name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        );
    TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")))
}
