//! What a browser app on another origin gets: the headers here, a real browser in `tests/e2e`.

use http::Method;
use maintenance_gate::{Builder, Cors, Gate, MemorySource, Mode, Page};

use crate::support::{captured, demo, refused};

const APP: &str = "https://app.example.com";
const OTHER: &str = "https://other.example.com";
const PREFLIGHT: [(&str, &str); 3] = [
    ("origin", APP),
    ("access-control-request-method", "PUT"),
    ("access-control-request-headers", "content-type, x-custom"),
];

fn builder() -> Builder {
    demo()
        .source(MemorySource::new("on"))
        .page(Page::html(b"<p>own"))
}

fn listed() -> Gate {
    builder()
        .cors(Cors::origins(["https://first.example", APP]))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_listed_origin_sees_the_answer_and_no_other_does() {
    let gate = listed();
    let answer = refused(&gate, Method::POST, &[("origin", APP)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "<p>own"));
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-credentials", "true"),
        (
            "access-control-expose-headers",
            "Retry-After, X-Maintenance",
        ),
        ("vary", "Origin"),
        ("retry-after", "120"),
        ("x-maintenance", "on"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    for origin in [
        OTHER,
        "null",
        "",
        "https://app.example.com.evil.example",
        "https://app.example.co",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://APP.example.com",
    ] {
        let answer = refused(&gate, Method::GET, &[("origin", origin)]).await;
        assert_eq!(answer.status, 503);
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control"))
        );
        assert_eq!(
            answer.header("vary"),
            Some("Origin"),
            "for caches on the way"
        );
    }
    let same_origin = refused(&gate, Method::GET, &[]).await;
    assert_eq!(same_origin.header("access-control-allow-origin"), None);
    assert_eq!(same_origin.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn any_origin_sees_the_answer_without_credentials() {
    let gate = builder().cors(Cors::any()).build().unwrap();
    for headers in [&[][..], &[("origin", APP)], &[("origin", "null")]] {
        let answer = refused(&gate, Method::GET, headers).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("Retry-After, X-Maintenance")
        );
        assert_eq!(answer.header("vary"), None);
    }
}

#[tokio::test]
async fn a_preflight_is_answered_and_is_no_blocked_request() {
    let gate = listed();
    // The first request learns the state.
    refused(&gate, Method::GET, &[]).await;
    captured();
    let answer = refused(&gate, Method::OPTIONS, &PREFLIGHT).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "content-type, x-custom"),
        ("access-control-max-age", "5"),
        ("cache-control", "no-store"),
        ("x-maintenance", "on"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(
        captured().len(),
        0,
        "the request that follows is the one to count"
    );

    let without_headers = refused(&gate, Method::OPTIONS, &PREFLIGHT[..2]).await;
    assert_eq!(without_headers.status, 204);
    assert_eq!(without_headers.header("access-control-allow-headers"), None);
    let any = builder().cors(Cors::any()).build().unwrap();
    let answer = refused(&any, Method::OPTIONS, &PREFLIGHT).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn what_is_no_preflight_or_not_of_a_listed_origin_is_answered_503() {
    let gate = listed();
    let mut other = PREFLIGHT;
    other[0].1 = OTHER;
    for (method, headers) in [
        (Method::OPTIONS, &other[..]),
        (Method::OPTIONS, &PREFLIGHT[1..]),
        (Method::OPTIONS, &PREFLIGHT[..1]),
        (Method::POST, &PREFLIGHT[..]),
    ] {
        let answer = refused(&gate, method, headers).await;
        assert_eq!(answer.status, 503, "{headers:?}");
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}

#[tokio::test]
async fn unless_it_is_configured_nobody_is_answered_anything_of_it() {
    let gate = builder().build().unwrap();
    for (method, headers) in [
        (Method::GET, &PREFLIGHT[..1]),
        (Method::OPTIONS, &PREFLIGHT[..]),
    ] {
        let answer = refused(&gate, method, headers).await;
        assert_eq!(answer.status, 503);
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control"))
        );
        assert_eq!(answer.header("vary"), None);
    }
}

#[tokio::test]
async fn it_goes_with_negotiation_and_languages() {
    let gate = demo()
        .source(MemorySource::new("on"))
        .page(Page::built_in())
        .negotiate(true)
        .cors(Cors::origins([APP]))
        .build()
        .unwrap();
    let html = refused(&gate, Method::GET, &[("origin", APP)]).await;
    assert_eq!(html.header("vary"), Some("Accept, Accept-Language, Origin"));
    let asked = [("origin", APP), ("accept", "application/json")];
    let json = refused(&gate, Method::GET, &asked).await;
    assert_eq!(json.header("vary"), Some("Accept, Origin"));
    assert_eq!(json.header("access-control-allow-origin"), Some(APP));
}

#[tokio::test]
async fn a_read_only_window_leaves_preflights_to_the_app() {
    let gate = demo()
        .source(MemorySource::new(r#"{"schema": 1, "mode": "read-only"}"#))
        .cors(Cors::any())
        .build()
        .unwrap();
    let posted = refused(&gate, Method::POST, &[("origin", APP)]).await;
    assert_eq!(posted.header("access-control-allow-origin"), Some("*"));
    assert_eq!(gate.last_known(), Some(Mode::ReadOnly));
    let mut preflight = http::Request::builder().method(Method::OPTIONS);
    for (name, value) in PREFLIGHT {
        preflight = preflight.header(name, value);
    }
    let preflight = preflight.body(()).unwrap().into_parts().0;
    assert!(gate.check(&preflight).await.into_response().is_none());
}

#[tokio::test]
async fn the_environment_lists_origins() {
    let build = |value: &str| {
        let value = value.to_owned();
        builder()
            .from_vars(move |name| (name == "MAINTENANCE_CORS_ORIGINS").then(|| value.clone()))
            .build()
    };
    let allowed = async |value: &str| {
        let gate = build(value).unwrap();
        let answer = refused(&gate, Method::GET, &[("origin", APP)]).await;
        answer
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    assert_eq!(allowed("*").await.as_deref(), Some("*"));
    assert_eq!(
        allowed("https://a.example, https://app.example.com")
            .await
            .as_deref(),
        Some(APP)
    );
    assert_eq!(allowed("https://a.example").await, None);
    assert_eq!(allowed("").await, None);
    for bad in [
        "https://a.example/",
        "*,https://a.example",
        "app.example.com",
        ",",
        "null",
    ] {
        let error = build(bad).unwrap_err().to_string();
        assert!(
            error.contains("CORS") && error.contains("MAINTENANCE_CORS_ORIGINS"),
            "{error}"
        );
    }
}
