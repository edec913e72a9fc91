//! An HTTP server that answers what a test says, where a command asks something else than the local AWS.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::local_server::LocalServer;

/// The server. It ends with this.
#[derive(Debug)]
pub struct Stub(LocalServer);

impl Stub {
    /// Answers each request, given as its path and its body, with this body; 404 if there is none.
    ///
    /// # Panics
    /// If it cannot be served.
    #[must_use]
    pub fn serve(answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self(LocalServer::start(move |client| {
            let answer = answer.clone();
            async move { exchange(client, &*answer).await }
        }))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
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
