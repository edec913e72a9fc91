//! Windows to come by the API: listed, scheduled, moved and cancelled.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::Scope;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::support::{SHOP, Server, app, request};

const SCHEDULE: &str = "/api/environments/prod/product-deployments/shop/schedule";

/// So many minutes from now, on a whole second.
fn in_minutes(minutes: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_mins(minutes);
    Timestamp::from_second(at.as_second()).unwrap().to_string()
}

/// From an hour to two hours from now.
fn window() -> Value {
    json!({"startsAt": in_minutes(60), "until": in_minutes(120), "reason": "schema 43"})
}

async fn post(server: &Server, token: &str, body: &Value) -> Answer {
    let request = request("POST", SCHEDULE, Some(token), Some(body));
    server.send(request).await
}

async fn change(server: &Server, method: &str, window: &str, body: Option<&Value>) -> Answer {
    let path = format!("{SCHEDULE}/{window}");
    let request = request(method, &path, Some(&server.ana), body);
    server.send(request).await
}

async fn scheduled(server: &Server) -> Vec<Value> {
    let list = server.read(SCHEDULE).await;
    list["windows"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_window_is_scheduled_listed_moved_and_cancelled() {
    let server = Server::new().await;
    let mut body = window();
    body["message"] = json!("Back at noon.");
    let answer = post(&server, &server.ana, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let created = answer.json();
    let id = created["window"]["window"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("{SCHEDULE}/{id}"));
    assert_eq!(
        created["message"],
        format!(
            "scheduled from {} to {}",
            body["startsAt"].as_str().unwrap(),
            body["until"].as_str().unwrap()
        )
    );
    assert_eq!(
        scheduled(&server).await,
        [json!({
            "window": id,
            "startsAt": body["startsAt"],
            "until": body["until"],
            "readOnly": false,
            "reason": "schema 43",
            "message": "Back at noon.",
            "retryAfter": null,
            "scheduledBy": "ana",
            "recurring": null,
            "openedFor": "shop",
            "acceptEventLoss": false,
            "roles": [
                {"app": "shop-prod", "role": "web"}, {"app": "shop-prod", "role": "worker"},
                {"app": "billing-prod", "role": "web"}, {"app": "billing-prod", "role": "worker"},
            ],
        })]
    );
    // It is shown with the product, which stays what it is until then.
    let product = server.read(SHOP).await;
    assert_eq!(product["operationMode"], "Normal");
    assert_eq!(product["scheduled"][0]["window"], id);

    // The same once more is the same window.
    let again = post(&server, &server.ana, &body).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.json()["window"]["window"], id);

    let to = json!({"startsAt": in_minutes(90)});
    let moved = change(&server, "PATCH", &id, Some(&to)).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    let moved = moved.json();
    assert_eq!(moved["window"]["startsAt"], to["startsAt"]);
    assert_eq!(moved["before"]["startsAt"], body["startsAt"]);
    let message = moved["message"].as_str().unwrap();
    assert!(message.starts_with("changed from "), "{message}");
    let length = |window: &Value| {
        let at = |name: &str| window[name].as_str().unwrap().parse::<Timestamp>().unwrap();
        at("until").duration_since(at("startsAt"))
    };
    assert_eq!(length(&moved["window"]), SignedDuration::from_mins(60));

    let cancelled = change(&server, "DELETE", &id, None).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(scheduled(&server).await, [] as [Value; 0]);
    assert_eq!(server.flag("shop-prod", "web")["scheduled"], Value::Null);
    let gone = change(&server, "DELETE", &id, None).await;
    gone.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let server = Server::new().await;
    let mut body = window();
    body["dryRun"] = json!(true);
    let answer = post(&server, &server.ana, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Nothing was changed: it would be scheduled"));
    assert_eq!(scheduled(&server).await, [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn windows_that_overlap_are_refused_with_the_other_one() {
    let server = Server::new().await;
    let first = post(&server, &server.ana, &window()).await.json();
    let id = first["window"]["window"].as_str().unwrap().to_owned();
    let other = json!({"startsAt": in_minutes(119), "until": in_minutes(180)});
    let refused = post(&server, &server.ana, &other).await;
    let problem = refused.problem(409, "overlap");
    assert_eq!(problem["other"]["window"], id);
    assert!(problem["detail"].as_str().unwrap().contains(&id));
    let after = json!({"startsAt": in_minutes(120), "until": in_minutes(180)});
    let after = post(&server, &server.ana, &after).await;
    assert_eq!(after.status, 201, "{after:?}");
    let moved = json!({"startsAt": in_minutes(100)});
    let moved = change(&server, "PATCH", &id, Some(&moved)).await;
    moved.problem(409, "overlap");
    // One that is open and has no end overlaps all that comes.
    server.command_on(app("billing", "prod"), "web").await;
    let last = json!({"startsAt": in_minutes(600), "until": in_minutes(660)});
    post(&server, &server.ana, &last)
        .await
        .problem(409, "overlap");
}

#[tokio::test(start_paused = true)]
async fn one_that_has_begun_is_ended_like_any_other() {
    let server = Server::new().await;
    let first = post(&server, &server.ana, &window()).await.json();
    let id = first["window"]["window"].as_str().unwrap().to_owned();
    tokio::time::advance(Duration::from_secs(61 * 60)).await;
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");
    let refused = change(&server, "DELETE", &id, None).await;
    refused.problem(409, "begun");
    let left = server.leave().await;
    assert_eq!(left.status, 200, "{left:?}");
    assert_eq!(left.json()["newMode"], "Normal");
    assert_eq!(server.read(SHOP).await["operationMode"], "Normal");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_with_what_to_do_and_changes_nothing() {
    let server = Server::new().await;
    let times = |from: i64, to: i64| json!({"startsAt": in_minutes(from), "until": in_minutes(to)});
    let with = |name: &str, value: Value| {
        let mut body = window();
        body[name] = value;
        body
    };
    for (body, status, code, says) in [
        (json!({}), 400, "bad_request", "missing field `startsAt`"),
        (
            with("startsAt", json!("soon")),
            400,
            "bad_request",
            "startsAt must be a time such as",
        ),
        (
            with("until", json!("2h")),
            400,
            "bad_request",
            "until must be a time such as",
        ),
        (
            with("cron", json!("* * * * *")),
            400,
            "bad_request",
            "unknown field `cron`",
        ),
        (
            times(-10, 60),
            422,
            "unprocessable",
            "startsAt must be in the future",
        ),
        (
            times(60, 60),
            422,
            "unprocessable",
            "until must be later than startsAt",
        ),
        (
            times(60, 60 + 43_201),
            422,
            "unprocessable",
            "at most 30 days",
        ),
        (
            with("reason", json!("")),
            422,
            "unprocessable",
            "reason must not be empty",
        ),
        (
            with("message", json!("a\nb")),
            422,
            "unprocessable",
            "message must be one line",
        ),
        (
            with("retryAfter", json!(0)),
            422,
            "unprocessable",
            "retryAfter must be a whole number",
        ),
        (
            with("readOnly", json!(true)),
            422,
            "unprocessable",
            "a paused function cannot go on reading",
        ),
    ] {
        let answer = post(&server, &server.ana, &body).await;
        let problem = answer.problem(status, code);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{body}: {detail}");
    }
    let unknown = change(
        &server,
        "PATCH",
        "x",
        Some(&json!({"startsAt": in_minutes(9)})),
    )
    .await;
    unknown.problem(404, "not_found");
    change(&server, "DELETE", "a%20b", None)
        .await
        .problem(404, "not_found");
    assert_eq!(scheduled(&server).await, [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn scheduling_needs_scope_write_and_the_product() {
    let server = Server::new().await;
    let first = post(&server, &server.ana, &window()).await.json();
    let id = first["window"]["window"].as_str().unwrap().to_owned();
    for (name, scope, product, status) in [
        ("reader", Scope::Read, None, 403),
        ("watcher", Scope::Observe, None, 403),
        ("other", Scope::Write, Some("try"), 404),
    ] {
        let token = server.token(name, scope, product).await;
        let answer = post(&server, &token, &window()).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let path = format!("{SCHEDULE}/{id}");
        let cancel = server
            .send(request("DELETE", &path, Some(&token), None))
            .await;
        assert_eq!(cancel.status, status, "{name}: {cancel:?}");
    }
    // One that is limited to the product changes its windows.
    let token = server.token("shops", Scope::Write, Some("shop")).await;
    let path = format!("{SCHEDULE}/{id}");
    let cancel = server
        .send(request("DELETE", &path, Some(&token), None))
        .await;
    assert_eq!(cancel.status, 200, "{cancel:?}");
}
