//! The AWS Parameters and Secrets Lambda extension, as far as it shows: it hands on what Parameter
//! Store answers, and has one sentence for everything that fails.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html>

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use maintenance_sandbox::Sandbox;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it must be asked with.
pub(crate) const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE/+==";

/// The extension; it stops when this is dropped.
pub(crate) struct Extension {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Extension {
    /// In front of this Parameter Store, without a cache.
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        let router = Router::new()
            .route("/systemsmanager/parameters/get", get(parameter))
            .with_state(sandbox.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, task }
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn parameter(
    State(sandbox): State<Sandbox>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let query = query.unwrap();
    let name = query.strip_suffix("&withDecryption=true").unwrap();
    let name = name.strip_prefix("name=").unwrap();
    let name = percent_decode_str(name).decode_utf8().unwrap();
    let token = headers.get("x-aws-parameters-secrets-token");
    let request = Request::post("/")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=sandbox/20261121/us-east-1/ssm/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(
            json!({"Name": name, "WithDecryption": true})
                .to_string()
                .into(),
        )
        .unwrap();
    let answer = sandbox.handle(request).await.unwrap();
    if answer.status() != StatusCode::OK || token.is_none_or(|token| token != TOKEN) {
        return (
            StatusCode::BAD_REQUEST,
            "an unexpected error occurred while executing request".into(),
        );
    }
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
    body["ResultMetadata"] = json!({});
    (StatusCode::OK, body.to_string())
}
