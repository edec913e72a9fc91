//! Who passes though the role is in maintenance, and who does not.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Request};
use maintenance_flag::Token;
use maintenance_gate::{ClientAddress, Decision, Gate, ManualClock, MemorySource};
use serde_json::{Value, json};

use crate::bypass_addresses::from;
use crate::support::{
    START, Shape, at, captured, demo, flag, get, request, request_with, stored_token, token,
    with_flag,
};

const COOKIE: &str = "__Host-maintenance-demo-dev-web";

pub(crate) fn gate(bypass: &Value) -> Gate {
    with_flag(&flag("on", bypass)).build().unwrap()
}

fn with_token() -> Gate {
    gate(&stored_token("demo-dev", "web"))
}

pub(crate) async fn passes(gate: &Gate, request: &Request<()>) -> bool {
    match gate.check(&mut request.clone()).await {
        Decision::Pass => true,
        Decision::PassReadOnly => panic!("not on"),
        Decision::Block(response) => {
            assert_eq!(response.status(), 503);
            assert!(!response.headers().contains_key("set-cookie"));
            false
        }
    }
}

fn header(text: &str) -> Request<()> {
    request_with(Method::POST, "/pay", &[("x-maintenance-bypass", text)])
}

fn cookie(text: &str) -> Request<()> {
    request_with(Method::GET, "/", &[("cookie", &format!("{COOKIE}={text}"))])
}

#[tokio::test]
async fn the_token_passes_as_a_header_and_as_a_cookie_with_any_method() {
    let (gate, token) = (with_token(), token());
    for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
        for (name, value) in [
            ("x-maintenance-bypass", token.reveal().to_owned()),
            ("cookie", format!("{COOKIE}={}", token.reveal())),
            (
                "cookie",
                format!("a=1;{COOKIE}={} ; b=\"2\"", token.reveal()),
            ),
        ] {
            let request = request_with(method.clone(), "/pay?x=1", &[(name, &value)]);
            assert!(passes(&gate, &request).await, "{method} {name}");
        }
    }
}

#[tokio::test]
async fn passes_no_text_but_the_token() {
    let (gate, token) = (with_token(), token());
    let token = token.reveal();
    let flipped = token.to_ascii_uppercase();
    let stored = stored_token("demo-dev", "web")["token"].to_string();
    for wrong in [
        "",
        "x",
        "on",
        &token[1..],
        &token[..Token::LEN - 1],
        &format!("{token}="),
        &format!("{token}{token}"),
        &format!("\"{token}\""),
        &format!("{token},{token}"),
        &flipped,
        &stored,
        &stored[8..8 + Token::LEN],
        &"A".repeat(Token::LEN),
    ] {
        assert!(!passes(&gate, &header(wrong)).await, "{wrong}");
        assert!(!passes(&gate, &cookie(wrong)).await, "{wrong}");
        let link = format!("/?maintenance-bypass={}", wrong.replace('"', "%22"));
        assert!(
            !passes(&gate, &request(Method::GET, &link)).await,
            "{wrong}"
        );
    }
    for (name, value) in [
        ("cookie", format!("{}={token}", COOKIE.to_lowercase())),
        ("cookie", format!("maintenance-demo-dev-web={token}")),
        (
            "cookie",
            format!("__Host-maintenance-demo-prod-web={token}"),
        ),
        ("cookie", format!("{COOKIE}2={token}")),
        ("cookie", format!("x{COOKIE}={token}")),
        ("cookie", format!("{COOKIE} = {token}")),
        ("authorization", format!("Bearer {token}")),
        (
            "referer",
            format!("https://demo/?maintenance-bypass={token}"),
        ),
    ] {
        let request = request_with(Method::GET, "/", &[(name, &value)]);
        assert!(!passes(&gate, &request).await, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_token_is_good_for_one_app_one_role_and_its_time() {
    for (app, role) in [
        ("demo-prod", "web"),
        ("demo-dev", "worker"),
        ("demo", "dev-web"),
    ] {
        let gate = gate(&stored_token(app, role));
        assert!(
            !passes(&gate, &header(token().reveal())).await,
            "{app} {role}"
        );
    }
    let clock = ManualClock::new(START);
    let stored = flag("on", &stored_token("demo-dev", "web"));
    let gate = at(&stored, &clock).build().unwrap();
    for (seconds, good) in [(0, true), (3_599, true), (3_600, false), (86_400, false)] {
        clock.set(START + seconds * 1_000);
        let link = format!("/?maintenance-bypass={}", token().reveal());
        assert_eq!(passes(&gate, &header(token().reveal())).await, good);
        assert_eq!(passes(&gate, &cookie(token().reveal())).await, good);
        let answer = gate.check(&mut request(Method::GET, &link)).await;
        let status = answer.into_response().unwrap().status();
        assert_eq!(status, if good { 303 } else { 503 }, "{seconds}");
    }
}

#[tokio::test]
async fn a_new_window_ends_old_links_and_an_open_role_needs_none() {
    let source = MemorySource::new(flag("on", &stored_token("demo-dev", "web")));
    let builder = demo().source(source.clone()).ttl(Duration::ZERO);
    let gate = builder.clock(ManualClock::new(START)).build().unwrap();
    assert!(passes(&gate, &cookie(token().reveal())).await);
    let mut other = stored_token("demo-dev", "web");
    other["token"] = json!(format!("sha256:{}", "0".repeat(64)));
    for stored in [flag("on", &json!({})), flag("on", &other), "on".to_owned()] {
        source.set(&stored);
        assert!(!passes(&gate, &cookie(token().reveal())).await, "{stored}");
        assert!(!passes(&gate, &header(token().reveal())).await, "{stored}");
    }
    source.set("off");
    let link = format!("/?maintenance-bypass={}", token().reveal());
    assert!(
        passes(&gate, &request(Method::GET, &link)).await,
        "the app gets it"
    );
}

#[tokio::test]
async fn each_of_several_cookies_is_tried_but_not_any_number() {
    let (gate, token) = (with_token(), token());
    let wrong = "A".repeat(Token::LEN);
    let line = |before: usize| {
        let mut pairs = vec![format!("{COOKIE}={wrong}"); before];
        pairs.push(format!("{COOKIE}={}", token.reveal()));
        pairs.join("; ")
    };
    let tried = request_with(Method::GET, "/", &[("cookie", &line(3))]);
    assert!(passes(&gate, &tried).await);
    let too_many = request_with(Method::GET, "/", &[("cookie", &line(4))]);
    assert!(!passes(&gate, &too_many).await);
    // What cannot be a token costs nothing, and hides no other.
    let noise = format!("{COOKIE}=; {COOKIE}=short; {};", "x=y; ".repeat(10_000));
    let line = format!("{noise}{COOKIE}={}", token.reveal());
    let lines = [("cookie", "ü=\u{fc}"), ("cookie", line.as_str())];
    assert!(passes(&gate, &request_with(Method::GET, "/", &lines)).await);
}

#[tokio::test]
async fn a_link_sets_the_cookie_and_leads_to_the_same_page_without_the_token() {
    let (gate, token) = (with_token(), token());
    let token = token.reveal();
    for (uri, location) in [
        (format!("/?maintenance-bypass={token}"), "?"),
        (
            format!("/a/b?x=1&maintenance-bypass={token}&y=%2F"),
            "?x=1&y=%2F",
        ),
        (format!("//evil.example/?maintenance-bypass={token}"), "?"),
        (format!("/a:b@evil/..?maintenance-bypass={token}&z"), "?z"),
        (
            format!("https://evil.example/a?maintenance-bypass={token}"),
            "?",
        ),
        (
            format!("/?maintenance-bypass=x&maintenance-bypass={token}"),
            "?",
        ),
    ] {
        for method in [Method::GET, Method::HEAD] {
            captured();
            let decision = gate.check(&mut request(method.clone(), &uri)).await;
            let response = decision.into_response().unwrap();
            assert_eq!(response.status(), 303, "{uri}");
            assert!(response.body().is_empty());
            let headers: Vec<_> = response
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            let cookie =
                format!("{COOKIE}={token}; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax");
            assert_eq!(
                headers,
                [
                    ("location", location),
                    ("set-cookie", cookie.as_str()),
                    ("cache-control", "no-store"),
                    ("referrer-policy", "no-referrer"),
                    ("x-maintenance", "on"),
                ]
            );
            let events = captured();
            let event = events.last().unwrap();
            assert_eq!(event["fields"]["code"], "M303");
            assert!(!format!("{events:?}").contains(token));
        }
    }
    for method in [Method::POST, Method::OPTIONS, Method::PUT] {
        let link = request(method, &format!("/?maintenance-bypass={token}"));
        assert!(!passes(&gate, &link).await, "a link is opened with a GET");
    }
}

#[tokio::test]
async fn paths_that_may_pass_do_with_any_method_and_query_and_no_other_spelling_does() {
    let gate = gate(&json!({"paths": ["/health", "/hooks/*"]}));
    for path in ["/health", "/health?deep=1", "/hooks/", "/hooks/pay?id=1"] {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            assert!(passes(&gate, &request(method, path)).await, "{path}");
        }
    }
    for path in [
        "/",
        "/hooks",
        "/health/",
        "/Health",
        "//health",
        "/%68ealth",
        "/x/../health",
        "/hooks/../admin",
        "/hooks/%2e%2e/admin",
        "/hooks//admin",
        "/hooks/..;/admin",
        "/admin?/hooks/",
        "/admin?x=/health",
    ] {
        assert!(!passes(&gate, &request(Method::GET, path)).await, "{path}");
    }
    // A proxy asks by the whole address; the path in it is what counts.
    let absolute = request(Method::GET, "http://evil.example/health");
    assert!(passes(&gate, &absolute).await);
    let authority = request(Method::CONNECT, "health:443");
    assert!(!passes(&gate, &authority).await);
    let asterisk = request(Method::OPTIONS, "*");
    assert!(!passes(&gate, &asterisk).await);
}

#[tokio::test]
async fn in_lambda_a_request_whose_event_is_not_seen_passes_by_no_path_and_no_address() {
    let stored = flag(
        "on",
        &json!({"paths": ["/health"], "addresses": ["192.0.2.0/24"]}),
    );
    let builder = |api: &'static str| {
        with_flag(&stored)
            .from_vars(move |name| (name == "AWS_LAMBDA_RUNTIME_API").then(|| api.to_owned()))
    };
    let request = request(Method::GET, "/health");
    for (api, passed) in [("", true), ("127.0.0.1:9001", false)] {
        let gate = builder(api).build().unwrap();
        assert_eq!(passes(&gate, &request).await, passed, "{api}");
    }
    // With its event, it does.
    let gate = builder("127.0.0.1:9001").build().unwrap();
    for shape in Shape::ALL {
        let event = shape.event("GET", "/health");
        assert_eq!(gate.check_event(&event).await, None, "{shape:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_written_as_ipv6_is_the_ipv4_address() {
    for range in ["::ffff:192.0.2.0/120", "::ffff:192.0.2.7", "192.0.2.0/24"] {
        let gate = gate(&json!({"addresses": [range]}));
        for (address, passed) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.3.7", false),
        ] {
            let mut request = get();
            let address: std::net::IpAddr = address.parse().unwrap();
            request.extensions_mut().insert(ClientAddress(address));
            assert_eq!(passes(&gate, &request).await, passed, "{range} {address}");
        }
    }
}

#[tokio::test]
async fn a_bypass_passes_writes_in_read_only_mode() {
    let mut bypass = stored_token("demo-dev", "web");
    bypass["paths"] = json!(["/hooks/*"]);
    let gate = with_flag(&flag("read-only", &bypass)).build().unwrap();
    let check = async |request: &Request<()>| gate.check(&mut request.clone()).await;
    assert!(matches!(check(&get()).await, Decision::PassReadOnly));
    assert!(matches!(
        check(&cookie(token().reveal())).await,
        Decision::Pass
    ));
    assert!(matches!(
        check(&header(token().reveal())).await,
        Decision::Pass
    ));
    let hook = request(Method::POST, "/hooks/pay");
    assert!(matches!(check(&hook).await, Decision::Pass));
    let other = request(Method::POST, "/pay");
    assert!(matches!(check(&other).await, Decision::Block(_)));
    let link = request(
        Method::GET,
        &format!("/?maintenance-bypass={}", token().reveal()),
    );
    let response = check(&link).await.into_response().unwrap();
    assert_eq!(response.status(), 303);
    let wrong = request(Method::GET, "/?maintenance-bypass=wrong");
    assert!(matches!(check(&wrong).await, Decision::PassReadOnly));
}

#[tokio::test]
async fn a_bypass_that_cannot_be_read_lets_no_request_pass() {
    let everything = || {
        let mut parts = header(token().reveal());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        parts.extensions_mut().insert(ClientAddress(address));
        parts
    };
    let hash = stored_token("demo-dev", "web")["token"].clone();
    for bypass in [
        json!(null),
        json!("all"),
        json!([1, 2]),
        json!({"token": hash}),
        json!({"token": hash, "token_until": "soon"}),
        json!({"token": token().reveal(), "token_until": "2026-11-18T12:06:40Z"}),
        json!({"token": true, "addresses": "192.0.2.1", "paths": "/pay"}),
        json!({"addresses": ["everywhere", "192.0.2.1/99", 7], "paths": ["pay", "*", "/pa*"]}),
        json!({"addresses": [["192.0.2.1"]], "paths": [{"path": "/pay"}]}),
    ] {
        assert!(!passes(&gate(&bypass), &everything()).await, "{bypass}");
    }
    let bare = with_flag("on").build().unwrap();
    assert!(!passes(&bare, &everything()).await);
}

#[tokio::test]
async fn a_bypass_stays_while_the_store_does_not_answer() {
    let clock = ManualClock::new(START);
    let mut bypass = stored_token("demo-dev", "web");
    bypass["paths"] = json!(["/health"]);
    let source = crate::support::Scripted::text(&flag("on", &bypass)).then_fails();
    let builder = demo().source(source).clock(clock.clone());
    let gate = builder.build().unwrap();
    assert!(!passes(&gate, &get()).await);
    clock.advance(Duration::from_secs(1_800));
    assert!(passes(&gate, &request(Method::GET, "/health")).await);
    assert!(passes(&gate, &header(token().reveal())).await);
    clock.advance(Duration::from_secs(1_800));
    assert!(
        !passes(&gate, &header(token().reveal())).await,
        "it has ended by itself"
    );
}

#[tokio::test]
async fn each_pass_is_one_event_that_says_by_what() {
    let mut bypass = stored_token("demo-dev", "web");
    bypass["paths"] = json!(["/health"]);
    bypass["addresses"] = json!(["192.0.2.1"]);
    let gate = gate(&bypass);
    captured();
    for (request, by) in [
        (request(Method::GET, "/health?token=secret"), "path"),
        (from("192.0.2.1"), "address"),
        (header(token().reveal()), "token"),
    ] {
        assert!(passes(&gate, &request).await);
        let events = captured();
        let event = events.last().unwrap();
        assert_eq!(
            event["fields"],
            json!({
                "code": "M202",
                "app": "demo-dev",
                "role": "web",
                "mode": "on",
                "window": "20261118T110640Z-00001a2b",
                "method": request.method().as_str(),
                "path": request.uri().path(),
                "by": by,
                "message": "the request passed by a bypass, although the role is in maintenance",
            })
        );
        assert_eq!(event["level"], "DEBUG");
        let said = format!("{events:?}");
        assert!(!said.contains("192.0.2") && !said.contains(token().reveal()));
        assert!(!said.contains("secret"));
    }
}
