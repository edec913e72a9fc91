//! People whom a proxy has signed in.

use http::HeaderValue;
use maintenance_flag::Scope;
use maintenance_server::access::{NamedBy, Options, ProxyUser};

use crate::support::{Server, request};

fn server(scope: Scope) -> Server {
    Server::with(Options {
        secure: true,
        behind_proxy: true,
        user: Some(ProxyUser {
            named_by: NamedBy::Header("x-forwarded-user".parse().unwrap()),
            scope,
        }),
    })
}

#[tokio::test(start_paused = true)]
async fn a_person_whom_the_proxy_names_is_let_in_as_the_server_was_told() {
    let server = server(Scope::Read);
    let ana = [("x-forwarded-user", "ana@example.com")];
    let me = server.send(request("GET", "/api/me", &ana)).await.json();
    assert_eq!(me["by"], "ana@example.com");
    assert_eq!(
        (&me["scope"], &me["session"]),
        (&"read".into(), &false.into())
    );
    let answer = server
        .send(request("PUT", "/api/products/shop", &ana))
        .await;
    answer.problem(403, "forbidden");
    // No page of another site acts as that person.
    let server = self::server(Scope::Write);
    let foreign = [ana[0], ("sec-fetch-site", "cross-site")];
    let answer = server
        .send(request("PUT", "/api/products/shop", &foreign))
        .await;
    answer.problem(403, "forbidden");
    let own = [ana[0], ("sec-fetch-site", "same-origin")];
    let answer = server
        .send(request("PUT", "/api/products/shop", &own))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_header_means_nothing_unless_the_server_was_told_so() {
    let server = Server::with(Options {
        secure: true,
        behind_proxy: true,
        user: None,
    });
    let ana = [("x-forwarded-user", "ana@example.com")];
    let answer = server.send(request("GET", "/api/me", &ana)).await;
    answer.problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_none_or_twice_there_lets_no_person_in() {
    let server = server(Scope::Write);
    for value in [
        &b"a\tb"[..],
        b"\xff",
        "x".repeat(300).as_bytes(),
        "a\u{85}b".as_bytes(),
    ] {
        let mut odd = request("GET", "/api/me", &[]);
        let value = HeaderValue::from_bytes(value).unwrap();
        odd.headers_mut().insert("x-forwarded-user", value);
        server.send(odd).await.problem(401, "unauthorized");
    }
    let twice = [("x-forwarded-user", "root"), ("x-forwarded-user", "ana")];
    let answer = server.send(request("GET", "/api/me", &twice)).await;
    answer.problem(401, "unauthorized");
    let empty = [("x-forwarded-user", " ")];
    let answer = server.send(request("GET", "/api/me", &empty)).await;
    answer.problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_before_the_proxys_user() {
    let server = server(Scope::Write);
    let bot = server.token("bot", Scope::Read).await;
    let headers = [
        ("x-forwarded-user", "ana@example.com"),
        ("authorization", &format!("Bearer {bot}")),
    ];
    let me = server
        .send(request("GET", "/api/me", &headers))
        .await
        .json();
    assert_eq!(me["by"], "bot");
    let wrong = [headers[0], ("authorization", "Bearer mnt_wrong")];
    let answer = server.send(request("GET", "/api/me", &wrong)).await;
    answer.problem(401, "unauthorized");
}
