//! Requests to addresses that a configuration names, against real sockets; and notifications, which are such requests.

#[path = "../support/managed.rs"]
mod managed;
mod notifications;
mod observers;
mod receiver;

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use maintenance_server::outbound::{Answer, MAX_BODY, Outbound, OutboundError, Request};
use receiver::{Receiver, Reply, status};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

const SOON: Duration = Duration::from_secs(20);

fn client() -> Outbound {
    Outbound::new(|_| None, None)
}

fn get(url: impl AsRef<str>) -> Request {
    Request::new(Method::GET, url.as_ref().parse().unwrap())
}

async fn fetch(client: &Outbound, url: impl AsRef<str>) -> Result<Answer, OutboundError> {
    client.send(get(url), SOON).await
}

/// The error with all of its causes.
fn in_full(error: &OutboundError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

fn redirect(to: &str) -> Reply {
    status(&format!("302 Found\r\nLocation: {to}"))
}

#[tokio::test]
async fn an_answer_of_any_status_is_returned_and_the_user_of_a_url_signs_in() {
    let body = "HTTP/1.1 502 Bad Gateway\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\noops";
    let server = Receiver::start(move |_, _| Reply::Bytes(body.into())).await;
    let url = format!("http://me:p%40ss@{}/a?b=c#d", server.address);
    let answer = fetch(&client(), url).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(&*answer.body, b"oops");
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.contains(&format!("host: {}\r\n", server.address)),
        "{seen}"
    );
    // me:p@ss
    assert!(
        seen.contains("authorization: Basic bWU6cEBzcw==\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn redirects_are_followed_within_the_host_and_by_reads_alone() {
    let server = Receiver::start(|_, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            "/elsewhere" => redirect("http://other.test/"),
            "/round" => redirect("/round"),
            "/end" => status("204 No Content"),
            _ => redirect("/end"),
        }
    })
    .await;
    let url = |path: &str| format!("http://{}/{path}", server.address);
    let client = client();
    let answer = fetch(&client, url("start")).await.unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let elsewhere = fetch(&client, url("elsewhere")).await.unwrap_err();
    assert!(
        elsewhere.to_string().contains("to another host"),
        "{elsewhere}"
    );
    let before = server.seen().len();
    let round = fetch(&client, url("round")).await.unwrap_err();
    assert!(
        round.to_string().contains("more than five times"),
        "{round}"
    );
    assert_eq!(server.seen().len() - before, 6);
    let mut post = get(url("start"));
    post.method = Method::POST;
    let answer = client.send(post, SOON).await.unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_link_local_address_is_refused_however_it_is_named() {
    let local: IpAddr = "127.0.0.1".parse().unwrap();
    let metadata: IpAddr = "169.254.169.254".parse().unwrap();
    let server = Receiver::start(|_, _| redirect("/again")).await;
    let has_moved = Arc::new(AtomicBool::new(false));
    let client = client().with_names(move |name| match name {
        "metadata.test" => vec![metadata],
        "both.test" => vec![metadata, local],
        // Another address at each question.
        _ if has_moved.swap(true, Ordering::Relaxed) => vec![metadata],
        _ => vec![local],
    });
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "http://metadata.test/",
        "https://metadata.test/",
    ] {
        let refused = fetch(&client, url).await.unwrap_err();
        assert!(
            matches!(refused, OutboundError::LinkLocal(_)),
            "{url}: {refused:?}"
        );
        assert!(refused.to_string().contains("allow_link_local = true"));
    }
    let port = server.address.port();
    let moved = fetch(&client, format!("http://moves.test:{port}/")).await;
    let moved = moved.unwrap_err();
    assert!(matches!(moved, OutboundError::LinkLocal(_)), "{moved:?}");
    assert_eq!(server.seen().len(), 1);
    // Of several addresses the others are taken.
    let both = get(format!("http://both.test:{port}/"));
    let both = client.send(both, SOON).await.unwrap_err();
    assert!(matches!(both, OutboundError::Redirect { .. }), "{both:?}");
}

#[tokio::test(start_paused = true)]
async fn a_link_local_address_is_tried_if_it_is_allowed() {
    let mut request = get("http://169.254.169.254/");
    request.allow_link_local = true;
    let tried = client().send(request, Duration::from_millis(1)).await;
    let tried = tried.unwrap_err();
    let is_tried = matches!(
        tried,
        OutboundError::Connect { .. } | OutboundError::Late { .. }
    );
    assert!(is_tried, "{tried:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_has_no_end_is_refused() {
    let body = "x".repeat(MAX_BODY + 1);
    let large = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for answer in [large, endless] {
        let server = Receiver::start(move |_, _| Reply::Bytes(answer.clone().into())).await;
        let refused = fetch(&client(), format!("http://{}/", server.address)).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, OutboundError::TooLarge { .. }),
            "{refused:?}"
        );
        let mut head_alone = get(format!("http://{}/", server.address));
        head_alone.reads_body = false;
        let answer = client().send(head_alone, SOON).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn one_time_limit_holds_for_the_whole_answer() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let cut = Receiver::start(move |_, _| Reply::Bytes(half.into())).await;
    let hangs = Receiver::start(|_, _| Reply::Hang).await;
    let late = fetch(&client(), format!("http://{}/", hangs.address)).await;
    let late = late.unwrap_err();
    assert_eq!(
        late.to_string(),
        format!("no complete answer from {} within 20 s", hangs.address)
    );
    tokio::time::resume();
    let broken = fetch(&client(), format!("http://{}/", cut.address)).await;
    let broken = broken.unwrap_err();
    assert!(matches!(broken, OutboundError::Broken { .. }), "{broken:?}");
}

#[tokio::test]
async fn no_error_tells_what_a_url_keeps_secret() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let server = Receiver::start(|_, _| redirect("http://other.test/s3cret?s3cret")).await;
    let garbage = Receiver::start(|_, _| Reply::Bytes(b"s3cret\r\n\r\n".to_vec())).await;
    let secret = "s3cret/services/T000?token=s3cret";
    let mut request = get(format!("http://s3cret:s3cret@{}/{secret}", server.address));
    assert!(!format!("{request:?}").contains("s3cret"), "{request:?}");
    let client = client().with_names(|_| Vec::new());
    for at in [
        format!("http://s3cret:s3cret@{gone}"),
        format!("https://s3cret:s3cret@{gone}"),
        format!("http://s3cret@{}", server.address),
        format!("http://s3cret@{}", garbage.address),
        "http://s3cret@169.254.169.254".to_owned(),
        "https://s3cret@unknown.test".to_owned(),
        "ftp://s3cret@unknown.test".to_owned(),
    ] {
        request.url = format!("{at}/{secret}").parse().unwrap();
        let error = client.send(request.clone(), SOON).await.unwrap_err();
        let told = format!("{} {error:?}", in_full(&error));
        assert!(!told.contains("s3cret") && !told.contains("T000"), "{told}");
    }
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_asked_and_not_for_this_machine() {
    let proxy = Receiver::start(|_, request| match request.starts_with("CONNECT") {
        true => status("403 Forbidden"),
        false => status("204 No Content"),
    })
    .await;
    let address = proxy.address;
    let client = Outbound::new(
        move |name| match name {
            "HTTP_PROXY" | "https_proxy" => Some(format!("http://ana:pass@{address}")),
            "NO_PROXY" => Some("near.test".to_owned()),
            "no_proxy" => Some(String::new()),
            _ => None,
        },
        None,
    );
    let answer = fetch(&client, "http://far.test/x?y").await.unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let refused = fetch(&client, "https://far.test/secret").await.unwrap_err();
    assert!(
        matches!(refused, OutboundError::Connect { .. }),
        "{refused:?}"
    );
    let seen = proxy.seen();
    assert!(
        seen[0].starts_with("GET http://far.test/x?y HTTP/1.1\r\n"),
        "{}",
        seen[0]
    );
    assert!(
        seen[0].contains("proxy-authorization: Basic YW5hOnBhc3M="),
        "{}",
        seen[0]
    );
    assert!(
        seen[1].starts_with("CONNECT far.test:443 HTTP/1.1\r\n"),
        "{}",
        seen[1]
    );
    assert!(!seen[1].contains("secret"), "{}", seen[1]);
    // Not the proxy's to reach, whatever the variables say.
    let refused = fetch(&client, "http://169.254.169.254/").await.unwrap_err();
    assert!(
        matches!(refused, OutboundError::LinkLocal(_)),
        "{refused:?}"
    );
    let near = Receiver::start(|_, _| status("200 OK")).await;
    let port = near.address.port();
    let client = client.with_names(|_| vec!["127.0.0.1".parse().unwrap()]);
    for host in ["127.0.0.1", "localhost", "near.test"] {
        let answer = fetch(&client, format!("http://{host}:{port}/")).await;
        assert_eq!(answer.unwrap().status, StatusCode::OK, "{host}");
    }
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test]
async fn tls_is_checked_and_never_left() {
    let made = rcgen::generate_simple_self_signed(["secure.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let answer = |_: usize, request: &str| match request.starts_with("GET /down") {
        true => redirect("http://secure.test/"),
        false => status("204 No Content"),
    };
    let server = Receiver::start_with(answer, Some(TlsAcceptor::from(Arc::new(tls)))).await;
    let port = server.address.port();
    let names = |_: &str| vec!["127.0.0.1".parse().unwrap()];
    let roots = [made.cert.pem()];
    let trusting = Outbound::new(|_| None, Some(&roots)).with_names(names);
    let answer = fetch(&trusting, format!("https://secure.test:{port}/")).await;
    assert_eq!(answer.unwrap().status, StatusCode::NO_CONTENT);
    let down = fetch(&trusting, format!("https://secure.test:{port}/down")).await;
    let down = down.unwrap_err();
    assert!(down.to_string().contains("away from TLS"), "{down}");
    // Neither a name that is not its own, nor a certificate that nobody vouches for.
    let other = fetch(&trusting, format!("https://other.test:{port}/")).await;
    assert!(matches!(other, Err(OutboundError::Connect { .. })));
    let distrusting = client().with_names(names);
    let unknown = fetch(&distrusting, format!("https://secure.test:{port}/")).await;
    let unknown = in_full(&unknown.unwrap_err());
    assert!(unknown.contains("certificate"), "{unknown}");
}
