//! A server on a free port that answers what a test says, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What it does with a connection once it has read the request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// Nothing, for ever.
    Hang,
}

pub(crate) fn status(head: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").into_bytes())
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

type Answers = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

impl Receiver {
    /// `answer` gets how many requests there were before, and the request.
    pub(crate) async fn start(
        answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(answer, None).await
    }

    pub(crate) async fn start_with(
        answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (answers, requests): (Answers, _) = (Arc::new(answer), Arc::clone(&seen));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, requests, tls) = (answers.clone(), requests.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => answer_one(stream, &answers, &requests).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer_one(stream, &answers, &requests).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            seen,
            _task: task,
        }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer_one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &Answers,
    requests: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    let mut block = [0; 4096];
    while !is_complete(&request) {
        match stream.read(&mut block).await {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend(&block[..n]),
        }
    }
    let request = String::from_utf8(request).unwrap();
    let before = {
        let mut requests = requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    match answers(before, &request) {
        Reply::Bytes(bytes) => {
            // The client may have had enough.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Hang => std::future::pending().await,
    }
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths
        .next()
        .map_or(0, |(_, length)| length.parse().unwrap());
    body.len() >= length
}
