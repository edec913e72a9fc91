//! That the short way to a refusal leads where the long one does.

use http::{Method, Request, Response};

use super::*;
use crate::config::Builder;
use crate::cors::Cors;
use crate::gate::Gate;
use crate::pages::Page;

/// A gate that knows this flag.
fn knowing(flag: &str, builder: Builder) -> Gate {
    let gate = builder
        .app("demo")
        .env("dev")
        .source(crate::MemorySource::default());
    let gate = gate.build().unwrap();
    let now_ms = gate.inner.clock.now_ms();
    gate.inner
        .learn(Flag::decode(flag).unwrap(), now_ms, 3_600_000);
    gate
}

fn own() -> Builder {
    Gate::builder().page(Page::html(b"<p>Soon.</p>"))
}

type Parts = (http::StatusCode, http::HeaderMap, bytes::Bytes);

fn parts(response: Response<crate::PageText>) -> Parts {
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.into_bytes())
}

/// What a request gets without being looked at closely, if anything, and what it gets otherwise.
fn both_ways(gate: &Gate, method: Method) -> (Option<Parts>, Parts) {
    let mut request = Request::new(());
    *request.method_mut() = method;
    let (inner, look) = (&gate.inner, gate.inner.look());
    let usual = inner.usual(look, (&request).into());
    let usual = usual.map(|usual| parts(usual.to(|text| text)));
    match inner.judge((&request).into(), look.now_ms) {
        Judgement::Answer(answer) => (usual, parts(answer)),
        _ => panic!("{request:?} passed"),
    }
}

#[test]
fn the_usual_refusal_is_what_judging_comes_to() {
    for flag in [
        "on",
        r#"{"schema": 1, "mode": "on", "message": "Soon.", "reason": "a migration"}"#,
        r#"{"schema": 1, "mode": "on", "retry_after": 120, "bypass": {"paths": []}}"#,
    ] {
        let gate = knowing(flag, own());
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let (usual, judged) = both_ways(&gate, method.clone());
            assert_eq!(usual, Some(judged), "{flag}, {method}");
        }
        let (usual, (status, headers, body)) = both_ways(&gate, Method::HEAD);
        assert_eq!(
            (usual, status.as_u16(), body.len()),
            (None, 503, 0),
            "{flag}"
        );
        assert_eq!(headers["content-length"], "12", "{flag}");
    }
}

#[test]
fn where_anything_makes_a_difference_each_request_is_judged() {
    let metrics = || own().embedded_metrics("maintenance", |_| ());
    let built_in = || Gate::builder().page(Page::built_in());
    let template = || Gate::builder().page(Page::html(b"<p>{{message}}</p>"));
    for (what, flag, builder) in [
        (
            "an end",
            r#"{"schema": 1, "mode": "on", "until": "2999-01-01T00:00:00Z"}"#,
            own(),
        ),
        (
            "another time",
            r#"{"schema": 1, "mode": "on", "retry_after": 30}"#,
            own(),
        ),
        (
            "a path",
            r#"{"schema": 1, "mode": "on", "bypass": {"paths": ["/x"]}}"#,
            own(),
        ),
        (
            "an address",
            r#"{"schema": 1, "mode": "on", "bypass": {"addresses": ["192.0.2.1"]}}"#,
            own(),
        ),
        ("origins", "on", own().cors(Cors::any())),
        (
            "an origin",
            "on",
            own().cors(Cors::origins(["https://a.example"])),
        ),
        ("forms", "on", own().negotiate(true)),
        ("metrics", "on", metrics()),
        ("languages", "on", built_in()),
        ("placeholders", "on", template()),
        ("methods", r#"{"schema": 1, "mode": "read-only"}"#, own()),
    ] {
        let (usual, judged) = both_ways(&knowing(flag, builder), Method::POST);
        assert_eq!(usual, None, "{what}");
        assert_eq!(judged.0, 503, "{what}");
    }
}

#[test]
fn what_is_usual_ends_with_the_window() {
    let gate = knowing("on", own());
    let usual = || {
        let request = Request::new(());
        gate.inner
            .usual(gate.inner.look(), (&request).into())
            .is_some()
    };
    assert!(usual());
    gate.inner.keep(1_000);
    assert!(usual(), "while the store does not answer");
    let now_ms = gate.inner.clock.now_ms();
    gate.inner.learn(Flag::off(), now_ms, 1_000);
    assert!(!usual());
    gate.inner.learn(Flag::bare(Mode::On), now_ms, 1_000);
    assert!(usual());
}
