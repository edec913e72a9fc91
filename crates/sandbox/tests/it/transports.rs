//! The two transports, HTTP and in process, which share one state; and requests that match no operation.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use aws_sdk_ssm::types::ParameterType;
use bytes::Bytes;
use http::{Request, StatusCode};
use maintenance_sandbox::{ConnectionDropped, Fault, FunctionSpec, MappingSpec, Sandbox, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::{get_parameter, quick, ssm};

fn signed(method: &str, path: &str) -> http::request::Builder {
    let credential = "AWS4-HMAC-SHA256 Credential=akid/20260101/us-east-1/ssm/aws4_request, x=y";
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", credential)
}

async fn send(sandbox: &Sandbox, request: Request<Bytes>) -> (StatusCode, Value, http::HeaderMap) {
    let response = sandbox.handle(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    (parts.status, body, parts.headers)
}

/// Sends one request on its own connection and returns the whole answer.
async fn raw(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn both_transports_share_one_state() {
    let sandbox = quick();
    let server = sandbox.serve().await.unwrap();
    assert!(server.endpoint_url().starts_with("http://127.0.0.1:"));
    let call = ssm(&sandbox).put_parameter().name("/a").value("inside");
    call.r#type(ParameterType::String).send().await.unwrap();
    let answer = raw(server.address(), &get_parameter("/a")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"Value\":\"inside\""), "{answer}");
    // A shutdown closes open connections.
    let mut idle = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    server.shutdown();
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_fault_drops_a_served_connection() {
    let sandbox = Sandbox::new(Settings::default());
    let server = sandbox.serve().await.unwrap();
    sandbox.inject(Fault::any_call().drop_connection());
    assert_eq!(raw(server.address(), &get_parameter("/a")).await, "");
    assert!(
        raw(server.address(), &get_parameter("/a"))
            .await
            .contains("ParameterNotFound")
    );
}

#[test]
fn serves_on_its_own_thread() {
    use std::io::{Read as _, Write as _};
    let sandbox = Sandbox::default();
    let server = sandbox.serve_on_thread().unwrap();
    // The client blocks this thread, as a test that waits for a child does.
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.write_all(get_parameter("/a").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("ParameterNotFound"), "{answer}");
    let mut idle = std::net::TcpStream::connect(server.address()).unwrap();
    drop(server);
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
}

#[tokio::test]
async fn the_refusal_of_an_unknown_operation_names_it() {
    let sandbox = quick();
    let request = signed("POST", "/").header("x-amz-target", "AmazonSSM.SendCommand");
    let (status, body, _) = send(&sandbox, request.body(Bytes::new()).unwrap()).await;
    assert_eq!(status, 400);
    assert_eq!(body["__type"], "UnknownOperationException");
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("AmazonSSM.SendCommand")
    );
    let request = signed("GET", "/2018-10-31/layers")
        .body(Bytes::new())
        .unwrap();
    let (status, body, headers) = send(&sandbox, request).await;
    assert_eq!(status, 404);
    assert_eq!(headers["x-amzn-errortype"], "UnknownOperationException");
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("GET /2018-10-31/layers")
    );
    let logged: Vec<_> = sandbox
        .calls()
        .into_iter()
        .map(|it| it.call.operation)
        .collect();
    assert_eq!(logged, ["Unidentified", "Unidentified"]);
}

#[tokio::test]
async fn a_request_must_be_signed_for_this_region() {
    let sandbox = quick();
    let unsigned = Request::get("/2015-03-31/functions")
        .body(Bytes::new())
        .unwrap();
    let (status, _, headers) = send(&sandbox, unsigned).await;
    assert_eq!(status, 403);
    assert_eq!(
        headers["x-amzn-errortype"],
        "MissingAuthenticationTokenException"
    );
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::from_keys("akid", "secret", None))
        .http_client(sandbox.http_client())
        .build();
    let elsewhere = aws_sdk_ssm::Client::from_conf(config);
    let refused = crate::common::refusal(elsewhere.get_parameter().name("/a").send().await);
    assert_eq!(refused.1, "InvalidSignatureException");
    assert!(refused.2.contains("eu-west-1") && refused.2.contains("us-east-1"));
}

#[tokio::test]
async fn bodies_of_the_wrong_shape_are_refused() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task"));
    for body in [
        "{\"Name\": 7}",
        "{\"Name\": \"/a\", \"WithDecryption\": \"yes\"}",
        "{",
        "[]",
    ] {
        let request = signed("POST", "/").header("x-amz-target", "AmazonSSM.GetParameter");
        let request = request.body(Bytes::from(body)).unwrap();
        let (status, answer, _) = send(&sandbox, request).await;
        assert_eq!(
            (status.as_u16(), &answer["__type"]),
            (400, &json!("SerializationException")),
            "{body}"
        );
    }
    let path = "/2017-10-31/functions/task/concurrency";
    let request =
        signed("PUT", path).body(Bytes::from("{\"ReservedConcurrentExecutions\": \"0\"}"));
    let (_, _, headers) = send(&sandbox, request.unwrap()).await;
    assert_eq!(headers["x-amzn-errortype"], "SerializationException");
    let request = signed("PUT", path).body(Bytes::from("{}")).unwrap();
    let (_, _, headers) = send(&sandbox, request).await;
    assert_eq!(headers["x-amzn-errortype"], "ValidationException");
    assert_eq!(sandbox.fleet()["task"].reserved, None);
}

#[tokio::test]
async fn faults_calls_functions_and_limits_are_served_over_http() {
    let sandbox = quick();
    sandbox.seed(FunctionSpec::new("task").reserved(0));
    let server = sandbox.serve().await.unwrap();
    let address = server.address();
    let admin = async |method: &str, path: &str, body: &Value| {
        let body = body.to_string();
        let head = format!("{method} /_sandbox/{path} HTTP/1.1\r\nHost: x\r\nConnection: close");
        let length = body.len();
        let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        let answer = raw(address, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str::<Value>(body).unwrap())
    };
    let ok = (200, json!({}));
    let odd = json!({"code": "Odd", "status": 418, "message": "m"});
    for fault in [
        json!({"operation": "GetParameter", "nth": 2, "action": {"fail": odd}}),
        json!({"service": "ssm", "write": true, "times": 0, "action": "drop"}),
        json!({"target": "/never", "every": 3, "when": "after", "action": {"delay_ms": 5}}),
    ] {
        assert_eq!(admin("POST", "faults", &fault).await, ok, "{fault}");
    }
    let read = || {
        let request = signed("POST", "/").header("x-amz-target", "AmazonSSM.GetParameter");
        request.body(Bytes::from("{\"Name\": \"/a\"}")).unwrap()
    };
    assert_eq!(send(&sandbox, read()).await.0, 400);
    let (status, body, _) = send(&sandbox, read()).await;
    assert_eq!((status.as_u16(), &body["__type"]), (418, &json!("Odd")));
    let write = signed("POST", "/").header("x-amz-target", "AmazonSSM.DeleteParameters");
    let write = write.body(Bytes::from("{\"Names\": [\"/a\"]}")).unwrap();
    assert_eq!(sandbox.handle(write).await.unwrap_err(), ConnectionDropped);

    let (_, counts) = admin("GET", "calls", &json!(null)).await;
    assert_eq!(counts["by_operation"]["GetParameter"], 2);
    assert_eq!(
        (&counts["total"], &counts["writes"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(admin("DELETE", "calls", &json!(null)).await, ok);
    assert!(sandbox.calls().is_empty());
    assert_eq!(admin("DELETE", "faults", &json!(null)).await, ok);
    assert_eq!(
        send(&sandbox, read()).await.1["__type"],
        "ParameterNotFound"
    );
    for fault in [json!({"action": "explode"}), json!({"actoin": "drop"})] {
        assert_eq!(admin("POST", "faults", &fault).await.0, 400);
    }
    assert_eq!(admin("POST", "rate-limits", &json!(true)).await, ok);
    assert!(sandbox.settings().rate_limits);
    let (_, functions) = admin("GET", "functions", &json!(null)).await;
    assert_eq!(functions["task"]["reserved"], 0);
    assert_eq!(admin("GET", "nowhere", &json!(null)).await.0, 404);
}

#[tokio::test]
async fn the_sdk_gives_up_waiting_for_a_call_that_hangs() {
    let sandbox = quick();
    sandbox.inject(Fault::on("GetParameter").hang());
    let timeouts = aws_sdk_ssm::config::timeout::TimeoutConfig::builder()
        .read_timeout(Duration::from_millis(20))
        .build();
    let config = ssm(&sandbox)
        .config()
        .to_builder()
        .timeout_config(timeouts)
        .build();
    let error = aws_sdk_ssm::Client::from_conf(config)
        .get_parameter()
        .name("/a")
        .send()
        .await;
    assert!(error.unwrap_err().raw_response().is_none());
}

#[tokio::test(start_paused = true)]
async fn statuses_and_bodies_are_those_of_the_model() {
    let sandbox = quick();
    let uuid = sandbox
        .seed(
            FunctionSpec::new("task")
                .alias("live", 1)
                .mapping(MappingSpec::sqs("q")),
        )
        .remove(0);
    let mapping = format!("/2015-03-31/event-source-mappings/{uuid}");
    let provisioned = "/2019-09-30/functions/task/provisioned-concurrency?Qualifier=live";
    let reserved = "/2017-10-31/functions/task/concurrency";
    let of = async |method: &str, path: &str, body: &str| {
        let request = signed(method, path)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        let (status, body, headers) = send(&sandbox, request).await;
        let code = headers
            .get("x-amzn-errortype")
            .map(|it| it.to_str().unwrap().to_owned());
        (status.as_u16(), code.unwrap_or_default(), body)
    };
    for (method, path, body, status) in [
        (
            "PUT",
            reserved,
            r#"{"ReservedConcurrentExecutions": 3}"#,
            200,
        ),
        ("DELETE", reserved, "", 204),
        ("DELETE", reserved, "", 204),
        (
            "PUT",
            provisioned,
            r#"{"ProvisionedConcurrentExecutions": 1}"#,
            202,
        ),
        ("DELETE", provisioned, "", 204),
        ("GET", "/2019-09-30/functions/task/concurrency", "", 200),
        ("PUT", &mapping, r#"{"Enabled": false}"#, 202),
        ("GET", "/2015-03-31/event-source-mappings/", "", 200),
    ] {
        assert_eq!(of(method, path, body).await.0, status, "{method} {path}");
    }
    // Some models of errors have `message`, others `Message`.
    let (status, code, body) = of("PUT", &mapping, r#"{"Enabled": true}"#).await;
    assert_eq!((status, code.as_str()), (400, "ResourceInUseException"));
    assert_eq!(
        (&body["Type"], body["Message"].is_string()),
        (&json!("User"), true)
    );
    let (status, code, body) = of("GET", "/2015-03-31/functions/none", "").await;
    assert_eq!((status, code.as_str()), (404, "ResourceNotFoundException"));
    assert!(body["Message"].is_string() && body.get("message").is_none());
    let (_, _, body) = of(
        "PUT",
        "/2017-10-31/functions/task:1/concurrency",
        r#"{"ReservedConcurrentExecutions": 1}"#,
    )
    .await;
    assert!(body["message"].is_string() && body.get("Message").is_none());
    // Parameter Store's errors have their code in the body.
    let request = signed("POST", "/").header("x-amz-target", "AmazonSSM.GetParameter");
    let (_, body, headers) = send(
        &sandbox,
        request.body(Bytes::from("{\"Name\": \"/a\"}")).unwrap(),
    )
    .await;
    assert_eq!(body, json!({ "__type": "ParameterNotFound" }));
    assert_eq!(headers["content-type"], "application/x-amz-json-1.1");
}
