//! The audit log: complete, on one line each, and without secrets.

use axum::body::Body;
use maintenance_flag::Scope;

use crate::support::{Log, Server, login, with_cookie, with_token};

#[tokio::test(start_paused = true)]
async fn every_change_and_every_refusal_is_one_line_that_cannot_be_forged() {
    let log = Log::new();
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let reader = server.token("reader", Scope::Read).await;
    let cookie = server.sign_in(&token).await;
    let mut change = with_token("PUT", "/api/products/shop?x=%0Ay", &token);
    *change.body_mut() =
        Body::from("why\nnot\r\u{1b}[31m INFO maintenance::audit: request by=root");
    assert_eq!(server.send(change).await.status, 200);
    server
        .send(with_token("PUT", "/api/products/shop", &reader))
        .await;
    server.get("/api/me", &token).await;
    server.get("/api/me", "mnt_forged").await;
    server.send(with_cookie("POST", "/logout", &cookie)).await;
    let lines = log.audit();
    let has = |n: usize, parts: &[&str]| {
        let line = &lines[n];
        for part in parts {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    };
    has(
        0,
        &[
            "signed in",
            "by=\"ana\"",
            "scope=write",
            "client=\"192.0.2.1\"",
            "session=",
        ],
    );
    has(
        1,
        &[
            "by=\"ana\"",
            "method=PUT",
            "path=\"/api/products/shop\"",
            "status=200",
            "note=Normal to Maintenance: why\\nnot\\r\\u{1b}[31m",
        ],
    );
    has(2, &["by=\"reader\"", "status=403"]);
    has(
        3,
        &[
            "refused: the token is not valid",
            "status=401",
            "client=\"192.0.2.1\"",
        ],
    );
    has(4, &["signed out", "by=\"ana\""]);
    has(5, &["method=POST", "path=\"/logout\"", "status=303"]);
    assert_eq!(lines.len(), 6, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_is_in_the_log_all_the_same() {
    let log = Log::new();
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let change = server.send(with_token("PUT", "/api/slow", &token));
    let second = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(second, change).await.is_err());
    let lines = log.audit();
    let [line] = lines.as_slice() else {
        panic!("{lines:#?}");
    };
    for part in ["the client hung up", "by=\"ana\"", "path=\"/api/slow\""] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_logged_however_much_is_logged() {
    let log = Log::new();
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let cookie = server.sign_in(&token).await;
    server.get("/api/me", &token).await;
    server.browse("/api/me", &cookie).await;
    let wrong = format!("{}x", &token[..token.len() - 1]);
    server.get("/api/me", &wrong).await;
    server.send(login(&wrong, "/")).await;
    let text = log.text();
    assert!(text.contains("maintenance::audit"), "{text}");
    for secret in [&token, &cookie, &wrong] {
        let secret = &secret[secret.len() - 40..];
        assert!(!text.contains(secret));
    }
}

#[tokio::test(start_paused = true)]
async fn that_wrong_tokens_are_throttled_is_one_line() {
    let log = Log::new();
    let server = Server::new();
    for _ in 0..30 {
        server.get("/api/me", "mnt_forged").await;
    }
    let lines = log.audit();
    assert_eq!(lines.len(), 11, "{lines:#?}");
    for part in [
        "refused: too many tokens",
        "status=429",
        "client=\"192.0.2.1\"",
    ] {
        assert!(lines[10].contains(part), "{part} is not in {}", lines[10]);
    }
}
