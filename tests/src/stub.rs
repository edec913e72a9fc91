//! An HTTP server that answers what a test says, where a command asks something else than the local AWS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The server. It ends with this.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Stub {
    /// Answers each request, given as its path and its body, with this body; 404 if there is none.
    ///
    /// # Panics
    /// If it cannot be served.
    #[must_use]
    pub fn serve(answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a free port");
        let address = listener.local_addr().expect("its address");
        let answer = Arc::new(answer);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move { exchange(client, &*answer).await });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One request a connection. None if the command goes away meanwhile.
async fn exchange(
    client: TcpStream,
    answer: &(impl Fn(&str, &str) -> Option<String> + Sync),
) -> Option<()> {
    let mut client = BufReader::new(client);
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        } else if path.is_empty() {
            path = line.split(' ').nth(1)?.to_owned();
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.ok()?;
    let answer = answer(&path, &String::from_utf8_lossy(&body));
    let status = if answer.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = answer.unwrap_or_default();
    // The header is what the metadata of a machine sends with a token.
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-aws-ec2-metadata-token-ttl-seconds: 600\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await.ok()?;
    client.write_all(body.as_bytes()).await.ok()
}
