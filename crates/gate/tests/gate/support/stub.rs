//! A server that answers in whatever bytes it is told, with or without TLS, and remembers what it was
//! asked over how many connections.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What a request gets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes; the connection stays.
    Says(Vec<u8>),
    /// These bytes, and the connection goes.
    SaysAndCloses(Vec<u8>),
    /// Nothing, for ever.
    IsSilent,
}

impl Reply {
    /// An answer with this body.
    pub(crate) fn body(status: u16, body: &str) -> Self {
        Self::Says(answer(status, body.len(), body))
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::body(status, &body.to_string())
    }

    /// The answer to GetParameter, with this value.
    pub(crate) fn value(text: &str) -> Self {
        Self::json(
            200,
            &json!({"Parameter": {
                "ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/x",
                "Name": "/x", "Type": "String", "Value": text, "Version": 7,
            }}),
        )
    }

    /// An error of AWS's.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"__type": code, "message": message}))
    }

    /// The connection goes, without an answer.
    pub(crate) fn closes() -> Self {
        Self::SaysAndCloses(Vec::new())
    }

    /// Half an answer.
    pub(crate) fn is_cut_off() -> Self {
        let body = r#"{"Parameter":{"Value":"off"}}"#;
        Self::SaysAndCloses(answer(200, body.len() + 1, body))
    }
}

fn answer(status: u16, length: usize, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

#[derive(Default)]
struct Shared {
    replies: VecDeque<Reply>,
    received: Vec<Received>,
    connections: usize,
}

/// The server; it stops when this is dropped.
pub(crate) struct Stub {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

impl Stub {
    /// Gives these replies, and the last one for ever.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::listen(None, replies).await
    }

    /// The same with TLS.
    pub(crate) async fn start_tls(
        authority: &Authority,
        name: &str,
        replies: impl IntoIterator<Item = Reply>,
    ) -> Self {
        Self::listen(Some(authority.acceptor(name)), replies).await
    }

    async fn listen(tls: Option<TlsAcceptor>, replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared {
            replies: replies.into_iter().collect(),
            ..Shared::default()
        }));
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { port, shared, task }
    }

    /// From now on these replies.
    pub(crate) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.lock().unwrap().replies = replies.into_iter().collect();
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.lock().unwrap().received.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.lock().unwrap().connections
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Mutex<Shared>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        shared.lock().unwrap().connections += 1;
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match tls {
                None => serve(stream, shared).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, shared).await,
                    // A client that does not trust us.
                    Err(_) => None,
                },
            }
        });
    }
}

/// Until the client goes, or a reply says so.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: Arc<Mutex<Shared>>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let received = receive(&mut stream, &mut buffer).await?;
        let reply = {
            let mut shared = shared.lock().unwrap();
            shared.received.push(received);
            match shared.replies.len() {
                0 | 1 => shared.replies.front().cloned(),
                _ => shared.replies.pop_front(),
            }
        };
        match reply.expect("a reply") {
            Reply::Says(bytes) => stream.write_all(&bytes).await.ok()?,
            Reply::SaysAndCloses(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                return stream.shutdown().await.ok();
            }
            Reply::IsSilent => std::future::pending().await,
        }
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let mut lines = head.lines().map(str::to_owned);
            let line = lines.next().unwrap();
            let headers: BTreeMap<_, _> = lines
                .map(|line| {
                    let (name, value) = line.split_once(": ").unwrap();
                    (name.to_ascii_lowercase(), value.to_owned())
                })
                .collect();
            let length: usize = headers
                .get("content-length")
                .map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some(Received {
                    line,
                    headers,
                    body: String::from_utf8(body).unwrap(),
                });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// A certificate authority of this test alone.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// What to put in `AWS_CA_BUNDLE`.
    pub(crate) fn bundle(&self) -> String {
        self.file.path().to_str().unwrap().to_owned()
    }

    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
