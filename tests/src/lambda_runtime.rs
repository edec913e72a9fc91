//! Lambda's Runtime API, by which a function gets its events and answers them.

use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc as events};

use crate::local_server::LocalServer;
use crate::screen::PATIENCE;

/// The Runtime API of one environment.
#[derive(Debug)]
pub struct LambdaRuntime {
    server: LocalServer,
    events: events::UnboundedSender<Event>,
    answers: mpsc::Receiver<String>,
}

#[derive(Debug)]
struct Event {
    body: String,
    deadline: u128,
}

impl LambdaRuntime {
    /// Without an event yet.
    #[must_use]
    pub fn start() -> Self {
        let (sender, receiver) = events::unbounded_channel();
        let (answered, answers) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let server = LocalServer::start(move |client| {
            let (receiver, answered) = (receiver.clone(), answered.clone());
            async move { serve(client, &receiver, &answered).await }
        });
        Self {
            server,
            events: sender,
            answers,
        }
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.server.address.to_string()
    }

    /// Invokes the function with an event, which has so long to be answered. Returns the answer.
    ///
    /// # Panics
    /// If there is none within a minute.
    #[must_use]
    pub fn invoke(&self, event: &Value, time: Duration) -> Value {
        let deadline = SystemTime::now() + time;
        let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH);
        let event = Event {
            body: event.to_string(),
            deadline: deadline.expect("after 1970").as_millis(),
        };
        self.events.send(event).expect("the server lives");
        let answer = self.answers.recv_timeout(PATIENCE);
        serde_json::from_str(&answer.expect("an answer in time")).expect("JSON")
    }
}

/// Requests of one connection. None once the function goes away.
async fn serve(
    client: TcpStream,
    events: &Mutex<events::UnboundedReceiver<Event>>,
    answered: &mpsc::Sender<String>,
) -> Option<()> {
    let mut client = BufReader::new(client);
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if client.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
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
        let (head, body) = match path.ends_with("/next") {
            true => {
                let next = async { events.lock().await.recv().await };
                let event = tokio::select! {
                    biased;
                    // A function that was killed while it waited must not get what the next one is for.
                    _ = client.fill_buf() => return None,
                    event = next => event?,
                };
                let deadline = event.deadline;
                let head = format!(
                    "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\n\
                     lambda-runtime-deadline-ms: {deadline}\r\n\
                     lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:console\r\n"
                );
                (head, event.body)
            }
            false => {
                answered.send(String::from_utf8(body).ok()?).ok()?;
                ("HTTP/1.1 202 Accepted\r\n".to_owned(), String::new())
            }
        };
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        client.write_all(answer.as_bytes()).await.ok()?;
    }
}
