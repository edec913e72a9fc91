//! A Lambda Runtime API on loopback: hands events to a real handler process and gives back what it
//! answers.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::HashMap;
use std::env;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

/// What a handler made of an event: its answer, or the error that it reported.
type Outcome = Result<Value, Value>;

/// The API, with one handler process that asks it for events.
pub(crate) struct RuntimeApi {
    events: mpsc::UnboundedSender<(Value, oneshot::Sender<Outcome>)>,
    handler: Child,
}

struct Shared {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<(Value, oneshot::Sender<Outcome>)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
}

/// Where cargo puts an example of this crate: beside the directory of the test binary.
pub(crate) fn example(name: &str) -> std::path::PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.parent().and_then(std::path::Path::parent).unwrap();
    target
        .join("examples")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION)
}

impl RuntimeApi {
    /// Starts the example as Lambda would, with nothing but these variables in its environment.
    pub(crate) async fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events: tokio::sync::Mutex::new(receiver),
            waiting: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(answered),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let handler = Command::new(example(name))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "demo-dev-web")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            events: sender,
            handler,
        }
    }

    /// Invokes the handler.
    pub(crate) async fn invoke(&mut self, event: Value) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        self.events.send((event, sender)).unwrap();
        tokio::select! {
            outcome = receiver => outcome.unwrap(),
            status = self.handler.wait() => panic!("the handler ended: {status:?}"),
        }
    }

    /// Ends the handler; what it logged.
    pub(crate) async fn stop(mut self) -> String {
        self.handler.kill().await.unwrap();
        let mut log = String::new();
        let mut stdout = self.handler.stdout.take().unwrap();
        stdout.read_to_string(&mut log).await.unwrap();
        log
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let Some((event, sender)) = shared.events.lock().await.recv().await else {
        return Err(StatusCode::GONE);
    };
    let mut waiting = shared.waiting.lock().unwrap();
    let id = format!("request-{}", waiting.len());
    waiting.insert(id.clone(), sender);
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", "4102444800000".to_owned()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:demo-dev-web".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    Ok((headers, event.to_string()))
}

async fn answered(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let is_stream = headers
        .get("lambda-runtime-function-response-mode")
        .is_some_and(|mode| mode == "streaming");
    let answer = if is_stream {
        streamed(&headers, &body)
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    settle(&shared, &id, Ok(answer))
}

/// A streamed HTTP response: its head as JSON, eight zero bytes, and its body.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>
fn streamed(headers: &HeaderMap, stream: &[u8]) -> Value {
    let kind = headers["content-type"].to_str().unwrap();
    assert_eq!(kind, "application/vnd.awslambda.http-integration-response");
    let end = stream.windows(8).position(|bytes| bytes == [0; 8]).unwrap();
    let mut answer: Value = serde_json::from_slice(&stream[..end]).unwrap();
    answer["body"] = String::from_utf8(stream[end + 8..].to_vec())
        .unwrap()
        .into();
    answer
}

async fn failed(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    settle(&shared, &id, Err(serde_json::from_slice(&body).unwrap()))
}

fn settle(shared: &Shared, id: &str, outcome: Outcome) -> StatusCode {
    match shared.waiting.lock().unwrap().remove(id) {
        Some(sender) => {
            // A test that does not wait for it has no use for it.
            let _ = sender.send(outcome);
            StatusCode::ACCEPTED
        }
        None => StatusCode::NOT_FOUND,
    }
}
