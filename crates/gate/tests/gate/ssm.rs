//! The flag in Parameter Store by our own signed request: what is sent, over which connections, to whom
//! it is trusted. And by the SDK, as far as it differs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use aws_sdk_ssm::{Client, Config};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use maintenance_gate::{BoxError, Decision, FlagSource, Mode, Reading, SdkSource, SsmSource};
use maintenance_sandbox::{Fault, Sandbox, Settings};

use crate::source_contract::{PATIENT, credentials, ssm};
use crate::support::{Authority, PARAMETER, Received, Reply, Stub, TOKEN, demo, get};

/// The text alone.
async fn fetch(source: &impl FlagSource) -> Result<Option<String>, BoxError> {
    let fetched = source.fetch(PARAMETER).await?;
    Ok(fetched.as_ref().map(Reading::text).map(str::to_owned))
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
async fn what_arrives_is_what_was_signed() {
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
        assert_eq!(request.body, format!(r#"{{"Name":"{PARAMETER}"}}"#));
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
    })
    .patience(PATIENT);
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
    assert_eq!(stub.connections(), 1, "the connection is another matter");
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
async fn one_connection_serves_many_fetches() {
    let stub = Stub::start([Reply::value("on")]).await;
    let source = ssm(stub.port);
    for _ in 0..5 {
        fetch(&source).await.unwrap();
    }
    assert_eq!(stub.connections(), 1);
    // An error of AWS's is an answer, too.
    stub.then([
        Reply::error(400, "ThrottlingException", ""),
        Reply::value("on"),
    ]);
    fetch(&source).await.unwrap_err();
    fetch(&source).await.unwrap();
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_died_is_found_and_replaced() {
    for (first, second, requests) in [
        // Closed between two requests, announced or not: nothing is lost.
        (Reply::value("on").and_says_that_it_closes(), None, 2),
        (Reply::value("on").and_closes(), None, 2),
        // Dead, which shows only when it is used: by an error, half an answer, or not at all.
        (Reply::value("on"), Some(Reply::closes()), 3),
        (Reply::value("on"), Some(Reply::is_cut_off()), 3),
        (Reply::value("on"), Some(Reply::IsSilent), 3),
    ] {
        let script = [first.clone()].into_iter().chain(second.clone());
        let stub = Stub::start(script.chain([Reply::value("off")])).await;
        let source = match second {
            Some(Reply::IsSilent) => ssm(stub.port).patience(Duration::ZERO),
            _ => ssm(stub.port),
        };
        fetch(&source).await.unwrap();
        let fetched = fetch(&source).await.unwrap();
        assert_eq!(fetched.as_deref(), Some("off"), "{second:?}");
        assert_eq!(stub.received().len(), requests, "{second:?}");
        assert_eq!(stub.connections(), 2, "{second:?}");
        // And the new one is kept.
        fetch(&source).await.unwrap();
        if !matches!(second, Some(Reply::IsSilent)) {
            assert_eq!(stub.connections(), 2, "{second:?}");
        }
    }
}

#[test]
fn a_kept_connection_of_a_runtime_that_is_gone_is_replaced() {
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
async fn a_new_connection_that_fails_is_not_tried_again() {
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
    .patience(PATIENT)
}

#[tokio::test]
async fn with_tls_it_asks_who_is_trusted_and_keeps_the_connection() {
    let authority = Authority::new();
    let stub = Stub::start_tls(&authority, "127.0.0.1", [Reply::value("on")]).await;
    let source = secure(&stub, "127.0.0.1", Some(authority.bundle()));
    for _ in 0..3 {
        assert_eq!(fetch(&source).await.unwrap().as_deref(), Some("on"));
    }
    assert_eq!(stub.connections(), 1);
    let request = stub.received().pop().unwrap();
    let url = format!("https://127.0.0.1:{}/", stub.port);
    assert_eq!(request.headers["authorization"], signature(&request, &url));
}

#[tokio::test]
async fn with_tls_it_asks_nobody_else() {
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
            let _ = gate.check(&get()).await;
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
            let id = sandbox.inject(fault.clone());
            let error = source.fetch(PARAMETER).await.unwrap_err();
            assert!(error.to_string().contains(part), "{part}: {error}");
            sandbox.remove_fault(id);
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
    assert!(matches!(gate.check(&get()).await, Decision::Block(_)));
    sandbox.set_parameter(PARAMETER, "off");
    sandbox.inject(Fault::any_call().always().access_denied());
    for _ in 0..3 {
        assert!(matches!(gate.check(&get()).await, Decision::Block(_)));
    }
}
