//! The examples, as real processes: the Lambda ones against a Runtime API on loopback, configured by
//! nothing but their environment.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use maintenance_sandbox::{Sandbox, Settings};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    Extension, PARAMETER, Reply, RuntimeApi, Shape, Stub, TOKEN, example, flag, send, stored_token,
    token,
};

const PAGE: &str = "<!doctype html><p>Soon.\n";

/// A directory as Lambda unpacks it, with a page, and a file store in it.
struct Task(TempDir);

impl Task {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("public")).unwrap();
        fs::write(root.path().join("public/maintenance.html"), PAGE).unwrap();
        let task = Self(root);
        task.set("off\n");
        task
    }

    fn set(&self, flag: &str) {
        let file = self.0.path().join("store").join(&PARAMETER[1..]);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, flag).unwrap();
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LAMBDA_TASK_ROOT", self.root().display().to_string()),
            ("MAINTENANCE_APP", "demo".to_owned()),
            ("MAINTENANCE_ENV", "dev".to_owned()),
            (
                "MAINTENANCE_STORE",
                format!("file:{}/store", self.root().display()),
            ),
            ("MAINTENANCE_TTL", "0".to_owned()),
            // A busy machine must not make a refresh fail here.
            ("MAINTENANCE_BUDGET_MS", "10000".to_owned()),
        ]
    }
}

async fn start(name: &str, variables: &[(&'static str, String)]) -> RuntimeApi {
    let variables: Vec<_> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    RuntimeApi::start(name, &variables).await
}

/// Off, on and off again with every shape of event.
async fn check_shapes(api: &mut RuntimeApi, task: &Task) {
    for shape in Shape::ALL {
        task.set("off");
        let answer = api.invoke(shape.event("GET", "/")).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{shape:?}");
        assert_eq!(answer["body"], "Hello, visitor.\n");

        task.set(r#"{"schema":1,"mode":"on","retry_after":60}"#);
        for (method, body) in [("GET", PAGE), ("POST", PAGE), ("HEAD", "")] {
            let answer = api.invoke(shape.event(method, "/")).await.unwrap();
            let refused = shape.answered(&answer);
            assert_eq!(refused.status, 503, "{shape:?} {method}");
            assert_eq!(refused.body, body);
            assert_eq!(refused.headers["retry-after"], "60");
            assert_eq!(refused.headers["cache-control"], "no-store");
            assert_eq!(refused.headers["x-maintenance"], "on");
        }
    }
    task.set("off");
}

#[tokio::test]
async fn lambda_http_builds_its_app_only_when_a_request_passes() {
    let task = Task::new();
    task.set("on");
    let mut api = start("lambda_http", &task.variables()).await;
    let shape = Shape::FunctionUrl;
    let refused = api.invoke(shape.event("GET", "/")).await.unwrap();
    assert_eq!(refused["statusCode"], 503);
    let log = api.stop().await;
    assert!(log.contains("M503"), "{log}");
    assert!(!log.contains("connected"), "{log}");

    let mut api = start("lambda_http", &task.variables()).await;
    check_shapes(&mut api, &task).await;
    let log = api.stop().await;
    assert_eq!(log.matches("connected").count(), 1, "{log}");
    assert!(!log.contains("secret"), "a query was logged: {log}");
}

#[tokio::test]
async fn a_streaming_handler_streams_the_refusal_too() {
    let task = Task::new();
    let mut api = start("lambda_http_streaming", &task.variables()).await;
    let shape = Shape::FunctionUrl;
    for _ in 0..2 {
        task.set("off");
        let answer = api.invoke(shape.event("GET", "/")).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(answer["body"], "Hello, visitor.\n");

        task.set("on");
        for (method, body) in [("GET", PAGE), ("POST", PAGE), ("HEAD", "")] {
            let refused = api.invoke(shape.event(method, "/")).await.unwrap();
            assert_eq!(refused["statusCode"], 503, "{refused}");
            assert_eq!(refused["body"], body);
            assert_eq!(refused["headers"]["x-maintenance"], "on");
            assert_eq!(refused["headers"]["retry-after"], "120");
        }
    }

    let bypass = stored_token("demo-dev", "web");
    let bypass = json!({"token": bypass["token"], "token_until": "2199-01-01T00:00:00Z"});
    task.set(&flag("on", &bypass));
    let query = [("maintenance-bypass", token().reveal().to_owned())];
    let query = query
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let opened = api
        .invoke(shape.event_with("GET", "/", &query, &[]))
        .await
        .unwrap();
    assert_eq!(opened["statusCode"], 303);
    let cookie = opened["cookies"][0].as_str().unwrap();
    let cookie = cookie.split_once(';').unwrap().0;
    let event = shape.event_with("GET", "/", &[], &[("cookie", cookie)]);
    assert_eq!(api.invoke(event).await.unwrap()["statusCode"], 200);
}

#[tokio::test]
async fn lambda_runtime_refuses_http_requests_alone() {
    let task = Task::new();
    let mut api = start("lambda_runtime", &task.variables()).await;
    check_shapes(&mut api, &task).await;
    task.set("on");
    for event in [
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"source": "aws.events", "detail-type": "Scheduled Event"}),
        json!({}),
    ] {
        assert_eq!(api.invoke(event).await.unwrap(), json!({"done": true}));
    }
}

#[tokio::test]
async fn lambda_http_reads_parameter_store_as_its_environment_says() {
    let sandbox = Sandbox::new(Settings::quick());
    let server = sandbox.serve().await.unwrap();
    let task = Task::new();
    let mut variables = task.variables();
    variables.retain(|(name, _)| *name != "MAINTENANCE_STORE");
    variables.extend([
        ("AWS_ENDPOINT_URL", server.endpoint_url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
        // Some stand-ins for Lambda set it to nothing.
        ("AWS_SESSION_TOKEN", String::new()),
    ]);
    let mut api = start("lambda_http", &variables).await;
    let shape = Shape::HttpApi;
    for (flag, status) in [("off", 200), ("on", 503), ("off", 200)] {
        sandbox.set_parameter(PARAMETER, flag);
        let answer = api.invoke(shape.event("GET", "/")).await.unwrap();
        assert_eq!(answer["statusCode"], status);
    }
}

#[tokio::test]
async fn lambda_http_reads_the_extension_as_its_environment_says() {
    let sandbox = Sandbox::new(Settings::quick());
    let extension = Extension::start(&sandbox).await;
    let task = Task::new();
    let mut variables = task.variables();
    variables.retain(|(name, _)| *name != "MAINTENANCE_STORE");
    variables.extend([
        ("MAINTENANCE_STORE", "extension".to_owned()),
        ("AWS_SESSION_TOKEN", TOKEN.to_owned()),
        (
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
            extension.port.to_string(),
        ),
    ]);
    let mut api = start("lambda_http", &variables).await;
    for (flag, status) in [("off", 200), ("on", 503), ("off", 200)] {
        sandbox.set_parameter(PARAMETER, flag);
        let answer = api.invoke(Shape::HttpApi.event("GET", "/")).await.unwrap();
        assert_eq!(answer["statusCode"], status);
    }
}

#[tokio::test]
async fn without_credentials_in_the_environment_the_sdk_looks_for_them() {
    let sandbox = Sandbox::new(Settings::quick());
    let server = sandbox.serve().await.unwrap();
    sandbox.set_parameter(PARAMETER, "on");
    // As ECS hands them out.
    let credentials = Stub::start([Reply::json(
        200,
        &json!({
            "AccessKeyId": "container",
            "SecretAccessKey": "container",
            "Token": "container",
            "Expiration": "2099-01-01T00:00:00Z",
        }),
    )])
    .await;
    let task = Task::new();
    let mut variables = task.variables();
    variables.retain(|(name, _)| *name != "MAINTENANCE_STORE");
    variables.extend([
        ("MAINTENANCE_STORE", "ssm".to_owned()),
        ("AWS_ENDPOINT_URL", server.endpoint_url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials.url()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]);
    let mut api = start("lambda_http", &variables).await;
    let answer = api.invoke(Shape::HttpApi.event("GET", "/")).await.unwrap();
    assert_eq!(answer["statusCode"], 503);
    assert_eq!(sandbox.calls()[0].call.caller, "container");
}

#[tokio::test]
async fn a_handler_without_its_settings_does_not_start_and_says_why() {
    let output = Command::new(example("lambda_http"))
        .env_clear()
        .env("MAINTENANCE_APP", "demo")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("MAINTENANCE_ENV"), "{stderr}");
}

#[tokio::test]
async fn axum_serves_refuses_and_serves_again() {
    let task = Task::new();
    let child = Command::new(example("axum"))
        .env_clear()
        .envs(task.variables())
        .env("ADDRESS", "127.0.0.1:0")
        .current_dir(task.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Killed(child);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let port: u16 = line.trim().rsplit(':').next().unwrap().parse().unwrap();

    assert_eq!(send(port, "GET", "/").await.body, "Hello, visitor.\n");
    assert_eq!(send(port, "POST", "/").await.body, "Saved.\n");
    task.set("on");
    let refused = send(port, "GET", "/").await;
    assert_eq!((refused.status, refused.body.as_str()), (503, PAGE));
    let head = send(port, "HEAD", "/").await;
    assert_eq!((head.status, head.body.as_str()), (503, ""));
    assert_eq!(head.headers["content-length"], PAGE.len().to_string());
    task.set(r#"{"schema":1,"mode":"read-only"}"#);
    let body = send(port, "GET", "/").await.body;
    assert_eq!(body, "Hello, visitor. Nothing can be changed just now.\n");
    assert_eq!(send(port, "POST", "/").await.status, 503);
    task.set("off");
    assert_eq!(send(port, "GET", "/").await.status, 200);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself, if the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_example_is_under_sixty_lines() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for name in ["axum", "lambda_http", "lambda_runtime"] {
        let text = fs::read_to_string(examples.join(name).with_extension("rs")).unwrap();
        assert!(text.lines().count() < 60, "{name}");
    }
}
