//! The store at the other end of a line that can be broken and mended. What it says when the line is up
//! is the sandbox's.
//!
//! Its port is its own throughout, also while the store does not listen: a second socket is bound to it and
//! never listens, so that no other test is given the port meanwhile.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use maintenance_sandbox::{Sandbox, Settings};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::wire::{read_request, write_response};

const PARAMETER: &str = "/maintenance/demo-dev/flags/web";

/// What becomes of a connection, or of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// The sandbox answers.
    Up,
    /// The store does not listen; its connections are cut.
    Refuses,
    /// The packets of a new connection vanish; connections there were are cut.
    Swallows,
    /// Requests are read, and not answered before [`Store::answer`].
    Holds,
    /// The connection is closed instead of an answer.
    HangsUp,
    /// These bytes are the answer, and the connection is closed.
    Says(Vec<u8>),
    /// These bytes, and then nothing more.
    Stalls(Vec<u8>),
    /// An answer without end.
    Babbles,
}

/// A store on loopback; it ends when it is dropped.
pub(crate) struct Store {
    pub(crate) sandbox: Sandbox,
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<(Order, oneshot::Sender<()>)>,
    task: tokio::task::JoinHandle<()>,
    _port: TcpSocket,
}

struct Shared {
    sandbox: Sandbox,
    /// What was written, from the first version on.
    written: Mutex<Vec<String>>,
    /// Who answers instead of the sandbox: a replica that lags.
    replica: Mutex<Option<Sandbox>>,
    line: Mutex<Line>,
    seen: watch::Sender<usize>,
    answers: watch::Sender<usize>,
    connections: AtomicUsize,
    /// Older connections hear nothing any more.
    deaf_before: AtomicUsize,
}

enum Order {
    /// Listen, refuse or swallow.
    Listen(Line),
    /// Close every connection.
    Cut,
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

impl Store {
    /// A store without any parameter, its line up.
    pub(crate) async fn open() -> Self {
        let port = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = port.local_addr().unwrap();
        let sandbox = Sandbox::new(Settings::quick());
        let shared = Arc::new(Shared {
            sandbox: sandbox.clone(),
            written: Mutex::default(),
            replica: Mutex::default(),
            line: Mutex::new(Line::Up),
            seen: watch::Sender::new(0),
            answers: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
            deaf_before: AtomicUsize::new(0),
        });
        let (orders, taken) = mpsc::unbounded_channel();
        let task = tokio::spawn(serve(address, Arc::clone(&shared), taken));
        let store = Self {
            sandbox,
            address,
            shared,
            orders,
            task,
            _port: port,
        };
        store.line(Line::Up).await;
        store
    }

    /// Stores the flag.
    pub(crate) fn put(&self, flag: &str) {
        self.sandbox.set_parameter(PARAMETER, flag);
        self.shared.written.lock().unwrap().push(flag.to_owned());
    }

    /// Deletes it and stores this flag in its place, as a person might who has half a minute.
    pub(crate) fn put_anew(&self, flag: &str) {
        assert!(self.sandbox.delete_parameter(PARAMETER));
        self.shared.written.lock().unwrap().clear();
        self.put(flag);
    }

    /// From now on a replica answers that has not seen the last so many writes.
    pub(crate) fn lag(&self, writes: usize) {
        let replica = Sandbox::new(Settings::quick());
        let written = self.shared.written.lock().unwrap();
        for flag in written.iter().rev().skip(writes).rev() {
            replica.set_parameter(PARAMETER, flag);
        }
        *self.shared.replica.lock().unwrap() = Some(replica);
    }

    /// All replicas have seen all writes.
    pub(crate) fn catch_up(&self) {
        *self.shared.replica.lock().unwrap() = None;
    }

    /// From now on the line is like this.
    pub(crate) async fn line(&self, line: Line) {
        *self.shared.line.lock().unwrap() = line.clone();
        self.order(Order::Listen(line)).await;
    }

    /// Closes every connection, as a store does to those that were idle for long.
    pub(crate) async fn cut(&self) {
        self.order(Order::Cut).await;
    }

    /// Every connection there is looks open and leads nowhere; new ones are served.
    pub(crate) fn forget_connections(&self) {
        let connections = self.shared.connections.load(Ordering::SeqCst);
        self.shared.deaf_before.store(connections, Ordering::SeqCst);
    }

    async fn order(&self, order: Order) {
        let (done, is_done) = oneshot::channel();
        assert!(self.orders.send((order, done)).is_ok());
        is_done.await.unwrap();
    }

    /// Answers the requests that are held, by the value stored now.
    pub(crate) fn answer(&self) {
        self.shared.answers.send_modify(|answers| *answers += 1);
    }

    /// Whether requests are held.
    pub(crate) fn is_silent(&self) -> bool {
        *self.shared.line.lock().unwrap() == Line::Holds
    }

    /// How many requests have arrived.
    pub(crate) fn reads(&self) -> usize {
        *self.shared.seen.borrow()
    }

    /// Completes when this many requests have arrived.
    pub(crate) async fn seen(&self, count: usize) {
        let mut seen = self.shared.seen.subscribe();
        // The sender lives as long as `self`.
        let _ = seen.wait_for(|seen| *seen >= count).await;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What stands at the port: it goes with its value.
enum Door {
    Shut,
    Open(TcpListener),
    /// A listener with room for one connection that is never accepted, and that connection: the system
    /// drops what else arrives.
    Full(#[expect(dead_code, reason = "held open")] (TcpListener, TcpStream)),
}

impl Door {
    async fn like(line: &Line, address: SocketAddr) -> Self {
        match line {
            Line::Refuses => Self::Shut,
            Line::Swallows => {
                let listener = bound(address).listen(0).unwrap();
                let filler = TcpStream::connect(address).await.unwrap();
                Self::Full((listener, filler))
            }
            _ => Self::Open(bound(address).listen(1_024).unwrap()),
        }
    }

    async fn accept(&self) -> TcpStream {
        match self {
            Self::Open(listener) => listener.accept().await.unwrap().0,
            Self::Shut | Self::Full(_) => std::future::pending().await,
        }
    }
}

async fn serve(
    address: SocketAddr,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<(Order, oneshot::Sender<()>)>,
) {
    let mut door = Door::Shut;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((order, done)) = order else { return };
                let opens = |line: &Line| !matches!(line, Line::Refuses | Line::Swallows);
                match order {
                    Order::Cut => connections.shutdown().await,
                    Order::Listen(line) if opens(&line) && matches!(door, Door::Open(_)) => {}
                    Order::Listen(line) => {
                        connections.shutdown().await;
                        drop(std::mem::replace(&mut door, Door::Shut));
                        door = Door::like(&line, address).await;
                    }
                }
                let _ = done.send(());
            }
            stream = door.accept() => {
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves a connection; its end is its end, whatever the reason.
async fn connection(mut stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let _ = answer_requests(&mut stream, &shared).await;
}

async fn answer_requests(stream: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    while let Some(request) = read_request(stream).await? {
        if number < shared.deaf_before.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let mut answers = shared.answers.subscribe();
        shared.seen.send_modify(|seen| *seen += 1);
        let line = shared.line.lock().unwrap().clone();
        match line {
            Line::Up | Line::Refuses | Line::Swallows => {}
            Line::Holds => {
                let _ = answers.changed().await;
            }
            Line::HangsUp => return Ok(()),
            Line::Says(bytes) => return stream.write_all(&bytes).await,
            Line::Stalls(bytes) => {
                stream.write_all(&bytes).await?;
                std::future::pending().await
            }
            Line::Babbles => {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(head).await?;
                loop {
                    stream.write_all(b"4\r\nblah\r\n").await?;
                }
            }
        }
        let replica = shared.replica.lock().unwrap().clone();
        let sandbox = replica.as_ref().unwrap_or(&shared.sandbox);
        let response = sandbox.handle(as_parameter_store(request)).await;
        write_response(stream, &response.map_err(io::Error::other)?).await?;
    }
    Ok(())
}

/// What the extension asks Parameter Store, when it is asked for a parameter; any other request as it is.
fn as_parameter_store(request: Request<Bytes>) -> Request<Bytes> {
    let target = request.uri().to_string();
    let name = target.strip_prefix("/systemsmanager/parameters/get?name=");
    let Some(name) = name.and_then(|rest| rest.strip_suffix("&withDecryption=true")) else {
        return request;
    };
    let body = format!(r#"{{"Name":"{}"}}"#, name.replace("%2F", "/"));
    Request::post("/")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=sandbox/20261121/us-east-1/ssm/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(body.into())
        .unwrap()
}
