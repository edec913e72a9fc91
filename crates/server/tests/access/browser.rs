//! What a browser may send and what it is told.

use axum::body::Body;
use http::Request;
use maintenance_flag::Scope;

use crate::support::{Server, request, with_token};

#[tokio::test(start_paused = true)]
async fn a_page_of_another_site_changes_nothing() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let cookie = server.sign_in(&token).await;
    let put = |headers: &[(&str, &str)]| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend(headers);
        request("PUT", "/api/products/shop", &all)
    };
    for foreign in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://maintenance.example:8080")],
        &[
            ("origin", "http://maintenance.example"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let answer = server.send(put(foreign)).await;
        answer.problem(403, "forbidden");
    }
    for own in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("origin", "http://maintenance.example")],
        // No browser: a browser sends at least one of them.
        &[],
    ] {
        assert_eq!(server.send(put(own)).await.status, 200, "{own:?}");
    }
    // Nor is a person signed in as another by it.
    let foreign = [("sec-fetch-site", "cross-site")];
    let answer = server.send(request("POST", "/login", &foreign)).await;
    answer.problem(403, "forbidden");
    // No other site can send a token.
    let mut with_token = with_token("PUT", "/api/products/shop", &token);
    let origin = "https://ci.example".parse().unwrap();
    with_token.headers_mut().insert("origin", origin);
    assert_eq!(server.send(with_token).await.status, 200);
    // Another scheme than Bearer does not spare the check.
    let basic = put(&[
        ("authorization", "Basic YTpi"),
        ("sec-fetch-site", "cross-site"),
    ]);
    server.send(basic).await.problem(403, "forbidden");
}

#[tokio::test(start_paused = true)]
async fn every_answer_tells_a_browser_what_not_to_do_with_it() {
    let server = Server::new();
    let token = server.token("ana", Scope::Read).await;
    for path in ["/api/me", "/healthz", "/nowhere", "/style.css"] {
        for token in [&token, "wrong"] {
            let answer = server.get(path, token).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; "));
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            let may_be_kept = path == "/style.css" && answer.status == 200;
            let kept = if may_be_kept {
                "max-age=3600"
            } else {
                "no-store"
            };
            assert_eq!(answer.header("cache-control"), kept, "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_body_and_a_slow_answer_are_cut_off() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let body = |bytes: usize| {
        let request = Request::builder().method("PUT").uri("/api/products/shop");
        let request = request.header("authorization", format!("Bearer {token}"));
        request.body(Body::from("x".repeat(bytes))).unwrap()
    };
    assert_eq!(server.send(body(64 * 1024)).await.status, 200);
    assert_eq!(server.send(body(64 * 1024 + 1)).await.status, 413);
    let begun = tokio::time::Instant::now();
    server
        .get("/api/slow", &token)
        .await
        .problem(504, "timeout");
    assert_eq!(begun.elapsed().as_secs(), 30);
}
