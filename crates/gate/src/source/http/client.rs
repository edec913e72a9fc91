//! Asking one server again and again, over a connection that is kept and may have died meanwhile.
//!
//! A frozen environment cannot see that its connection was closed: what is kept may be dead, and tells
//! it either by an error or not at all. So a kept connection is used again only while it is young; if
//! it fails, the request is sent once more over a new one; and if it says nothing for a while, a new
//! one is tried beside it. That repeats the request, which must be harmless.

use std::fmt;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::{Answer, Connection, Request, Stream};
#[cfg(feature = "ssm")]
use super::tls::Tls;
use crate::clock::Clock;
use crate::source::BoxError;

/// Far above the gate's budget: it only ends what nobody waits for any more.
const GIVE_UP: Duration = Duration::from_secs(10);
/// A connection that lay idle for longer, by the wall clock, is not used again: it is probably dead,
/// and a new one takes a few milliseconds.
const MAX_IDLE_MS: u64 = 60_000;
/// How long a kept connection may be silent before a new one is tried beside it, unless told. Well
/// below the gate's budget, well above what a server takes that is well.
const PATIENCE: Duration = Duration::from_millis(100);

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// How it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    /// With these certificate authorities instead of the compiled-in ones, if any.
    #[cfg(feature = "ssm")]
    Https {
        ca_bundle: Option<String>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.host, self.port)
    }
}

/// A client with at most one connection.
pub(crate) struct Client {
    kept: Mutex<Option<Kept>>,
    clock: Clock,
    patience: Duration,
    #[cfg(feature = "ssm")]
    tls: Tls,
}

struct Kept {
    connection: Connection,
    origin: Origin,
    since_ms: u64,
}

impl Default for Client {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

impl Client {
    /// See [`PATIENCE`].
    pub(crate) fn with_patience(patience: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            clock: Clock::default(),
            patience,
            #[cfg(feature = "ssm")]
            tls: Tls::default(),
        }
    }

    /// The whole answer, whatever its status. The request has an origin-form target and all headers,
    /// and is sent twice if need be.
    pub(crate) async fn send(&self, origin: &Origin, request: Request) -> Result<Answer, BoxError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err("this source needs a tokio runtime".into());
        }
        timeout(GIVE_UP, self.send_by_any(origin, request))
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", GIVE_UP.as_secs()).into()))
    }

    async fn send_by_any(&self, origin: &Origin, request: Request) -> Result<Answer, BoxError> {
        let Some(kept) = self.take(origin) else {
            return self.send_anew(origin, request).await;
        };
        let mut old = pin!(kept.exchange(request.clone()));
        match timeout(self.patience, &mut old).await {
            Ok(Ok((answer, connection))) => {
                self.keep(origin, connection);
                Ok(answer)
            }
            Ok(Err(_dead)) => self.send_anew(origin, request).await,
            Err(_silent) => tokio::select! {
                biased;
                Ok((answer, connection)) = &mut old => {
                    self.keep(origin, connection);
                    Ok(answer)
                }
                answer = self.send_anew(origin, request) => answer,
            },
        }
    }

    async fn send_anew(&self, origin: &Origin, request: Request) -> Result<Answer, BoxError> {
        let (answer, connection) = self.connect(origin).await?.exchange(request).await?;
        self.keep(origin, connection);
        Ok(answer)
    }

    async fn connect(&self, origin: &Origin) -> Result<Connection, BoxError> {
        let failed = |error: BoxError| format!("no connection to {origin}: {error}");
        let stream = TcpStream::connect((origin.host.as_str(), origin.port))
            .await
            .map_err(|error| failed(error.into()))?;
        // A request is one small write, which must not wait for more.
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &origin.scheme {
            Scheme::Http => Box::new(stream),
            #[cfg(feature = "ssm")]
            Scheme::Https { ca_bundle } => Box::new(
                self.tls
                    .over(stream, &origin.host, ca_bundle.as_deref())
                    .await
                    .map_err(failed)?,
            ),
        };
        Connection::over(stream).await
    }

    /// The kept connection, if it leads there and is young enough.
    fn take(&self, origin: &Origin) -> Option<Connection> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        // A clock that jumped backwards says nothing about the age.
        let idle_ms = self.clock.now_ms().checked_sub(kept.since_ms)?;
        (kept.origin == *origin && idle_ms <= MAX_IDLE_MS).then_some(kept.connection)
    }

    fn keep(&self, origin: &Origin, connection: Option<Connection>) {
        let kept = connection.map(|connection| Kept {
            connection,
            origin: origin.clone(),
            since_ms: self.clock.now_ms(),
        });
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::ManualClock;

    /// A client, its clock, and how many connections it has made so far when it asks again.
    async fn asks_at(times: &[u64]) -> Vec<usize> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (count, mut counted) = tokio::sync::watch::channel(0);
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.send_modify(|count| *count += 1);
                connections.spawn(async move {
                    // A request without a body comes in one piece here.
                    while stream.read(&mut [0; 1_000]).await.unwrap() > 0 {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        let clock = ManualClock::new(0);
        let client = Client {
            clock: clock.clone().into(),
            // However busy the machine is, no other connection is tried beside it.
            ..Client::with_patience(GIVE_UP)
        };
        let origin = Origin {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
        };
        let mut connections = Vec::new();
        for time in times {
            clock.set(*time);
            let request = http::Request::get("/").header("host", "x");
            let request = request.body(Full::default()).unwrap();
            client.send(&origin, request).await.unwrap();
            connections.push(*counted.borrow_and_update());
        }
        server.abort();
        connections
    }

    #[tokio::test]
    async fn a_connection_that_lay_idle_for_a_minute_is_not_trusted() {
        assert_eq!(asks_at(&[1_000, 61_000, 121_000]).await, [1, 1, 1]);
        assert_eq!(asks_at(&[1_000, 61_001, 61_002]).await, [1, 2, 2]);
        assert_eq!(asks_at(&[86_400_000, 0]).await, [1, 2], "the clock jumped");
    }
}
