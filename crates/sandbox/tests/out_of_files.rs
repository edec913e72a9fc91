//! A server whose process is out of files. It has its own test binary, since the limit is the process's.

#![cfg(unix)]

use std::net::TcpStream as StdStream;
use std::sync::mpsc;
use std::time::Duration;

use maintenance_sandbox::{Sandbox, Settings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Fails the test if the server spins instead of sleeping.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn accepts_again_after_being_out_of_files() {
    let (done, is_done) = mpsc::channel();
    // On its own thread: a loop that spins would block its runtime.
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(out_of_files());
        done.send(()).expect("the test waits");
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(PATIENCE) {
        panic!("it never waits");
    }
    thread.join().expect("it ends well");
}

async fn out_of_files() {
    let sandbox = Sandbox::new(Settings::quick());
    let server = sandbox.serve().await.expect("a free port");
    let client = StdStream::connect(server.address()).expect("the kernel takes it");
    client.set_nonblocking(true).expect("a socket");
    let mut client = TcpStream::from_std(client).expect("a socket");

    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        ..limit
    };
    setrlimit(Resource::Nofile, none).expect("a lower limit");
    // The paused clock advances only while every task waits.
    tokio::time::sleep(Duration::from_secs(10)).await;
    setrlimit(Resource::Nofile, limit).expect("the limit as it was");

    tokio::time::resume();
    let request = "GET /_sandbox/calls HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
