//! Sessions of the console.

use maintenance_flag::Scope;
use maintenance_sandbox::{Fault, Sandbox};
use maintenance_server::access::Options;

use crate::support::{Server, login, pass, request, sandbox, with_cookie};

#[tokio::test(start_paused = true)]
async fn a_person_signs_in_with_a_token_and_out_again() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let answer = server.send(login(&format!(" {token} "), "/history")).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/history");
    let cookie = answer.cookie();
    let me = server.browse("/api/me", &cookie).await.json();
    assert_eq!(me["by"], "ana");
    assert_eq!(me["session"], true);

    let answer = server.send(with_cookie("POST", "/logout", &cookie)).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("set-cookie").starts_with("maintenance=; "));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    server
        .browse("/api/me", &cookie)
        .await
        .problem(401, "unauthorized");
    let left = server.sandbox.parameters().into_keys();
    assert!(!left.into_iter().any(|name| name.contains("/sessions/")));
    assert_eq!(server.get("/api/me", &token).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_session_counts_from_the_moment_it_begins_and_no_more_once_it_ends_however_old_reads_are()
{
    let mut settings = sandbox().settings().clone();
    settings.ssm.read_lag = 2;
    let server = Server::over(Sandbox::new(settings), Options::default());
    let token = server.token("ana", Scope::Write).await;
    // A new token is found once a read shows it.
    for _ in 0..10 {
        pass(6).await;
        server.get("/api/me", &token).await;
    }
    let cookie = server.sign_in(&token).await;
    for second in 0..30 {
        let me = server.browse("/api/me", &cookie).await;
        assert_eq!(me.status, 200, "after {second} s: {me:?}");
        pass(1).await;
    }
    let out = server.send(with_cookie("POST", "/logout", &cookie)).await;
    assert_eq!(out.status, 303, "{out:?}");
    for second in 0..30 {
        let me = server.browse("/api/me", &cookie).await;
        assert_eq!(me.status, 401, "after {second} s: {me:?}");
        pass(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let answer = server.send(login(&token, "/")).await;
    let cookie = answer.header("set-cookie");
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with("maintenance=mns_"), "{value}");
    assert_eq!(
        attributes,
        "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
    );

    let options = Options {
        secure: true,
        ..Options::default()
    };
    let server = Server::over(server.sandbox.clone(), options);
    let answer = server.send(login(&token, "/")).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-maintenance=mns_"), "{cookie}");
    assert!(
        cookie.ends_with("HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    // A cookie that another host of the domain could have set is not taken.
    let plain = answer.cookie().replacen("__Host-", "", 1);
    server
        .browse("/api/me", &plain)
        .await
        .problem(401, "unauthorized");
    let both = format!("theme=dark; {plain}; {}", answer.cookie());
    assert_eq!(server.browse("/api/me", &both).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_session_survives_a_restart_and_counts_at_every_instance() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let cookie = server.sign_in(&token).await;
    let other = Server::over(server.sandbox.clone(), Options::default());
    assert_eq!(other.browse("/api/me", &cookie).await.status, 200);
    // Signed out there, it is over here as soon as a read shows that, or after the time that reads may lag.
    other.send(with_cookie("POST", "/logout", &cookie)).await;
    other
        .browse("/api/me", &cookie)
        .await
        .problem(401, "unauthorized");
    pass(16).await;
    server
        .browse("/api/me", &cookie)
        .await
        .problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_twelve_hours_and_with_its_token() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let first = server.sign_in(&token).await;
    pass(12 * 3_600 - 1).await;
    assert_eq!(server.browse("/api/me", &first).await.status, 200);
    pass(1).await;
    server
        .browse("/api/me", &first)
        .await
        .problem(401, "unauthorized");

    let second = server.sign_in(&token).await;
    server.stored.revoke("ana").await.unwrap();
    pass(6).await;
    server
        .browse("/api/me", &second)
        .await
        .problem(401, "unauthorized");
    // Both are removed when a person signs in next.
    let token = server.token("ben", Scope::Read).await;
    pass(3).await;
    server.sign_in(&token).await;
    let names = server.sandbox.parameters().into_keys();
    let sessions = names.filter(|name| name.contains("/sessions/"));
    assert_eq!(sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_has_at_most_twenty_sessions() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let first = server.sign_in(&token).await;
    let mut last = String::new();
    for _ in 0..20 {
        pass(1).await;
        last = server.sign_in(&token).await;
    }
    server
        .browse("/api/me", &first)
        .await
        .problem(401, "unauthorized");
    assert_eq!(server.browse("/api/me", &last).await.status, 200);
    let names = server.sandbox.parameters().into_keys();
    assert_eq!(names.filter(|name| name.contains("/sessions/")).count(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_asked_for_comes_after_signing_in_and_no_other_site_does() {
    let server = Server::new();
    let html = [("accept", "text/html,application/xhtml+xml")];
    let answer = server
        .send(request("GET", "/?app=shop&page=2", &html))
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        "/login?next=/%3Fapp%3Dshop%26page%3D2"
    );
    let answer = server.send(request("POST", "/logout", &html)).await;
    assert_eq!(answer.header("location"), "/login");
    let token = server.token("ana", Scope::Write).await;
    for next in [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
    ] {
        let answer = server.send(login(&token, next)).await;
        assert_eq!(answer.header("location"), "/", "{next}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_sign_ins_are_limited_and_say_nothing_about_the_token() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    for _ in 0..10 {
        let answer = server.send(login("mnt_wrong", "/")).await;
        answer.problem(401, "unauthorized");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert!(!answer.body.contains("mnt_wrong"));
    }
    let answer = server.send(login("mnt_wrong", "/")).await;
    answer.problem(429, "too_many_requests");
    assert_eq!(answer.header("retry-after"), "60");
    // It is no way to lock a person out.
    assert_eq!(server.send(login(&token, "/")).await.status, 303);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_stored_or_ended_is_said_to_be_so() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let cookie = server.sign_in(&token).await;
    server
        .sandbox
        .inject(Fault::any_write().always().access_denied());
    server.send(login(&token, "/")).await.problem(503, "aws");
    let answer = server.send(with_cookie("POST", "/logout", &cookie)).await;
    answer.problem(503, "aws");
    assert_eq!(server.browse("/api/me", &cookie).await.status, 200);
}
