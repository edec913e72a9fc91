//! Whatever an operator says and whatever a client sends, the answer is one that can be served.

use std::sync::LazyLock;

use http::{HeaderValue, Method, Request};
use maintenance_gate::{Gate, MemorySource, Page};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::demo;

/// A gate that knows this flag.
fn knowing(flag: &Value, pages: &[Page]) -> Gate {
    let source = MemorySource::new(flag.to_string());
    let mut builder = demo().source(source).page(Page::built_in());
    for page in pages {
        builder = builder.page(page.clone());
    }
    learnt(builder.negotiate(true).build().unwrap())
}

fn learnt(gate: Gate) -> Gate {
    let mut request = Request::new(());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _ = runtime.block_on(gate.check(&mut request));
    gate
}

fn answer(
    gate: &Gate,
    method: &Method,
    headers: &[(&'static str, HeaderValue)],
) -> http::Response<bytes::Bytes> {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut request = request.body(()).unwrap();
    gate.decide(&mut request).into_response().unwrap()
}

fn body(gate: &Gate, accept: &'static str) -> String {
    let headers = [("accept", HeaderValue::from_static(accept))];
    let body = answer(gate, &Method::GET, &headers).into_body();
    String::from_utf8(body.into()).unwrap()
}

/// Undoes what was done to a text for HTML.
fn unescaped(html: &str) -> String {
    assert!(!html.contains(['<', '>', '"', '\'']), "{html}");
    ["&lt;<", "&gt;>", "&#34;\"", "&#39;'"]
        .iter()
        .fold(html.to_owned(), |text, pair| {
            let (escaped, character) = pair.split_at(pair.len() - 1);
            text.replace(escaped, character)
        })
        // Last, or `&amp;lt;` would be undone twice.
        .replace("&amp;", "&")
}

/// Headers as clients send them, and as none does.
fn header() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop_oneof![
        "[a-zA-Z*/+;=,q0-9. \"-]{0,80}".prop_map(String::into_bytes),
        "((text/html|application/json|application/problem\\+json|\\*/\\*|de|fr-FR|ja|\\*)(; ?q=[01](\\.[0-9]{0,4})?)?,? ?){0,6}"
            .prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..60),
    ];
    bytes.prop_filter_map("no header", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

proptest! {
    #[test]
    fn a_message_comes_out_as_it_went_in(message in "(?s)[^{}]{0,300}|\\PC{0,50}[<>&\"'\\\\]{0,20}") {
        let flag = json!({"schema": 1, "mode": "on", "message": &message});
        let own = [Page::html(b"[{{message}}]"), Page::json(br#"{"said": "{{message}}"}"#)];
        let gate = knowing(&flag, &own);
        let said = message.trim();

        let html = body(&gate, "text/html");
        let inside = html.strip_prefix('[').and_then(|html| html.strip_suffix(']'));
        prop_assert_eq!(unescaped(inside.unwrap()), said);
        let json: Value = serde_json::from_str(&body(&gate, "application/json")).unwrap();
        prop_assert_eq!(json, json!({"said": said}));
        let problem: Value = serde_json::from_str(&body(&gate, "application/problem+json")).unwrap();
        if said.is_empty() {
            prop_assert!(problem["detail"].as_str().unwrap().contains("maintenance"));
        } else {
            prop_assert_eq!(&problem["detail"], said);
        }
    }

    #[test]
    fn fuzz_every_client_gets_one_well_formed_answer(
        accepted in proptest::collection::vec(header(), 0..3),
        languages in proptest::collection::vec(header(), 0..3),
        origin in header(),
        method in prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::OPTIONS)],
    ) {
        static GATE: LazyLock<Gate> = LazyLock::new(|| {
            knowing(&json!({"schema": 1, "mode": "on", "until": "2999-01-01T00:00:00Z"}), &[])
        });
        let accepted = accepted.into_iter().map(|value| ("accept", value));
        let languages = languages.into_iter().map(|value| ("accept-language", value));
        let origin = [("origin", origin), ("access-control-request-method", HeaderValue::from_static("PUT"))];
        let headers: Vec<_> = accepted.chain(languages).chain(origin).collect();
        let answer = answer(&GATE, &method, &headers);
        prop_assert_eq!(answer.status(), 503);
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        prop_assert_eq!(header("access-control-allow-origin"), None);
        prop_assert_eq!(header("content-length"), None, "the server adds it");
        prop_assert!(answer.body().len() <= 512 * 1024);
        let text = std::str::from_utf8(answer.body()).unwrap();
        match header("content-type").unwrap() {
            "text/html; charset=utf-8" => {
                let start = format!("<!doctype html>\n<html lang=\"{}\">", header("content-language").unwrap());
                prop_assert!(text.starts_with(&start));
                prop_assert_eq!(header("vary"), Some("Accept, Accept-Language"));
            }
            "application/json" | "application/problem+json" => {
                prop_assert!(serde_json::from_str::<Value>(text).unwrap().is_object());
                prop_assert_eq!(header("vary"), Some("Accept"));
            }
            other => prop_assert!(false, "{other}"),
        }
    }

    /// Any text may be a page of an app's own, with braces wherever they are.
    #[test]
    fn a_page_loses_nothing_but_its_placeholders(page in "(\\{{1,3}(message|mode|x| )\\}{0,3}|[a-z{} ]){1,30}") {
        let flag = json!({"schema": 1, "mode": "on", "message": "said"});
        let gate = learnt(
            demo()
                .source(MemorySource::new(flag.to_string()))
                .page(Page::html(page.clone().into_bytes()))
                .build()
                .unwrap(),
        );
        // Text before the first brace and after the last one cannot be part of a placeholder.
        let (before, _) = page.split_once('{').unwrap_or((&page, ""));
        let filled = body(&gate, "*/*");
        prop_assert!(filled.starts_with(before));
        // A placeholder may have spaces in it.
        let dense = page.replace(' ', "");
        if !dense.contains("{{message}}") && !dense.contains("{{mode}}") {
            prop_assert_eq!(filled, page);
        } else {
            prop_assert!(!filled.contains("{{message}}") && !filled.contains("{{mode}}"));
        }
    }
}
