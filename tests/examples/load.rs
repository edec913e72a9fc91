//! The server under load: 200 readers of `/api/events` and 50 requests a second beside an operation over 300
//! functions. Prints what came of it; docs/performance.md has the figures.
//!
//! ```sh
//! cargo build --release && cargo run --release -p maintenance-tests --example load
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use maintenance_sandbox::FunctionSpec;
use maintenance_tests::{Running, TestEnv, quick_sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

const FUNCTIONS: usize = 300;
const READERS: usize = 200;
const REQUESTS_PER_SECOND: u32 = 50;
const PRODUCT: &str = "/api/environments/dev/product-deployments/demo";

fn main() {
    let sandbox = quick_sandbox();
    for n in 0..FUNCTIONS {
        sandbox.seed(FunctionSpec::new(&format!("demo-dev-{n:03}")).reserved(2));
    }
    let env = TestEnv::in_sandbox(sandbox);
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    let made = env.run(&["token", "new", "--name", "ana", "--scope", "write"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let server = env.start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = server.answers("\n");
    let client = Client {
        address: url.trim().trim_start_matches("http://").to_owned(),
        token: made.stdout.trim().to_owned(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(client, &server));
}

async fn run(client: Client, server: &Running) {
    let memory = || server.resident_kilobytes();
    let before = memory();
    let alone = client.on_and_off().await;
    println!(
        "alone:      {:.1} s for on and off of {FUNCTIONS} functions",
        alone.as_secs_f64()
    );

    let load = Load::start(&client);
    // A minute: both operations again, and what is left of it.
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let early = memory();
    let loaded = client.on_and_off().await;
    tokio::time::sleep(Duration::from_secs(60).saturating_sub(begin.elapsed())).await;
    let late = memory();
    let (requests, errors, events, lost) = load.stop();
    println!("under load: {:.1} s", loaded.as_secs_f64());
    println!(
        "ratio:      {:.2}",
        loaded.as_secs_f64() / alone.as_secs_f64()
    );
    println!("requests:   {requests}, of which failed: {errors}");
    println!("readers:    {READERS}, of which lost: {lost}; bytes of events: {events}");
    println!("memory:     {before} kB at first, {early} kB with the readers, {late} kB at the end");
}

#[derive(Clone)]
struct Client {
    address: String,
    token: String,
}

impl Client {
    async fn open(&self, method: &str, path: &str, body: &str) -> std::io::Result<TcpStream> {
        let mut connection = TcpStream::connect(&self.address).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: application/json\r\n\
             prefer: respond-async\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        connection.write_all(request.as_bytes()).await?;
        Ok(connection)
    }

    async fn request(&self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
        let mut text = String::new();
        let mut connection = self.open(method, path, body).await?;
        connection.read_to_string(&mut text).await?;
        let status = text.split(' ').nth(1).and_then(|it| it.parse().ok());
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body = serde_json::from_str(body).unwrap_or_default();
        Ok((status.unwrap_or(0), body))
    }

    /// How long an operation over all functions takes, and its undoing.
    async fn on_and_off(&self) -> Duration {
        let begin = Instant::now();
        for mode in ["Maintenance", "Normal"] {
            let body = json!({"mode": mode, "reason": "load"}).to_string();
            let path = format!("{PRODUCT}/operation-mode");
            let (status, operation) = self.request("PUT", &path, &body).await.expect("it answers");
            assert_eq!(status, 202, "{operation}");
            let id = operation["operationId"].as_str().expect("an id");
            let path = format!("/api/operations/{id}");
            loop {
                let (_, operation) = self.request("GET", &path, "").await.expect("it answers");
                match operation["status"].as_str() {
                    Some("Running") => tokio::time::sleep(Duration::from_millis(100)).await,
                    Some("Succeeded") => break,
                    _ => panic!("{operation}"),
                }
            }
        }
        begin.elapsed()
    }
}

/// What happens besides.
struct Load {
    counts: Arc<[AtomicU64; 4]>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let counts: Arc<[AtomicU64; 4]> = Arc::default();
        let reader = |_| {
            let (client, counts) = (client.clone(), Arc::clone(&counts));
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                if let Ok(mut connection) = client.open("GET", "/api/events", "").await {
                    while let Ok(bytes @ 1..) = connection.read(&mut buffer).await {
                        counts[2].fetch_add(bytes as u64, Ordering::Relaxed);
                    }
                }
                counts[3].fetch_add(1, Ordering::Relaxed);
            })
        };
        let mut tasks: Vec<_> = (0..READERS).map(reader).collect();
        let (client, counted) = (client.clone(), Arc::clone(&counts));
        tasks.push(tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(1) / REQUESTS_PER_SECOND);
            every.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for path in [PRODUCT, "/api/environments", "/products/dev/demo", "/"]
                .iter()
                .cycle()
            {
                every.tick().await;
                let (client, counted) = (client.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let answered = client.request("GET", path, "").await;
                    counted[0].fetch_add(1, Ordering::Relaxed);
                    if !matches!(answered, Ok((200, _))) {
                        counted[1].fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }));
        Self { counts, tasks }
    }

    /// Requests, failed requests, bytes of events, readers that were lost.
    fn stop(self) -> (u64, u64, u64, u64) {
        let count = |n: usize| self.counts[n].load(Ordering::Relaxed);
        let counted = (count(0), count(1), count(2), count(3));
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        counted
    }
}
