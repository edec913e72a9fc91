//! Which page is served, through axum and through lambda_http, with every header, to GET and HEAD.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axum::Router;
use axum::routing::get;
use http_body_util::BodyExt;
use lambda_http::lambda_runtime::LambdaEvent;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Context, Request, Response, service_fn};
use maintenance_gate::{Gate, MaintenanceLayer, MemorySource, Page};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use crate::support::{Answered, Shape, captured, demo};

const HTML: &str = "<!doctype html><p>“Soon.”</p>\n";
const JSON: &str = "{\"error\": \"soon\"}\n";

#[derive(Clone, Copy)]
enum File<'a> {
    None,
    Holds(&'a [u8]),
    Directory,
    Dangling,
}

fn put(directory: &Path, name: &str, file: File<'_>) {
    let path = directory.join(name);
    match file {
        File::None => {}
        File::Holds(bytes) => fs::write(path, bytes).unwrap(),
        File::Directory => fs::create_dir(path).unwrap(),
        // Not even root can read a link to itself.
        File::Dangling => std::os::unix::fs::symlink(name, path).unwrap(),
    }
}

#[tokio::test]
async fn the_first_page_in_order_that_can_be_served_is_served() {
    let html = File::Holds(HTML.as_bytes());
    let json = File::Holds(JSON.as_bytes());
    let two_megabytes = vec![b'x'; 2_000_000];
    let one_too_many = vec![b'x'; 512 * 1024 + 1];
    let utf_16: Vec<u8> = HTML.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked_html = format!("\u{feff}{HTML}");
    let marked_json = format!("\u{feff}{JSON}");
    let built_in = through_axum(&gate_with(Page::built_in()), "GET").await;
    let built_in = built_in.body.as_str();
    let (as_html, as_json) = ("text/html; charset=utf-8", "application/json");
    // The HTML file and the JSON file; then the page served, its type, and how many warnings.
    let cases = [
        (html, File::None, HTML, as_html, 0),
        (File::None, json, JSON, as_json, 0),
        (html, json, HTML, as_html, 0),
        (File::None, File::None, built_in, as_html, 0),
        (File::Directory, json, JSON, as_json, 1),
        (File::Dangling, json, JSON, as_json, 1),
        (File::Holds(b""), json, JSON, as_json, 1),
        (File::Holds(&two_megabytes), json, JSON, as_json, 1),
        (File::Holds(&one_too_many), json, JSON, as_json, 1),
        (File::Holds(b"\xff\xfe<p>"), json, JSON, as_json, 1),
        (File::Directory, File::Holds(b""), built_in, as_html, 2),
        (File::Holds(b""), File::None, built_in, as_html, 1),
        (html, File::Holds(b""), HTML, as_html, 1),
        (File::Holds(&utf_16), json, JSON, as_json, 1),
        (File::None, html, built_in, as_html, 1),
        (
            File::Holds(marked_html.as_bytes()),
            File::None,
            HTML,
            as_html,
            0,
        ),
        (
            File::None,
            File::Holds(marked_json.as_bytes()),
            JSON,
            as_json,
            0,
        ),
    ];
    for (number, (html, json, page, content_type, warnings)) in cases.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "maintenance.html", html);
        put(directory.path(), "maintenance.json", json);
        captured();
        let gate = demo()
            .source(MemorySource::new(
                r#"{"schema":1,"mode":"on","retry_after":77}"#,
            ))
            .pages(directory.path())
            .build()
            .unwrap();
        let warned: Vec<_> = captured();
        assert_eq!(warned.len(), warnings, "case {number}: {warned:?}");
        for event in warned {
            assert_eq!(event["fields"]["code"], "M404");
            assert_eq!(event["level"], "WARN");
            let path = event["fields"]["path"].as_str().unwrap();
            assert!(path.contains("/maintenance."), "case {number}: {path}");
            assert!(!event["fields"]["reason"].as_str().unwrap().is_empty());
        }
        let mut headers: BTreeMap<String, String> = [
            ("cache-control", "no-store"),
            ("content-type", content_type),
            ("retry-after", "77"),
            ("x-content-type-options", "nosniff"),
            ("x-maintenance", "on"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        // The built-in page has more to say, and says another thing to a POST: see `notices`.
        let is_built_in = page == built_in;
        if is_built_in {
            headers.insert("content-language".to_owned(), "en".to_owned());
            headers.insert("vary".to_owned(), "Accept-Language".to_owned());
        }
        for (method, body) in [("GET", page), ("POST", page), ("HEAD", "")] {
            if is_built_in && method == "POST" {
                continue;
            }
            let mut expected = Answered {
                status: 503,
                headers: headers.clone(),
                body: body.to_owned(),
            };
            let with_length = |mut answered: Answered| {
                let length = page.len().to_string();
                answered.headers.insert("content-length".to_owned(), length);
                answered
            };
            // Of a body whose length it knows axum says it; of a HEAD's only the gate knows.
            assert_eq!(
                through_axum(&gate, method).await,
                with_length(expected.clone()),
                "case {number}, {method} through axum"
            );
            if method == "HEAD" {
                expected = with_length(expected);
            }
            for shape in Shape::ALL {
                assert_eq!(
                    through_lambda_http(&gate, shape, method).await,
                    expected,
                    "case {number}, {method} through lambda_http, {shape:?}"
                );
            }
        }
    }
}

/// A gate that is on, with this page.
fn gate_with(page: Page) -> Gate {
    let source = MemorySource::new(r#"{"schema":1,"mode":"on","retry_after":77}"#);
    demo().source(source).page(page).build().unwrap()
}

#[tokio::test]
async fn when_it_is_off_the_app_answers_every_shape() {
    let gate = demo().source(MemorySource::new("off")).build().unwrap();
    for shape in Shape::ALL {
        let answered = through_lambda_http(&gate, shape, "GET").await;
        assert_eq!((answered.status, answered.body.as_str()), (200, "app"));
        assert!(!answered.headers.contains_key("x-maintenance"));
    }
    assert_eq!(through_axum(&gate, "GET").await.status, 200);
}

#[tokio::test]
async fn a_page_that_is_compiled_in_needs_no_directory() {
    let gate = demo()
        .source(MemorySource::new("on"))
        .page(maintenance_gate::page!("../../public/maintenance.json"))
        .build()
        .unwrap();
    let answered = through_axum(&gate, "GET").await;
    assert_eq!(answered.headers["content-type"], "application/json");
    let sample = include_str!("../../../../public/maintenance.json");
    let filled = sample.replace("{{message}}", "").replace("{{until}}", "");
    assert_eq!(answered.body, filled);
}

#[tokio::test]
async fn a_page_handed_over_is_checked_too() {
    captured();
    let gate = demo()
        .source(MemorySource::new("on"))
        .page(Page::html(vec![0xff]))
        .build()
        .unwrap();
    assert_eq!(captured()[0]["fields"]["code"], "M404");
    for _ in 0..2 {
        let answered = through_axum(&gate, "GET").await;
        assert!(answered.body.contains("right back"));
    }
    assert!(captured().iter().all(|it| it["fields"]["code"] != "M404"));
}

#[test]
fn the_sample_pages_can_be_served() {
    let public = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../public");
    let html = fs::read_to_string(public.join("maintenance.html")).unwrap();
    for external in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!html.contains(external), "{external}");
    }
    let json = fs::read_to_string(public.join("maintenance.json")).unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(&json)
            .unwrap()
            .is_object()
    );
}

#[tokio::test]
async fn reads_accept_and_accept_language_in_every_shape() {
    let gate = demo()
        .source(MemorySource::new("on"))
        .page(Page::built_in())
        .negotiate(true)
        .build()
        .unwrap();
    let with = |shape: Shape, method: &str, headers: &[(&str, &str)]| {
        let mut event = shape.event(method, "/");
        for (name, value) in headers {
            if let Some(single) = event.get_mut("headers") {
                single[*name] = json!(value);
            }
            if let Some(multi) = event.get_mut("multiValueHeaders") {
                multi[*name] = json!([value]);
            }
        }
        event
    };
    for shape in Shape::ALL {
        let mut answers = Vec::new();
        for (method, headers) in [
            (
                "GET",
                &[("accept", "text/html"), ("accept-language", "fr")][..],
            ),
            ("GET", &[("accept", "application/json")]),
        ] {
            // A name is in one case only, or there would be two of it.
            let mut event = with(shape, method, headers);
            for map in ["headers", "multiValueHeaders"] {
                if let Some(map) = event.get_mut(map).and_then(Value::as_object_mut) {
                    map.shift_remove("Accept");
                }
            }
            let answered = event_through_lambda_http(&gate, shape, &event).await;
            let plain = gate.check_event(&event).await.unwrap();
            assert_eq!(shape.answered(&plain), answered, "{shape:?}");
            answers.push(answered);
        }
        let [html, json] = answers.try_into().unwrap();
        assert_eq!(html.headers["content-language"], "fr", "{shape:?}");
        assert_eq!(html.headers["vary"], "Accept, Accept-Language");
        assert_eq!(
            json.headers["content-type"], "application/json",
            "{shape:?}"
        );
    }
}

async fn through_axum(gate: &Gate, method: &str) -> Answered {
    let app = Router::new()
        .route("/", get(async || "app").post(async || "app"))
        .layer(MaintenanceLayer::new(gate.clone()));
    let request = http::Request::builder().method(method).uri("/");
    let response = app
        .oneshot(request.body(axum::body::Body::empty()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Answered {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
    }
}

async fn through_lambda_http(gate: &Gate, shape: Shape, method: &str) -> Answered {
    event_through_lambda_http(gate, shape, &shape.event(method, "/")).await
}

async fn event_through_lambda_http(gate: &Gate, shape: Shape, event: &Value) -> Answered {
    let app = service_fn(|_: Request| async {
        Ok::<_, lambda_http::Error>(Response::new(Body::from("app")))
    });
    let service = MaintenanceLayer::new(gate.clone()).layer(app);
    let request: LambdaRequest = serde_json::from_str(&event.to_string()).unwrap();
    let answer = Adapter::from(service)
        .oneshot(LambdaEvent::new(request, Context::default()))
        .await
        .unwrap();
    shape.answered(&serde_json::to_value(answer).unwrap())
}
