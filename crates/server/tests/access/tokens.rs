//! Tokens: which are valid, for what, and what wrong ones cost.

use std::time::Duration;

use maintenance_flag::{AccessKind, AccessSecret, Scope};
use maintenance_sandbox::Fault;
use maintenance_server::access::{NewToken, TokenError};

use crate::support::{
    Server, after_start, app, new_token, pass, request, stored, with_cookie, with_token,
};

#[tokio::test(start_paused = true)]
async fn a_token_lets_in_as_what_it_was_made_for() {
    let server = Server::new();
    let write = server.token("release-bot", Scope::Write).await;
    let observe = server.token("database", Scope::Observe).await;
    let answer = server.get("/api/me", &write).await;
    assert_eq!(answer.status, 200);
    let me = answer.json();
    assert_eq!(me["by"], "release-bot");
    assert_eq!(me["scope"], "write");
    assert_eq!(me["session"], false);
    assert_eq!(me["actor"], "Person");
    // The owner comes from the token, and from nothing that a request says.
    let me = server.get("/api/me?source=manual", &observe).await.json();
    assert_eq!(me["actor"], "Observer(\"database\")");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_token_is_told_how_to_send_one() {
    let server = Server::new();
    let answer = server.send(request("GET", "/api/me", &[])).await;
    answer.problem(401, "unauthorized");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"maintenance\""
    );
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .contains("maintenance token new")
    );
    assert_eq!(server.calls(), 0, "nothing was read for it");
    assert_eq!(
        server.send(request("GET", "/healthz", &[])).await.status,
        200
    );
    assert_eq!(
        server.send(request("GET", "/nowhere", &[])).await.status,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn forged_and_truncated_tokens_are_refused() {
    let server = Server::new();
    let token = server.token("release-bot", Scope::Write).await;
    let id = &token[4..14];
    let last = if token.ends_with('A') { 'B' } else { 'A' };
    let other_secret = format!("{}{last}", &token[..token.len() - 1]);
    let other_id = token.replacen(id, "0000000000", 1);
    let hash = server.stored.tokens().await.unwrap()[0]
        .token
        .clone()
        .unwrap()
        .hash;
    for (n, forged) in [
        other_secret.as_str(),
        &other_id,
        &token[..token.len() - 1],
        &token[1..],
        &format!("{token}A"),
        &token.to_uppercase(),
        &token.replacen("mnt_", "mns_", 1),
        &format!("mnt_{id}_{hash}"),
        "",
        "null",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = server.get("/api/me", forged).await;
        let expected = if n < 10 {
            "unauthorized"
        } else {
            "too_many_requests"
        };
        assert_eq!(answer.json()["code"], expected, "{forged:?}");
    }
    // What is not even text is no reason to let it in as someone without a token.
    pass(60).await;
    let mut odd = with_token("GET", "/api/me", &token);
    let bytes = http::HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    odd.headers_mut().insert("authorization", bytes);
    server.send(odd).await.problem(401, "unauthorized");
    assert_eq!(server.get("/api/me", &token).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_refused_from_its_last_second_on() {
    let server = Server::new();
    let expires = Some(after_start(1));
    let new = NewToken {
        expires,
        ..new_token("guest", Scope::Read)
    };
    let token = server.create(new).await.reveal();
    pass(3_599).await;
    assert_eq!(server.get("/api/me", &token).await.status, 200);
    pass(1).await;
    server
        .get("/api/me", &token)
        .await
        .problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_refused_five_seconds_later_at_the_latest() {
    let server = Server::new();
    let token = server.token("release-bot", Scope::Write).await;
    assert_eq!(server.get("/api/me", &token).await.status, 200);
    // By the command, elsewhere.
    let elsewhere = stored(&server.sandbox, app("dev"));
    elsewhere.revoke("release-bot").await.expect("revoked");
    pass(6).await;
    server
        .get("/api/me", &token)
        .await
        .problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn events_end_with_the_token_that_they_were_asked_with() {
    let server = Server::new();
    let token = server.token("dashboard", Scope::Read).await;
    let cookie = server.sign_in(&token).await;
    let streams = || {
        let by_token = server.send(with_token("GET", "/api/stream", &token));
        let by_cookie = server.send(with_cookie("GET", "/api/stream", &cookie));
        async { tokio::join!(by_token, by_cookie) }
    };
    let hours = Duration::from_secs(8 * 3_600);
    let both = tokio::time::timeout(hours, streams()).await;
    assert!(both.is_err(), "they go on");
    let ((by_token, by_cookie), revoked) = tokio::join!(streams(), async {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        server.stored.revoke("dashboard").await.expect("revoked");
        tokio::time::Instant::now()
    });
    assert_eq!((by_token.status, by_cookie.status), (200, 200));
    let lasted = revoked.elapsed();
    assert!(lasted <= Duration::from_secs(16), "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_token_lets_in_after_two_seconds_though_others_are_known() {
    let server = Server::new();
    let first = server.token("first", Scope::Read).await;
    assert_eq!(server.get("/api/me", &first).await.status, 200);
    let second = server.token("second", Scope::Read).await;
    pass(3).await;
    assert_eq!(server.get("/api/me", &second).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_environment_is_refused_even_if_it_is_copied() {
    let server = Server::new();
    let prod = stored(&server.sandbox, app("prod"));
    let (secret, token) = prod.create(new_token("bot", Scope::Write)).await.unwrap();
    server
        .get("/api/me", &secret.reveal())
        .await
        .problem(401, "unauthorized");
    let name = format!("/maintenance/demo-dev/tokens/{}", secret.id());
    server.sandbox.set_parameter(&name, &token.encode());
    pass(6).await;
    server
        .get("/api/me", &secret.reveal())
        .await
        .problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_read_lets_no_caller_in_and_keeps_no_other_out() {
    let server = Server::new();
    let token = server.token("release-bot", Scope::Write).await;
    let later = AccessSecret::from_random(AccessKind::Token, [3; AccessSecret::RANDOM]);
    let name = format!("/maintenance/demo-dev/tokens/{}", later.id());
    let hash = later.hash(&app("dev"));
    let document = format!(
        r#"{{"schema":2,"name":"later","scope":"write","hash":"{hash}","created":"2026-11-29T08:00:00Z","by":"ben"}}"#
    );
    server.sandbox.set_parameter(&name, &document);
    server
        .sandbox
        .set_parameter("/maintenance/demo-dev/tokens/x", "on");
    server
        .get("/api/me", &later.reveal())
        .await
        .problem(401, "unauthorized");
    assert_eq!(server.get("/api/me", &token).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn another_products_token_and_a_readers_are_told_what_they_lack() {
    let server = Server::new();
    let limited = NewToken {
        products: Some([("shop").parse().unwrap()].into()),
        ..new_token("shop-bot", Scope::Write)
    };
    let limited = server.create(limited).await.reveal();
    let reader = server.token("reader", Scope::Read).await;
    let shop = "/api/products/shop";
    let billing = "/api/products/billing";
    assert_eq!(server.get(shop, &limited).await.status, 200);
    assert_eq!(
        server.send(with_token("PUT", shop, &limited)).await.status,
        200
    );
    for method in ["GET", "PUT"] {
        let answer = server.send(with_token(method, billing, &limited)).await;
        answer.problem(403, "forbidden");
        assert_eq!(answer.json()["missing"], "product:billing");
    }
    assert_eq!(server.get(billing, &reader).await.status, 200);
    let answer = server.send(with_token("PUT", billing, &reader)).await;
    answer.problem(403, "forbidden");
    assert_eq!(answer.json()["missing"], "write");
    assert_eq!(
        answer.json()["detail"],
        "reader has scope read, and this needs scope write"
    );
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_wrong_tokens_cost_a_bounded_number_of_calls_and_keep_no_caller_out() {
    let server = Server::new();
    let token = server.token("release-bot", Scope::Write).await;
    server.calls();
    let mut refused = [0, 0];
    for n in 0..10_000_u32 {
        let mut random = [0; AccessSecret::RANDOM];
        for (to, from) in random.iter_mut().zip(n.to_be_bytes().iter().cycle()) {
            *to = *from;
        }
        let wrong = AccessSecret::from_random(AccessKind::Token, random).reveal();
        let answer = server.get("/api/me", &wrong).await;
        match answer.status {
            401 => refused[0] += 1,
            429 => {
                refused[1] += 1;
                let seconds: u32 = answer.header("retry-after").parse().unwrap();
                assert!((1..=60).contains(&seconds));
            }
            other => panic!("{other}"),
        }
        tokio::time::advance(Duration::from_millis(2)).await;
    }
    // In these 20 seconds: what is known is read every two of them, by two calls, or four where a page of
    // the answer is empty.
    let calls = server.calls();
    assert!(calls <= 40, "{calls} calls");
    assert_eq!(refused, [10, 9_990]);
    assert_eq!(server.get("/api/me", &token).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_does_not_answer_what_is_known_lets_in_for_a_minute() {
    let server = Server::new();
    let known = server.token("known", Scope::Read).await;
    assert_eq!(server.get("/api/me", &known).await.status, 200);
    let unknown = server.token("unknown", Scope::Read).await;
    server.sandbox.inject(Fault::any_call().always().hang());
    pass(40).await;
    assert_eq!(server.get("/api/me", &known).await.status, 200);
    server
        .get("/api/me", &unknown)
        .await
        .problem(401, "unauthorized");
    pass(30).await;
    for token in [&known, &unknown] {
        let answer = server.get("/api/me", token).await;
        answer.problem(503, "aws");
        assert_eq!(answer.header("retry-after"), "5");
    }
    server.sandbox.clear_faults();
    pass(10).await;
    assert_eq!(server.get("/api/me", &unknown).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_is_answered_without_what_it_said() {
    let server = Server::new();
    let token = server.token("bot", Scope::Read).await;
    server
        .sandbox
        .inject(Fault::any_call().always().access_denied());
    let answer = server.get("/api/me", &token).await;
    answer.problem(503, "aws");
    assert!(!answer.body.contains("arn:"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_no_token_and_a_token_no_session() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let cookie = server.sign_in(&token).await;
    let (name, session) = cookie.split_once('=').unwrap();
    server
        .get("/api/me", session)
        .await
        .problem(401, "unauthorized");
    let as_token = session.replacen("mns_", "mnt_", 1);
    server
        .get("/api/me", &as_token)
        .await
        .problem(401, "unauthorized");
    for value in [token.clone(), token.replacen("mnt_", "mns_", 1)] {
        let cookie = format!("{name}={value}");
        let answer = server.send(with_cookie("GET", "/api/me", &cookie)).await;
        answer.problem(401, "unauthorized");
    }
    // Of both, the token counts: a wrong one is not made good by a cookie.
    let headers = [("authorization", "Bearer wrong"), ("cookie", &cookie)];
    let answer = server.send(request("GET", "/api/me", &headers)).await;
    answer.problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_among_valid_tokens_and_free_again_afterwards() {
    let server = Server::new();
    server.token("bot", Scope::Read).await;
    let again = server.stored.create(new_token("bot", Scope::Write)).await;
    assert!(
        matches!(again, Err(TokenError::NameTaken { .. })),
        "{again:?}"
    );
    server.stored.revoke("bot").await.unwrap();
    let id = server
        .create(new_token("bot", Scope::Write))
        .await
        .id()
        .to_string();
    assert_eq!(server.stored.tokens().await.unwrap().len(), 2);
    let unknown = server.stored.revoke("bort").await;
    let Err(TokenError::NotFound { names, .. }) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(names, ["bot"]);
    let (revoked, _) = server.stored.revoke(&id).await.unwrap();
    assert!(revoked.token.unwrap().revoked.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_not_made() {
    let server = Server::new();
    let observer = Some("x".to_owned());
    for bad in [
        NewToken {
            expires: Some(after_start(0)),
            ..new_token("bot", Scope::Read)
        },
        NewToken {
            observer: None,
            ..new_token("bot", Scope::Observe)
        },
        NewToken {
            observer,
            ..new_token("bot", Scope::Write)
        },
    ] {
        assert!(server.stored.create(bad).await.is_err());
    }
    assert!(server.sandbox.parameters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ended_long_ago_is_removed_when_one_is_made() {
    let server = Server::new();
    server.token("old", Scope::Read).await;
    server.stored.revoke("old").await.unwrap();
    server.token("kept", Scope::Read).await;
    pass(91 * 24 * 3_600).await;
    server.token("new", Scope::Read).await;
    let tokens = server.stored.tokens().await.unwrap();
    let names = tokens
        .into_iter()
        .map(|it| it.token.unwrap().name.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["kept", "new"]);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_stored_or_shown() {
    let server = Server::new();
    let token = server.token("ana", Scope::Write).await;
    let cookie = server.sign_in(&token).await;
    let debug = format!("{:?} {:?}", server.access, server.stored);
    let parameters = server.sandbox.parameters();
    assert_eq!(parameters.len(), 2, "{:?}", parameters.keys());
    let stored: String = parameters.into_values().map(|it| it.value).collect();
    for secret in [&token, &cookie] {
        // `mnt_<id>_<secret>`, of which the secret may have the separator in it as well.
        let secret = secret.splitn(3, '_').nth(2).expect("a secret");
        assert!(secret.len() > 40, "{}", secret.len());
        assert!(!debug.contains(secret) && !stored.contains(secret));
    }
}
