//! The flag in Parameter Store by our own signed request: the request itself, over which connections, to whom
//! it is trusted. And by the SDK, as far as it differs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use aws_sdk_ssm::{Client, Config};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use maintenance_gate::{
    BoxError, Decision, FlagSource, Mode, ParameterValue, SdkSource, SsmSource,
};
use maintenance_sandbox::{Fault, Sandbox, Settings};

use crate::source_contract::{Wire, credentials, ssm};
use crate::support::{Authority, PARAMETER, Received, Reply, Stub, TOKEN, demo, get};

/// The text alone.
async fn fetch(source: &impl FlagSource) -> Result<Option<String>, BoxError> {
    let fetched = source.fetch(PARAMETER).await?;
    Ok(fetched
        .as_ref()
        .map(ParameterValue::text)
        .map(str::to_owned))
}

/// What the request should be signed with, from what of it arrived.
fn signature(request: &Received, url: &str) -> String {
    let authorization = &request.headers["authorization"];
    let (_, names) = authorization.split_once("SignedHeaders=").unwrap();
    let (names, _) = names.split_once(", ").unwrap();
    let headers = names
        .split(';')
        .map(|name| (name, request.headers[name].as_str()));
    let date = &request.headers["x-amz-date"];
    let date: jiff::Timestamp =
        jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%z", date.replace('Z', "+0000"))
            .unwrap()
            .to_timestamp()
            .unwrap();
    let identity = Credentials::new(
        credentials("AWS_ACCESS_KEY_ID").unwrap(),
        credentials("AWS_SECRET_ACCESS_KEY").unwrap(),
        credentials("AWS_SESSION_TOKEN"),
        None,
        "test",
    )
    .into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("ssm")
        .time(date.into())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let body = SignableBody::Bytes(request.body.as_bytes());
    let signable = SignableRequest::new("POST", url, headers, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let (headers, _) = instructions.into_parts();
    let found = headers
        .iter()
        .find(|header| header.name() == "authorization")
        .unwrap();
    found.value().to_owned()
}

#[tokio::test]
async fn parameter_store_receives_the_request_that_was_signed() {
    let stub = Stub::start([Reply::value("on")]).await;
    for path in ["", "/", "/some/proxy"] {
        let url = format!("{}{path}", stub.url());
        let source = SsmSource::from_vars(move |name| match name {
            "AWS_ENDPOINT_URL_SSM" => Some(url.clone()),
            _ => credentials(name),
        });
        assert_eq!(fetch(&source).await.unwrap().as_deref(), Some("on"));
        let request = stub.received().pop().unwrap();
        let path = format!("{}/", path.trim_end_matches('/'));
        assert_eq!(request.line, format!("POST {path} HTTP/1.1"));
        assert_eq!(
            request.body,
            format!(r#"{{"Name":"{PARAMETER}","WithDecryption":true}}"#)
        );
        assert_eq!(request.headers["x-amz-target"], "AmazonSSM.GetParameter");
        assert_eq!(
            request.headers["content-type"],
            "application/x-amz-json-1.1"
        );
        assert_eq!(request.headers["x-amz-security-token"], TOKEN);
        let agent = &request.headers["user-agent"];
        assert!(agent.starts_with("maintenance-gate/"), "{agent}");
        let authorization = &request.headers["authorization"];
        for name in [
            "content-type",
            "host",
            "x-amz-security-token",
            "x-amz-target",
        ] {
            assert!(authorization.contains(name), "{name}: {authorization}");
        }
        let expected = signature(&request, &format!("{}{path}", stub.url()));
        assert_eq!(authorization, &expected);
    }
}

#[tokio::test]
async fn credentials_are_read_at_each_fetch() {
    let stub = Stub::start([Reply::value("on")]).await;
    let key = Arc::new(Mutex::new(None));
    let (theirs, url) = (Arc::clone(&key), stub.url());
    let source = SsmSource::from_vars(move |name| match name {
        "AWS_ENDPOINT_URL" => Some(url.clone()),
        "AWS_ACCESS_KEY_ID" => theirs.lock().unwrap().clone(),
        // Some stand-ins for Lambda set it to nothing.
        "AWS_SESSION_TOKEN" => Some(String::new()),
        _ => credentials(name),
    });
    let error = fetch(&source).await.unwrap_err().to_string();
    assert!(error.starts_with("AWS_ACCESS_KEY_ID is not set"), "{error}");
    assert!(error.contains("`ssm-sdk`"), "{error}");
    for renewed in ["AKIDONE", "AKIDTWO"] {
        *key.lock().unwrap() = Some(renewed.to_owned());
        fetch(&source).await.unwrap();
        let headers = stub.received().pop().unwrap().headers;
        let scope = format!("Credential={renewed}/");
        assert!(headers["authorization"].contains(&scope));
        assert!(!headers.contains_key("x-amz-security-token"));
    }
}

#[tokio::test]
async fn nothing_of_it_is_shown() {
    let source = ssm(1);
    fetch(&source).await.unwrap_err();
    assert_eq!(format!("{source:?}"), "SsmSource { .. }");
}

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let mut fetch = ssm(1).fetch(PARAMETER);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match fetch.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => {
            assert_eq!(error.to_string(), "this source needs a tokio runtime");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_fetch_has_a_connection_of_its_own() {
    let stub = Stub::start([Reply::value("on")]).await;
    let source = ssm(stub.port);
    for fetches in 1..=3 {
        fetch(&source).await.unwrap();
        assert_eq!(stub.connections(), fetches);
    }
}

#[test]
fn a_source_outlives_a_runtime() {
    let sandbox = Sandbox::new(Settings::quick());
    sandbox.set_parameter(PARAMETER, "on");
    let server = sandbox.serve_on_thread().unwrap();
    let source = ssm(server.address().port());
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let fetched = runtime.block_on(fetch(&source)).unwrap();
        assert_eq!(fetched.as_deref(), Some("on"));
    }
}

#[tokio::test]
async fn a_fetch_that_fails_is_not_tried_again() {
    let stub = Stub::start([Reply::closes()]).await;
    fetch(&ssm(stub.port)).await.unwrap_err();
    assert_eq!((stub.received().len(), stub.connections()), (1, 1));
}

/// The source with TLS, trusting whom the bundle names.
fn secure(stub: &Stub, host: &str, bundle: Option<String>) -> SsmSource {
    let url = format!("https://{host}:{}", stub.port);
    SsmSource::from_vars(move |name| match name {
        "AWS_ENDPOINT_URL" => Some(url.clone()),
        "AWS_CA_BUNDLE" => bundle.clone(),
        _ => credentials(name),
    })
}

#[tokio::test]
async fn with_tls_it_asks_a_trusted_server_only() {
    let authority = Authority::new();
    let stub = Stub::start_tls(&authority, "127.0.0.1", [Reply::value("on")]).await;
    let source = secure(&stub, "127.0.0.1", Some(authority.bundle()));
    for _ in 0..3 {
        assert_eq!(fetch(&source).await.unwrap().as_deref(), Some("on"));
    }
    let request = stub.received().pop().unwrap();
    let url = format!("https://127.0.0.1:{}/", stub.port);
    assert_eq!(request.headers["authorization"], signature(&request, &url));
}

#[tokio::test]
async fn with_tls_it_asks_no_untrusted_server() {
    let (authority, other) = (Authority::new(), Authority::new());
    let stub = Stub::start_tls(&authority, "127.0.0.1", [Reply::value("on")]).await;
    let named = Stub::start_tls(&authority, "ssm.example", [Reply::value("on")]).await;
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_str().unwrap().to_owned();
    for (source, said) in [
        (secure(&stub, "127.0.0.1", None), "UnknownIssuer"),
        (
            secure(&stub, "127.0.0.1", Some(other.bundle())),
            "invalid peer certificate",
        ),
        (
            secure(&named, "127.0.0.1", Some(authority.bundle())),
            "not valid for",
        ),
        (
            secure(&stub, "127.0.0.1", Some("/does/not/exist".to_owned())),
            "AWS_CA_BUNDLE /does/not/exist cannot be used",
        ),
        (
            secure(&stub, "127.0.0.1", Some(empty)),
            "no certificate in it",
        ),
    ] {
        let error = fetch(&source).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(stub.received().is_empty(), "nothing was sent");
}

/// The SDK, against the sandbox in the same process.
fn sdk(sandbox: &Sandbox) -> SdkSource {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    SdkSource::new(Client::from_conf(config))
}

#[tokio::test]
async fn a_refresh_is_one_call_and_no_write() {
    let sandbox = Sandbox::new(Settings::quick());
    let server = sandbox.serve().await.unwrap();
    for gate in [
        demo().source(ssm(server.address().port())),
        demo().source(sdk(&sandbox)),
    ] {
        let before = sandbox.calls().len();
        let gate = gate
            .ttl(Duration::ZERO)
            .refresh_budget(Duration::from_secs(10))
            .build()
            .unwrap();
        for (text, mode) in [("off", Mode::Off), ("on", Mode::On), ("off", Mode::Off)] {
            sandbox.set_parameter(PARAMETER, text);
            let _ = gate.check(&mut get()).await;
            assert_eq!(gate.last_known(), Some(mode));
        }
        assert_eq!(sandbox.calls().len() - before, 3, "one call a refresh");
    }
    assert!(sandbox.writes().is_empty());
}

#[tokio::test]
async fn the_sandboxs_faults_are_told_by_their_names() {
    for (fault, part) in [
        (Fault::any_call().access_denied(), "ssm:GetParameter"),
        (Fault::any_call().throttle(), "Throttling"),
        (
            Fault::any_call().fail(500, "InternalServerError", "try later"),
            "InternalServerError",
        ),
        (Fault::any_call().drop_connection(), ""),
    ] {
        let sandbox = Sandbox::new(Settings::quick());
        let server = sandbox.serve().await.unwrap();
        sandbox.set_parameter(PARAMETER, "on");
        let sources: [Box<dyn FlagSource>; 2] = [
            Box::new(ssm(server.address().port())),
            Box::new(sdk(&sandbox)),
        ];
        for source in sources {
            sandbox.inject(fault.clone());
            let error = source.fetch(PARAMETER).await.unwrap_err();
            assert!(error.to_string().contains(part), "{part}: {error}");
            sandbox.clear_faults();
            let fetched = fetch(&source).await.unwrap();
            assert_eq!(fetched.as_deref(), Some("on"));
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_changes_nothing() {
    let sandbox = Sandbox::new(Settings::quick());
    sandbox.set_parameter(PARAMETER, "on");
    let gate = demo()
        .source(sdk(&sandbox))
        .ttl(Duration::ZERO)
        .refresh_budget(Duration::from_secs(10))
        .build()
        .unwrap();
    assert!(matches!(gate.check(&mut get()).await, Decision::Block(_)));
    sandbox.set_parameter(PARAMETER, "off");
    sandbox.inject(Fault::any_call().always().access_denied());
    for _ in 0..3 {
        assert!(matches!(gate.check(&mut get()).await, Decision::Block(_)));
    }
}

/// The variables of a function that was restored from a snapshot: no keys, and an endpoint for them.
fn snap_start(stub: &Stub, name: &str) -> Option<String> {
    match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(stub.url()),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(format!("{}/2023-07/credentials", stub.url())),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN" => Some("the authorization".to_owned()),
        _ => None,
    }
}

/// What the endpoint answers.
fn handed_out(key: &str, expires: &str) -> Reply {
    Reply::json(
        200,
        &serde_json::json!({
            "AccessKeyId": key,
            "SecretAccessKey": "secret",
            "Token": "a-token",
            "Expiration": expires,
        }),
    )
}

#[tokio::test]
async fn under_snap_start_credentials_come_from_their_endpoint_until_they_expire() {
    let replies = [
        handed_out("AKIDONE", "2000-01-01T00:00:00Z"),
        Reply::value("on"),
        handed_out("AKIDTWO", "2999-01-01T00:00:00Z"),
        Reply::value("on"),
    ];
    let stub = Arc::new(Stub::start(replies).await);
    let theirs = Arc::clone(&stub);
    let source = SsmSource::from_vars(move |name| snap_start(&theirs, name));
    for _ in 0..3 {
        assert_eq!(fetch(&source).await.unwrap().as_deref(), Some("on"));
    }
    let received = stub.received();
    let lines: Vec<_> = received.iter().map(|it| it.line.as_str()).collect();
    let (credentials, parameter) = ("GET /2023-07/credentials HTTP/1.1", "POST / HTTP/1.1");
    assert_eq!(
        lines,
        [credentials, parameter, credentials, parameter, parameter]
    );
    assert_eq!(received[0].headers["authorization"], "the authorization");
    for (request, key) in [(1, "AKIDONE"), (3, "AKIDTWO"), (4, "AKIDTWO")] {
        let headers = &received[request].headers;
        assert!(headers["authorization"].contains(&format!("Credential={key}/")));
        assert_eq!(headers["x-amz-security-token"], "a-token");
    }
}

#[tokio::test]
async fn an_endpoint_without_credentials_is_an_error_that_shows_none() {
    for reply in [
        Reply::body(403, "TOPSECRET"),
        Reply::body(200, "TOPSECRET"),
        Reply::body(200, r#"{"AccessKeyId":"TOPSECRET"}"#),
        Reply::closes(),
    ] {
        let stub = Arc::new(Stub::start([reply.clone()]).await);
        let theirs = Arc::clone(&stub);
        let source = SsmSource::from_vars(move |name| snap_start(&theirs, name));
        assert!(source.validate().is_ok());
        let error = fetch(&source).await.unwrap_err().to_string();
        assert!(!error.contains("TOPSECRET"), "{reply:?}: {error}");
        assert_eq!(stub.received().len(), 1, "Parameter Store was not asked");
    }
}

#[tokio::test]
async fn a_secure_string_that_may_not_be_decrypted_says_which_permission_is_missing() {
    let denied = "User: arn:aws:sts::1:assumed-role/web is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/x because no identity-based policy allows the kms:Decrypt action";
    let stub = Stub::start([Reply::error(400, "AccessDeniedException", denied)]).await;
    for source in [Wire::Ssm.source(stub.port), Wire::Sdk.source(stub.port)] {
        let error = source.fetch(PARAMETER).await.unwrap_err().to_string();
        assert!(
            error.contains("SecureString: its reader needs kms:Decrypt"),
            "{error}"
        );
        let asked = stub.received().pop().unwrap().body;
        assert!(asked.contains(r#""WithDecryption":true"#), "{asked}");
    }
}

/// A proxy that answers CONNECT as it is told, and counts.
async fn proxy(status: &'static str, target: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
    use tokio::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let theirs = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            theirs.lock().unwrap().push(head);
            let answer = format!("HTTP/1.1 {status}\r\n\r\n");
            client.write_all(answer.as_bytes()).await.unwrap();
            if status.starts_with("200") {
                let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }
    });
    (port, asked)
}

#[tokio::test]
async fn an_https_endpoint_is_reached_through_the_proxy_of_the_environment() {
    let authority = Authority::new();
    let stub = Stub::start_tls(&authority, "ssm.example", [Reply::value("on")]).await;
    let (port, asked) = proxy("200 OK", stub.port).await;
    let (no_proxy, bundle) = (Arc::new(Mutex::new(None)), authority.bundle());
    let theirs = Arc::clone(&no_proxy);
    let make = move || {
        let (bundle, theirs) = (bundle.clone(), Arc::clone(&theirs));
        SsmSource::from_vars(move |name| match name {
            "AWS_ENDPOINT_URL" => Some("https://ssm.example".to_owned()),
            "AWS_CA_BUNDLE" => Some(bundle.clone()),
            "HTTPS_PROXY" => Some(format!("http://me:pass@127.0.0.1:{port}")),
            "NO_PROXY" => theirs.lock().unwrap().clone(),
            _ => credentials(name),
        })
    };
    assert_eq!(fetch(&make()).await.unwrap().as_deref(), Some("on"));
    let head = asked.lock().unwrap()[0].to_ascii_lowercase();
    assert!(
        head.starts_with("connect ssm.example:443 http/1.1"),
        "{head}"
    );
    assert!(
        head.contains("proxy-authorization: basic bwu6cgfzcw=="),
        "{head}"
    );
    // Its own name leads nowhere.
    *no_proxy.lock().unwrap() = Some("example".to_owned());
    fetch(&make()).await.unwrap_err();
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error() {
    let (port, _) = proxy("407 Proxy Authentication Required", 1).await;
    let source = SsmSource::from_vars(move |name| match name {
        "https_proxy" => Some(format!("127.0.0.1:{port}")),
        _ => credentials(name),
    });
    let error = fetch(&source).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("proxy"), "{error}");
}

#[tokio::test]
async fn a_proxy_is_for_https_only() {
    let stub = Stub::start([Reply::value("on")]).await;
    let url = stub.url();
    let source = SsmSource::from_vars(move |name| match name {
        "AWS_ENDPOINT_URL" => Some(url.clone()),
        "HTTPS_PROXY" | "HTTP_PROXY" => Some("http://127.0.0.1:1".to_owned()),
        _ => credentials(name),
    });
    assert_eq!(fetch(&source).await.unwrap().as_deref(), Some("on"));
}
