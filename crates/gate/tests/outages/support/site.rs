//! A web server behind the gate, and its visitors.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use maintenance_gate::{FlagSource, Gate, MaintenanceLayer, ManualClock, OnUnknown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::Bells;

/// What no request may wait longer than: the default budget.
pub(crate) const BUDGET: Duration = Duration::from_millis(250);
/// A TTL of 5 s and its jitter are over after this.
pub(crate) const PAST_TTL: Duration = Duration::from_millis(6_001);

/// What the clock shows at first, in milliseconds since the epoch.
pub(crate) const START: u64 = 1_795_000_000_000;
const HELLO: &str = "Hello, visitor.\n";

/// What a visitor got: every part of the answer is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Visit {
    /// The app's own answer.
    App,
    /// The maintenance page, 503.
    Page,
}

/// Lets this process hold as many sockets as a crowd has ends, if the system's default does not.
pub(crate) fn open_files(crowd: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let wanted = Some(4 * crowd as u64);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| Some(current) < wanted) {
        limit.current = limit.maximum.min(wanted).or(wanted);
        setrlimit(Resource::Nofile, limit).expect("no more than the hard limit");
    }
}

/// A web server on loopback; it ends when it is dropped.
pub(crate) struct Site {
    pub(crate) clock: ManualClock,
    pub(crate) bells: Bells,
    /// How many visitors left before their answer.
    left: watch::Sender<usize>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Site {
    /// A site whose gate reads this source. It has not asked the source yet.
    pub(crate) async fn open(source: impl FlagSource, on_unknown: OnUnknown) -> Self {
        let (clock, bells) = (ManualClock::new(START), Bells::default());
        let gate = Gate::builder()
            .app("demo")
            .env("dev")
            .source(source)
            .on_unknown(on_unknown)
            .clock(clock.clone())
            .sleep_with({
                let bells = bells.clone();
                move |duration| bells.sleep(duration)
            })
            .build()
            .unwrap();
        let left = watch::Sender::new(0);
        let counter = left.clone();
        let app = Router::new()
            .route("/", get(|| async { HELLO }))
            .layer(MaintenanceLayer::new(gate))
            .layer(from_fn(move |request, next| {
                serve(request, next, counter.clone())
            }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            clock,
            bells,
            left,
            address,
            task,
        }
    }

    /// One visit, from its connection to the end of its answer.
    pub(crate) async fn visit(&self) -> Visit {
        read(ask(connect(self.address).await).await).await
    }

    /// A visit of its own task.
    pub(crate) fn visitor(&self) -> JoinHandle<Visit> {
        let address = self.address;
        tokio::spawn(async move { read(ask(connect(address).await).await).await })
    }

    /// A crowd: all of them are connected before the first of them asks.
    pub(crate) async fn crowd(&self, size: usize) -> JoinSet<Visit> {
        let mut streams = Vec::new();
        for _ in 0..size {
            streams.push(connect(self.address).await);
        }
        let mut crowd = JoinSet::new();
        for stream in streams {
            crowd.spawn(async move { read(ask(stream).await).await });
        }
        crowd
    }

    /// Completes when the server has noticed that a visitor left.
    pub(crate) async fn one_has_left(&self) {
        // The sender lives as long as `self`.
        let _ = self.left.subscribe().wait_for(|left| *left > 0).await;
    }

    /// A visitor who asks, and whose connection is closed when the value is dropped.
    pub(crate) async fn impatient_visitor(&self) -> TcpStream {
        ask(connect(self.address).await).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a request, and counts it if it is dropped before its end.
async fn serve(
    request: Request,
    next: Next,
    left: watch::Sender<usize>,
) -> axum::response::Response {
    struct Counted(Option<watch::Sender<usize>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            if let Some(left) = &self.0 {
                left.send_modify(|left| *left += 1);
            }
        }
    }
    let mut counted = Counted(Some(left));
    let response = next.run(request).await;
    counted.0 = None;
    response
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn ask(mut stream: TcpStream) -> TcpStream {
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream
}

async fn read(mut stream: TcpStream) -> Visit {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let marked = head.contains("\r\nx-maintenance: on");
    match head.split(' ').nth(1) {
        Some("200") => {
            assert_eq!((body, marked), (HELLO, false), "{head}");
            Visit::App
        }
        Some("503") => {
            assert!(marked && head.contains("\r\nretry-after: "), "{head}");
            assert!(head.contains("\r\ncache-control: no-store"), "{head}");
            assert!(body.contains("<html"), "{body}");
            Visit::Page
        }
        _ => panic!("{answer}"),
    }
}
