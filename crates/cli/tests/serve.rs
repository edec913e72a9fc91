//! `maintenance serve`: the real process, over real HTTP, and as a Lambda function.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use maintenance_flag::Lease;
use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::{LambdaRuntime, Running, Stub, TestEnv};
use serde_json::{Value, json};

const MODE: &str = "/api/environments/dev/product-deployments/demo/operation-mode";

/// The app demo-dev with two functions.
fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    env.sandbox()
        .seed(FunctionSpec::new("demo-dev-a").reserved(7));
    env.sandbox().seed(FunctionSpec::new("demo-dev-b"));
    env
}

/// A window that is open all day, each day.
const ALWAYS: &str = "[[windows]]\nname = \"always\"\ncron = \"0 0 * * *\"\nduration = \"1d\"\n\
    timezone = \"Etc/UTC\"\nroles = [\"web\", \"worker\"]\n";

/// Adds tables to the configuration.
fn add(env: &TestEnv, tables: &str) {
    let file = env.read("maintenance.toml");
    env.write("maintenance.toml", &format!("{file}{tables}"));
}

fn token(env: &TestEnv) -> String {
    let made = env.run(&["token", "new", "--name", "ana", "--scope", "write"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    made.stdout.trim().to_owned()
}

/// A server that is ready, and its address.
fn serve(env: &TestEnv) -> (Running, String) {
    let server = env.start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = server.answers("\n");
    let address = url
        .trim()
        .strip_prefix("http://")
        .expect("a URL")
        .to_owned();
    (server, address)
}

/// Sends a request, and returns the connection.
fn send(address: &str, method: &str, path: &str, token: &str, body: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).expect("the server listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection
        .write_all(request.as_bytes())
        .expect("it is sent");
    connection
}

/// The status and the document of an answer.
fn answer(mut connection: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).expect("a status").parse();
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    (
        status.expect("a number"),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

fn enter() -> String {
    json!({"mode": "Maintenance", "reason": "new database"}).to_string()
}

/// A server in the middle of an operation, at a call that AWS does not answer yet; and who asked for it.
fn hanging(env: &TestEnv, token: &str) -> (Running, TcpStream) {
    let (server, address) = serve(env);
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").hang());
    let asked = send(&address, "PUT", MODE, token, &enter());
    env.wait_until_hanging();
    (server, asked)
}

#[test]
fn what_the_api_turns_on_the_command_sees_and_turns_off() {
    let mut env = env();
    let got = Arc::<Mutex<Vec<Value>>>::default();
    let told = Arc::clone(&got);
    let receiver = Stub::serve(move |_, body| {
        told.lock()
            .unwrap()
            .push(serde_json::from_str(body).expect("JSON"));
        Some("ok".to_owned())
    });
    env.set("SLACK_URL", &receiver.url());
    let file = env.read("maintenance.toml");
    let notify = "[[notify]]\nkind = \"slack\"\nurl = \"${SLACK_URL}\"\non = [\"turned_on\", \"turned_off\"]\n";
    env.write("maintenance.toml", &format!("{file}{notify}"));
    let token = token(&env);
    let (server, address) = serve(&env);
    let (status, entered) = answer(send(&address, "PUT", MODE, &token, &enter()));
    assert_eq!(status, 200, "{entered}");
    assert_eq!(entered["newMode"], "Maintenance");
    let status = env.run(&["status", "--all", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["roles"][0]["by"], "ana");
    assert_eq!(status["roles"][1]["workers"]["paused"], 2);
    assert_eq!(env.run(&["off", "--all"]).code, Some(0));
    server.interrupt();
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let audit = ended
        .stderr
        .lines()
        .filter(|line| line.contains("maintenance::audit"));
    assert!(
        audit.clone().any(|line| line.contains("by=\"ana\"")),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains(&token), "{ended:?}");
    // What was done by the API is told by the server, and what was done by the command by that.
    let texts = got.lock().unwrap().clone().into_iter();
    let texts = texts.map(|body| body["text"].as_str().unwrap().to_owned());
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            "Maintenance of demo (demo-dev web, worker) has been turned on",
            "Maintenance of demo-dev (worker, web) has been turned off",
        ]
    );
}

#[test]
fn a_window_whose_time_it_is_is_entered_by_serve_and_ended_by_a_person() {
    let env = env();
    let before = env.sandbox().fleet();
    add(&env, ALWAYS);
    let (server, _) = serve(&env);
    server.says("Schedule: demo-dev web, worker: in maintenance; 2 functions paused");
    let status = env.run(&["status", "--all", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["roles"][0]["owner"]["name"], "schedule:always");
    assert_eq!(status["roles"][1]["workers"]["paused"], 2);
    assert_eq!(env.run(&["off", "--all"]).code, Some(0));
    assert_eq!(env.sandbox().fleet(), before);
    server.interrupt();
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_client_that_never_ends_its_request_holds_no_connection_and_no_other_client_up() {
    let env = env();
    let token = token(&env);
    let (_server, address) = serve(&env);
    let mut slow: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(&address).expect("the server listens"))
        .collect();
    for connection in &mut slow {
        let head = b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ";
        connection.write_all(head).expect("it is sent");
    }
    let (status, _) = answer(send(&address, "GET", "/api/environments", &token, ""));
    assert_eq!(status, 200);
    for mut connection in slow {
        // The server closes it; some systems call that a reset.
        let mut rest = Vec::new();
        let _ = connection.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "it was never ended");
    }
}

#[test]
fn a_stop_ends_the_step_in_hand_and_the_next_server_finishes() {
    let env = env();
    let token = token(&env);
    let before = env.sandbox().fleet();
    let (server, asked) = hanging(&env, &token);
    server.terminate();
    server.says("Stopping");
    env.sandbox().release_hanging();
    let (status, problem) = answer(asked);
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("partial")),
        "{problem}"
    );
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("is incomplete (demo-dev)"),
        "{ended:?}"
    );

    let (_server, address) = serve(&env);
    let (status, entered) = answer(send(&address, "PUT", MODE, &token, &enter()));
    assert_eq!(status, 200, "{entered}");
    let exit = json!({"mode": "normal"}).to_string();
    let (status, left) = answer(send(&address, "PUT", MODE, &token, &exit));
    assert_eq!(status, 200, "{left}");
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn a_server_that_was_killed_in_the_middle_is_followed_by_one_that_finishes() {
    let env = env();
    let token = token(&env);
    let before = env.sandbox().fleet();
    let (server, asked) = hanging(&env, &token);
    server.kill();
    assert_eq!(server.wait().code, None, "it was killed");
    drop(asked);
    env.sandbox().release_hanging();

    let (_server, address) = serve(&env);
    let product = "/api/environments/dev/product-deployments/demo";
    let (status, shown) = answer(send(&address, "GET", product, &token, ""));
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["operationMode"], "Maintenance");
    // What would be refused is not offered: the lease has some seconds left.
    assert_eq!(shown["canExitMaintenance"], false);
    // As if an hour had passed: a lease that ended so long ago needs no watching.
    for (name, parameter) in env.sandbox().parameters() {
        if name.contains("/lease/") {
            let mut lease = Lease::decode(&parameter.value).unwrap();
            lease.expires = lease.acquired - jiff::SignedDuration::from_hours(1);
            env.sandbox().set_parameter(&name, &lease.encode());
        }
    }
    let exit = json!({"mode": "Normal"}).to_string();
    let (status, left) = answer(send(&address, "PUT", MODE, &token, &exit));
    assert_eq!(status, 200, "{left}");
    assert_eq!(env.sandbox().fleet(), before);
}

/// An event of a function URL.
fn event(method: &str, path: &str, token: &str, body: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "host": "abc.lambda-url.us-east-1.on.aws",
            "authorization": format!("Bearer {token}"),
            "content-type": "application/json",
            "x-forwarded-for": "192.0.2.1",
        },
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"},
            "requestId": "1", "stage": "$default", "timeEpoch": 0,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The variables of a Lambda function.
fn function(env: &mut TestEnv, runtime: &LambdaRuntime) {
    env.set("AWS_LAMBDA_RUNTIME_API", &runtime.address());
    env.set("AWS_LAMBDA_FUNCTION_NAME", "console");
    env.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    env.set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    env.set("AWS_LAMBDA_LOG_GROUP_NAME", "console");
    env.set("AWS_LAMBDA_LOG_STREAM_NAME", "console");
}

#[test]
fn as_a_function_an_operation_ends_with_its_request_and_the_next_one_goes_on() {
    let mut env = env();
    let token = token(&env);
    let before = env.sandbox().fleet();
    let runtime = LambdaRuntime::start();
    function(&mut env, &runtime);
    let _function = env.start(&["serve"]);
    let invoke = |method, path, body: &str, seconds| {
        let answer = runtime.invoke(
            &event(method, path, &token, body),
            Duration::from_secs(seconds),
        );
        let body = answer["body"].as_str().unwrap_or_default();
        (
            answer["statusCode"].clone(),
            serde_json::from_str(body).unwrap_or(json!(body)),
        )
    };
    let (status, environments) = invoke("GET", "/api/environments", "", 30);
    assert_eq!(status, 200, "{environments}");
    // A function stops an operation 25 seconds before its own end: here, before its first step.
    let (status, problem): (Value, Value) = invoke("PUT", MODE, &enter(), 25);
    assert_eq!(status, 409, "{problem}");
    assert_eq!(problem["code"], "partial");
    let (status, entered) = invoke("PUT", MODE, &enter(), 900);
    assert_eq!(status, 200, "{entered}");
    let (_, product) = invoke(
        "GET",
        "/api/environments/dev/product-deployments/demo",
        "",
        30,
    );
    assert_eq!(product["operationMode"], "Maintenance");
    // What is sent without end has one here.
    let (status, events): (Value, Value) = invoke("GET", "/api/events", "", 30);
    assert_eq!(status, 200);
    assert!(events.as_str().unwrap().starts_with("retry: "), "{events}");
    let (status, left) = invoke("PUT", MODE, &json!({"mode": "normal"}).to_string(), 900);
    assert_eq!(status, 200, "{left}");
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn a_scheduled_event_has_the_observers_of_a_function_check_once() {
    let mut env = env();
    let observer = "[observers.database]\nkind = \"parameter\"\nparameter = \"/state\"\n\
        maintenance = \"down\"\nconfirm = 1\nroles = [\"web\"]\n";
    add(&env, observer);
    env.sandbox().set_parameter("/state", "down");
    let runtime = LambdaRuntime::start();
    function(&mut env, &runtime);
    let _function = env.start(&["serve"]);
    let done = |result| {
        let done = runtime.invoke(&scheduled_event(), Duration::from_secs(60));
        let expected = json!({"observers": {"database": result}, "schedule": []});
        assert_eq!(done, expected);
    };
    done("maintenance");
    assert_eq!(env.run(&["status"]).stdout, "on\n");
    env.sandbox().set_parameter("/state", "up");
    done("normal");
    assert_eq!(env.run(&["status"]).stdout, "off\n");
}

#[test]
fn a_scheduled_event_has_a_function_pause_the_functions_of_a_window_that_has_begun() {
    let mut env = env();
    let before = env.sandbox().fleet();
    add(&env, ALWAYS);
    let runtime = LambdaRuntime::start();
    function(&mut env, &runtime);
    let told = |seconds| -> Vec<String> {
        let done = runtime.invoke(&scheduled_event(), Duration::from_secs(seconds));
        let told = done["schedule"].as_array().expect("a list").iter();
        told.map(|told| told["schedule"].as_str().expect("what it was").to_owned())
            .collect()
    };
    {
        // Stopped 25 seconds before the end of the function: here, before its first step.
        let _function = env.start(&["serve"]);
        let done = ["scheduled", "scheduled", "entering", "partial"];
        assert_eq!(told(25), done, "today's, and tomorrow's");
        assert_eq!(env.sandbox().fleet(), before);
    }
    let _function = env.start(&["serve"]);
    assert_eq!(told(900), ["entering", "entered"]);
    let status = env.run(&["status", "--all", "--json"]).code(0).json();
    assert_eq!(status["roles"][1]["workers"]["paused"], 2, "{status}");
    assert_eq!(told(900), [""; 0]);
    // What a person ends stays ended.
    assert_eq!(env.run(&["off", "--all"]).code, Some(0));
    assert_eq!(told(900), [""; 0]);
    assert_eq!(env.sandbox().fleet(), before);
}

/// What a rule of EventBridge sends.
fn scheduled_event() -> Value {
    json!({
        "source": "aws.events", "detail-type": "Scheduled Event", "detail": {},
        "time": "2026-11-29T08:00:00Z", "resources": [],
    })
}
