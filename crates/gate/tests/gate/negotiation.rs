//! The form of an answer where the deployer asked for clients to be listened to, and where not.

use std::fs;

use http::Method;
use maintenance_gate::{Builder, Gate, MemorySource, Page};
use serde_json::json;

use crate::support::{captured, demo, refused};

const FLAG: &str =
    r#"{"schema": 1, "mode": "on", "message": "Moving \"house\"", "retry_after": 30}"#;
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

fn builder(flag: &str) -> Builder {
    demo().source(MemorySource::new(flag))
}

fn negotiating(pages: &[Page]) -> Gate {
    let mut builder = builder(FLAG).negotiate(true).page(Page::built_in());
    for page in pages {
        builder = builder.page(page.clone());
    }
    builder.build().unwrap()
}

/// The type, and what it depends on.
async fn kind(gate: &Gate, accept: &[&str]) -> (String, Option<String>) {
    let headers: Vec<_> = accept.iter().map(|accept| ("accept", *accept)).collect();
    let answer = refused(gate, Method::GET, &headers).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("x-maintenance"), Some("on"));
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    (
        answer.header("content-type").unwrap().to_owned(),
        answer.header("vary").map(str::to_owned),
    )
}

#[tokio::test]
async fn each_client_gets_the_form_that_it_prefers() {
    let gate = negotiating(&[]);
    for (accept, expected) in [
        (&[][..], HTML),
        (&["*/*"], HTML),
        (
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            HTML,
        ),
        (&["application/json"], JSON),
        (&["application/json, text/plain, */*"], JSON),
        (&["application/problem+json"], PROBLEM),
        (&["text/html;q=0.2", "application/json;q=0.3"], JSON),
        (&["image/png"], HTML),
    ] {
        let vary = if expected == HTML {
            "Accept, Accept-Language"
        } else {
            "Accept"
        };
        assert_eq!(
            kind(&gate, accept).await,
            (expected.to_owned(), Some(vary.to_owned())),
            "{accept:?}"
        );
    }
}

#[tokio::test]
async fn the_built_in_documents_say_what_the_flag_says() {
    let until = r#"{
        "schema": 1, "mode": "read-only", "message": "Moving \"house\"",
        "until": "2999-01-01T00:00:00.5+01:00", "auto_off": true, "retry_after": 30
    }"#;
    let ask = async |flag: &str, accept| {
        let gate = builder(flag)
            .negotiate(true)
            .page(Page::built_in())
            .build()
            .unwrap();
        refused(&gate, Method::POST, &[("accept", accept)])
            .await
            .json()
    };
    let message = "Moving \"house\"";
    assert_eq!(
        ask(until, JSON).await,
        json!({
            "error": "maintenance", "message": message, "mode": "read-only",
            "until": "2998-12-31T23:00:00Z", "auto_off": true, "retry_after": 30,
        })
    );
    assert_eq!(
        ask(until, PROBLEM).await,
        json!({
            "type": "about:blank", "title": "Service Unavailable", "status": 503,
            "detail": message, "mode": "read-only",
            "until": "2998-12-31T23:00:00Z", "auto_off": true, "retry_after": 30,
        })
    );
    let on = ask("on", PROBLEM).await;
    assert!(
        on["detail"]
            .as_str()
            .unwrap()
            .contains("down for maintenance")
    );
    assert_eq!(
        (&on["until"], &on["auto_off"]),
        (&json!(null), &json!(false))
    );
    assert_eq!(
        (&on["mode"], &on["retry_after"]),
        (&json!("on"), &json!(120))
    );
    let read_only = ask(r#"{"schema": 1, "mode": "read-only"}"#, JSON).await;
    assert!(
        read_only["message"]
            .as_str()
            .unwrap()
            .contains("nothing was changed")
    );
}

#[tokio::test]
async fn a_page_of_the_apps_own_is_the_one_of_its_kind() {
    let (html, json) = (Page::html(b"<p>own"), Page::json(b"{\"own\":1}"));
    let both = negotiating(&[html.clone(), json.clone()]);
    let body = async |gate: &Gate, accept| {
        let answer = refused(gate, Method::GET, &[("accept", accept)]).await;
        let head = refused(gate, Method::HEAD, &[("accept", accept)]).await;
        let length = head.header("content-length").map(str::to_owned);
        assert_eq!(length, Some(answer.body.len().to_string()));
        answer.body
    };
    assert_eq!(body(&both, "text/html").await, "<p>own");
    assert_eq!(body(&both, JSON).await, "{\"own\":1}");
    assert!(body(&both, PROBLEM).await.contains("about:blank"));
    assert_eq!(body(&both, "*/*").await, "<p>own");

    // The order of the app's own pages holds where the client has none.
    let only_json = negotiating(&[json]);
    assert_eq!(body(&only_json, "*/*").await, "{\"own\":1}");
    assert!(
        body(&only_json, "text/html, */*;q=0.8")
            .await
            .contains("right back")
    );
    let only_html = negotiating(&[html]);
    assert_eq!(body(&only_html, "*/*").await, "<p>own");
    assert!(
        body(&only_html, JSON)
            .await
            .contains("\"error\":\"maintenance\"")
    );
    let (_, vary) = kind(&only_html, &["text/html"]).await;
    assert_eq!(
        vary.as_deref(),
        Some("Accept"),
        "the app's page has one language"
    );
}

#[tokio::test]
async fn both_pages_of_a_directory_are_used() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("maintenance.html"), "<p>own").unwrap();
    fs::write(directory.path().join("maintenance.json"), "{}").unwrap();
    let gate = builder(FLAG)
        .negotiate(true)
        .pages(directory.path())
        .build()
        .unwrap();
    assert_eq!(
        refused(&gate, Method::GET, &[("accept", JSON)]).await.body,
        "{}"
    );
    assert_eq!(refused(&gate, Method::GET, &[]).await.body, "<p>own");
    // A broken page is named, also where no client would get it.
    fs::write(directory.path().join("maintenance.json"), "").unwrap();
    captured();
    builder(FLAG).pages(directory.path()).build().unwrap();
    assert_eq!(captured().len(), 1);
}

#[tokio::test]
async fn without_negotiation_every_client_gets_the_first_page_in_order() {
    let (html, json) = (Page::html(b"<p>own"), Page::json(b"{}"));
    let gate = builder(FLAG).page(json.clone()).page(html).build().unwrap();
    for accept in [JSON, PROBLEM, "text/html", "*/*"] {
        assert_eq!(kind(&gate, &[accept]).await, (HTML.to_owned(), None));
    }
    let gate = builder(FLAG).page(json).build().unwrap();
    assert_eq!(kind(&gate, &["text/html"]).await, (JSON.to_owned(), None));
}

#[tokio::test]
async fn the_environment_asks_for_it() {
    let build = |value: &str| {
        let value = value.to_owned();
        builder(FLAG)
            .page(Page::built_in())
            .from_vars(move |name| (name == "MAINTENANCE_NEGOTIATE").then(|| value.clone()))
            .build()
    };
    for (value, expected) in [
        ("1", JSON),
        ("true", JSON),
        ("0", HTML),
        ("false", HTML),
        ("", HTML),
    ] {
        assert_eq!(
            kind(&build(value).unwrap(), &[JSON]).await.0,
            expected,
            "{value}"
        );
    }
    let error = build("yes").unwrap_err().to_string();
    assert!(error.contains("MAINTENANCE_NEGOTIATE"), "{error}");
}
