//! The cost of the gate for an axum server: requests over kept connections on loopback, bare and behind the gate.
//! All take their turn in each of many rounds, since the machine drifts; a ratio is taken within a round.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use maintenance_gate::{Gate, Maintenance, MemorySource, Page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::Service;

const ROUNDS: usize = 200;
const CONNECTIONS: usize = 8;
/// For each connection, in each round.
const REQUESTS: u32 = 250;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const OWN_PAGE: &[u8] = b"<p>Back soon.</p>";

fn gate(flag: &str, page: Page) -> Gate {
    let gate = Gate::builder().app("demo").env("dev");
    let gate = gate.source(MemorySource::new(flag)).page(page);
    let gate = gate.ttl(Duration::from_secs(3_600)).build();
    gate.expect("the settings are right")
}

fn hello() -> Router {
    Router::new().route("/", get(async || "Hello, visitor."))
}

/// An app that answers every request with these bytes and 503, without a gate.
fn refusing(bytes: Bytes) -> Router {
    Router::new().fallback(async move || (StatusCode::SERVICE_UNAVAILABLE, bytes))
}

/// A server and its connections, each with the length of an answer.
struct Case {
    name: &'static str,
    streams: Vec<(TcpStream, usize)>,
}

impl Case {
    async fn new<S>(name: &'static str, app: S) -> Self
    where
        S: Service<Request, Response = Response, Error = std::convert::Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let app = axum::ServiceExt::<Request>::into_make_service(app);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.set_nodelay(true).expect("it is open");
            stream.write_all(REQUEST).await.expect("it is open");
            let mut first = vec![0; 16_384];
            // The whole answer is one write of hyper's, and so one read.
            let length = stream.read(&mut first).await.expect("it answers");
            streams.push((stream, length));
        }
        Self { name, streams }
    }

    /// Requests a second.
    async fn rate(&mut self) -> f64 {
        let (start, mut all) = (Instant::now(), JoinSet::new());
        for (mut stream, length) in self.streams.drain(..) {
            all.spawn(async move {
                let mut answer = vec![0; length];
                for _ in 0..REQUESTS {
                    stream.write_all(REQUEST).await.expect("it is open");
                    stream.read_exact(&mut answer).await.expect("it answers");
                }
                (stream, length)
            });
        }
        while let Some(done) = all.join_next().await {
            self.streams.push(done.expect("it does not panic"));
        }
        let requests = f64::from(REQUESTS) * f64::from(u32::try_from(CONNECTIONS).unwrap_or(0));
        requests / start.elapsed().as_secs_f64()
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let page = |gate: &Gate| {
        let refused = gate.decide(&mut Request::new(())).into_response();
        refused.expect("it is on").into_body()
    };
    let built_in = gate("on", Page::built_in());
    let _known = built_in.check(&mut Request::new(())).await;
    let bytes = page(&built_in);
    let mut cases = [
        Case::new("bare", hello()).await,
        Case::new(
            "gate, off",
            Maintenance::new(hello(), gate("off", Page::built_in())),
        )
        .await,
        Case::new(
            "gate, on: own page",
            Maintenance::new(hello(), gate("on", Page::html(OWN_PAGE))),
        )
        .await,
        Case::new("bare, 503 with the built-in page's bytes", refusing(bytes)).await,
        Case::new(
            "gate, on: built-in page",
            Maintenance::new(hello(), built_in),
        )
        .await,
    ];
    let mut rates = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (case, rates) in cases.iter_mut().zip(&mut rates) {
            rates.push(case.rate().await);
        }
    }
    let bare = rates.first().cloned().unwrap_or_default();
    for (case, rates) in cases.iter().zip(rates) {
        let ratios = rates
            .iter()
            .zip(&bare)
            .map(|(rate, bare)| rate / bare)
            .collect();
        println!(
            "{:44} {:8.0}/s {:5.2}",
            case.name,
            median(rates),
            median(ratios)
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
