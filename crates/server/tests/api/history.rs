//! What became of a product, from the versions of its flags.

use maintenance_flag::Scope;
use maintenance_sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{SHOP, Server, app};

const HISTORY: &str = "/api/environments/prod/product-deployments/shop/history";

fn told(document: &Value) -> Vec<Value> {
    let entries = document["history"].as_array().expect("a list").iter();
    let short = |it: &Value| json!([it["app"], it["role"], it["kind"], it["by"], it["source"]]);
    entries.map(short).collect()
}

#[tokio::test(start_paused = true)]
async fn a_history_says_who_when_why_and_how_it_ended_newest_first() {
    let server = Server::new().await;
    assert_eq!(
        server.read(HISTORY).await,
        json!({"history": [], "next": null, "olderNotKept": [], "unread": []})
    );
    server.enter().await;
    server.leave().await;
    let document = server.read(HISTORY).await;
    // Of two apps, each with two roles, on and off.
    assert_eq!(told(&document).len(), 8, "{document:#}");
    let last = &document["history"][0];
    assert_eq!(last["kind"], "turned_off");
    assert_eq!((&last["from"], &last["to"]), (&json!("on"), &json!("off")));
    assert_eq!(
        (&last["by"], &last["source"]),
        (&json!("ana"), &json!("Manual"))
    );
    assert_eq!(last["owner"], json!({"kind": "Manual", "name": "ana"}));
    assert_eq!(last["result"], "complete");
    assert!(last["durationSeconds"].is_u64(), "{last:#}");
    let first = &document["history"][7];
    assert_eq!(first["reason"], "schema 42");
    assert_eq!(first["openedFor"], "shop");
    assert_eq!(first["user"], "arn:aws:iam::123456789012:user/ANOTREAL");
    assert!(first["durationSeconds"].is_u64(), "{first:#}");
}

#[tokio::test(start_paused = true)]
async fn pages_and_filters_leave_out_nothing_and_show_nothing_twice() {
    let server = Server::new().await;
    server.enter().await;
    server.leave().await;
    let whole = server.read(HISTORY).await;
    let mut all = Vec::new();
    let mut path = format!("{HISTORY}?limit=3");
    loop {
        let page = server.read(&path).await;
        all.extend(page["history"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => path = format!("{HISTORY}?limit=3&after={next}"),
            None => break,
        }
    }
    assert_eq!(json!(all), whole["history"]);
    let of = async |query: &str| told(&server.read(&format!("{HISTORY}?{query}")).await);
    for billing in ["app=billing", "app=billing-prod"] {
        let told = of(billing).await;
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|it| it[0] == "billing-prod"), "{told:?}");
    }
    assert_eq!(of("app=billing&role=web").await.len(), 2);
    assert_eq!(of("source=Observer").await.len(), 0);
    assert_eq!(of("source=manual").await.len(), 8);
    for (query, status, part) in [
        ("limit=0", 400, "limit must be 1 to 100"),
        ("source=Moon", 400, "Moon"),
        ("app=try", 404, "app"),
        ("role=No", 404, "role"),
        ("after=shop-prod/web/99", 404, "transition"),
    ] {
        let answer = server.get(&format!("{HISTORY}?{query}"), &server.ana).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(part), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_wrote_by_hand_or_by_the_command_is_there_too() {
    let server = Server::new().await;
    server.elsewhere().on(app("billing", "prod"), "web").await;
    server
        .sandbox
        .set_parameter("/maintenance/shop-prod/flags/web", "on");
    server
        .sandbox
        .set_parameter("/maintenance/shop-prod/flags/web", "offf");
    let document = server.read(HISTORY).await;
    let mut told = told(&document);
    told.sort_by_key(ToString::to_string);
    assert_eq!(
        told,
        [
            json!(["billing-prod", "web", "turned_on", "ben@desk", "Manual"]),
            json!(["shop-prod", "web", "set_by_hand", null, "Manual"]),
            json!(["shop-prod", "web", "unreadable", null, "Manual"]),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn one_app_that_cannot_be_read_hides_no_other_and_no_app_is_an_error() {
    let server = Server::new().await;
    server.enter().await;
    let fault = || Fault::on("GetParameterHistory").always();
    server
        .sandbox
        .inject(fault().target("billing-prod").access_denied());
    let document = server.read(HISTORY).await;
    assert_eq!(told(&document).len(), 2, "{document:#}");
    assert_eq!(document["unread"][0]["app"], "billing-prod");
    let error = document["unread"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("not allowed to ssm:GetParameterHistory"),
        "{error}"
    );

    let server = Server::over(server.sandbox.clone()).await;
    server.sandbox.inject(fault().access_denied());
    let answer = server.get(HISTORY, &server.ana).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    // A product is not told to those who may not see it.
    let other = server.token("other", Scope::Read, Some("try")).await;
    assert_eq!(server.get(HISTORY, &other).await.status, 404);
    assert_eq!(server.get(SHOP, &other).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn many_readers_cost_no_more_calls_than_one() {
    let server = Server::new().await;
    server.enter().await;
    server.read(HISTORY).await;
    server.sandbox.reset_calls();
    for _ in 0..20 {
        server.read(HISTORY).await;
    }
    let calls = server.sandbox.calls();
    let of_history = |call: &str| call == "GetParameterHistory";
    assert!(!calls.iter().any(|it| of_history(&it.call.operation)));
}
