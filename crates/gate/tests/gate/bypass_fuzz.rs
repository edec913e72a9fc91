//! Arbitrary requests, events, flags and stored bypasses: nothing panics, and nothing passes that may
//! not. More cases than the usual 256: `PROPTEST_CASES=100000 cargo test -p maintenance-gate --release
//! --test gate fuzz`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderName, HeaderValue, Method, Request, Uri};
use maintenance_flag::{Bypass, Token};
use maintenance_gate::{ClientAddress, Decision, Gate};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::support::{Shape, flag, stored_token, token, with_flag};

const COOKIE: &str = "__Host-maintenance-demo-dev-web";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().unwrap().block_on(work)
}

fn gate(flag: &str, proxies: u8) -> Gate {
    with_flag(flag).trusted_proxies(proxies).build().unwrap()
}

fn passes(gate: &Gate, request: &Request<()>) -> bool {
    let decision = block_on(gate.check(&mut request.clone()));
    let again = gate.decide(&mut request.clone());
    assert_eq!(format!("{decision:?}"), format!("{again:?}"));
    match decision {
        Decision::Pass | Decision::PassReadOnly => true,
        Decision::Block(response) => {
            match response.status().as_u16() {
                503 => assert!(!response.headers().contains_key("set-cookie")),
                303 => {
                    let location = response.headers()["location"].to_str().unwrap();
                    assert!(location.starts_with('?'), "{location}");
                    assert!(!location.contains(token().reveal()));
                    return true;
                }
                other => panic!("{other}"),
            }
            false
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Texts that mean something here, and any others.
fn any_text() -> impl Strategy<Value = String> {
    let known = select(vec![
        "",
        "*",
        "/",
        "/*",
        "/hooks/*",
        "/health",
        "192.0.2.0/24",
        "::/0",
        "0.0.0.0/0",
        "192.0.2.1",
        "sha256:",
        "2026-11-18T12:06:40Z",
        "+999999-01-01T00:00:00Z",
        "CONNECT",
        "MESSAGE",
        "GET",
        "token",
        "token_until",
        "addresses",
        "paths",
        "elb",
        "http",
        "method",
        "httpMethod",
        "path",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>()]
}

/// A bypass with the right keys and any values.
fn any_bypass() -> impl Strategy<Value = Value> {
    let list = || prop::collection::vec(any_text(), 0..4);
    let of_keys = (any_json(), any_json(), list(), list()).prop_map(
        |(token, until, addresses, paths)| {
            json!({"token": token, "token_until": until, "addresses": addresses, "paths": paths})
        },
    );
    prop_oneof![any_json(), of_keys]
}

fn any_flag() -> impl Strategy<Value = String> {
    let mode = select(vec!["on", "off", "read-only"]);
    let document = (mode, any_bypass()).prop_map(|(mode, bypass)| flag(mode, &bypass));
    prop_oneof![Just("on".to_owned()), any::<String>(), document]
}

fn any_method() -> impl Strategy<Value = Method> {
    select(vec![
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::OPTIONS,
        Method::CONNECT,
        Method::from_bytes(b"PROPFIND").unwrap(),
    ])
}

/// Pieces of which paths, queries and header values are made.
fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "/",
        "hooks",
        "Hooks",
        "HOOKS",
        "health",
        "admin",
        "a",
        "..",
        ".",
        "...",
        "%2e",
        "%2E",
        "%252e",
        "%2f",
        "%5c",
        "\\",
        ";",
        ";x=1",
        "//",
        "%00",
        "%",
        "%c0%ae",
        "?",
        "#",
        " ",
        "*",
        "&",
        "=",
        ",",
        ":",
        "[",
        "]",
        "@",
        "maintenance-bypass=",
        COOKIE,
        "192.0.2.1",
        "::1",
        "\t",
        "ü",
        "\u{7f}",
        "https://evil.example",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_request() -> impl Strategy<Value = Request<()>> {
    let name = select(vec![
        "cookie",
        "x-maintenance-bypass",
        "x-forwarded-for",
        "host",
        "accept",
        "origin",
        "access-control-request-method",
        "x-original-url",
    ]);
    let value = prop_oneof![
        pieces().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..100),
    ];
    let address = prop::option::of(any::<u128>().prop_map(|bits| {
        let address = IpAddr::V6(Ipv6Addr::from(bits));
        if bits % 2 == 0 {
            address
        } else {
            IpAddr::V4(Ipv4Addr::from(bits as u32))
        }
    }));
    let headers = prop::collection::vec((name, value), 0..6);
    (any_method(), pieces(), headers, address).prop_map(|(method, target, headers, address)| {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::try_from(target).unwrap_or_default();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
        }
        if let Some(address) = address {
            request.extensions_mut().insert(ClientAddress(address));
        }
        request
    })
}

proptest! {
    #[test]
    fn fuzz_no_request_and_no_flag_makes_a_panic(
        flag in any_flag(),
        proxies in any::<u8>(),
        requests in prop::collection::vec(any_request(), 1..4),
    ) {
        let gate = gate(&flag, proxies);
        for request in &requests {
            passes(&gate, request);
        }
    }

    #[test]
    fn fuzz_no_event_makes_a_panic_and_every_answer_has_a_shape(
        flag in any_flag(),
        shape in select(Shape::ALL.to_vec()),
        (method, path) in (any_text(), pieces()),
        changes in prop::collection::vec((any::<Index>(), any_json()), 0..4),
        other in any_json(),
    ) {
        let gate = gate(&flag, 0);
        let mut event = shape.event(&method, &path);
        for (index, value) in changes {
            // A field of the event, or of its context.
            let context = index.index(2) == 0;
            let object = if context { &mut event["requestContext"] } else { &mut event };
            if let Some(object) = object.as_object_mut().filter(|object| !object.is_empty()) {
                let key = object.keys().nth(index.index(object.len())).unwrap().clone();
                object.insert(key, value);
            }
        }
        for event in [event, other] {
            if let Some(answer) = block_on(gate.check_event(&event)) {
                let status = answer["statusCode"].as_u64().unwrap();
                prop_assert!(status == 503 || status == 303);
                prop_assert!(answer["body"].is_string());
            }
        }
    }

    #[test]
    fn fuzz_only_the_token_itself_passes(
        mutation in 0..6_u8,
        at in any::<Index>(),
        byte in any::<u8>(),
        text in any::<String>(),
    ) {
        let gate = gate(&flag("on", &stored_token("demo-dev", "web")), 0);
        let token = token().reveal().to_owned();
        let at = at.index(Token::LEN);
        let mut bytes = token.clone().into_bytes();
        match mutation {
            0 => bytes[at] ^= 1 << (byte % 8),
            1 => bytes[at] = byte,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(..=at)),
            4 => bytes.splice(at..at, text.bytes()).for_each(drop),
            _ => bytes = [&bytes[at..], &bytes[..at]].concat(),
        }
        // White space around a header's value is no part of it.
        let is_token = bytes.trim_ascii() == token.as_bytes();
        let cookie = [COOKIE.as_bytes(), b"=", &bytes].concat();
        // A ; in a cookie's value ends it, and the part before it may be the whole token.
        let first = bytes.split(|byte| *byte == b';').next().unwrap_or_default();
        let is_cookie = first.trim_ascii_end() == token.as_bytes();
        for (name, value, right) in [
            ("x-maintenance-bypass", &bytes, is_token),
            ("cookie", &cookie, is_cookie),
        ] {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            let mut request = Request::new(());
            request.headers_mut().insert(HeaderName::from_static(name), value);
            prop_assert_eq!(passes(&gate, &request), right, "{} {:?}", name, bytes);
        }
        if let Ok(text) = String::from_utf8(bytes) {
            // In an address a # ends the query, and an & the value.
            let end = text.find(['#', '&']).unwrap_or(text.len());
            let is_link = text[..end] == token;
            if let Ok(uri) = Uri::try_from(format!("/?maintenance-bypass={text}")) {
                let mut request = Request::new(());
                *request.uri_mut() = uri;
                prop_assert_eq!(passes(&gate, &request), is_link, "{:?}", text);
            }
        }
    }

    #[test]
    fn fuzz_no_spelling_leads_out_of_an_allowed_path(
        start in select(vec!["/", "/hooks/", "/hooks/", "/hooks", "/health", "//hooks/", "/a/../hooks/"]),
        rest in pieces(),
    ) {
        let gate = gate(&flag("on", &json!({"paths": ["/health", "/hooks/*"]})), 0);
        let path = format!("{start}{rest}");
        if let Ok(uri) = Uri::try_from(path.as_str()) {
            let mut request = Request::new(());
            *request.uri_mut() = uri;
            let seen = request.uri().path().to_owned();
            prop_assert!(!passes(&gate, &request) || is_below(&seen), "{seen}");
        }
        for shape in Shape::ALL {
            let event = shape.event("POST", &path);
            let passed = block_on(gate.check_event(&event)).is_none();
            // Its path is a path alone: a ? in it was an escape.
            let is_path = !path.contains(['?', '#']);
            prop_assert!(!passed || is_path && is_below(&path), "{shape:?} {path}");
        }
    }

    #[test]
    fn fuzz_a_stored_bypass_is_read_as_what_it_says_or_not_at_all(stored in any_bypass()) {
        let read = Bypass::read(Some(&stored));
        let written = read.write(None);
        prop_assert_eq!(Bypass::read(written.as_ref()), read);
    }
}

/// Whether every way in which some server reads a path ends at an allowed one: escapes resolved up to
/// three times, `\` taken for `/`, what follows a `;` dropped, a double / merged, dots resolved, in
/// every combination.
fn is_below(path: &str) -> bool {
    let mut readings = vec![path.to_owned()];
    for _ in 0..3 {
        for reading in readings.clone() {
            readings.push(unescaped(&reading));
            readings.push(reading.replace('\\', "/"));
            let bare = reading
                .split('/')
                .map(|segment| segment.split(';').next().unwrap_or_default());
            readings.push(bare.collect::<Vec<_>>().join("/"));
            readings.push(resolved(&reading));
        }
        readings.sort();
        readings.dedup();
    }
    readings.iter().all(|reading| {
        let reading = reading.split(['?', '#']).next().unwrap_or_default();
        reading == "/health" || (reading.starts_with("/hooks/") && !reading.contains('\0'))
    })
}

fn unescaped(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

/// Without empty, `.` and `..` segments; a / at the end stays.
fn resolved(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}
