use std::time::Duration;

use maintenance_flag::Scope;
use maintenance_sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{SHOP_MODE, Server};

/// What happened, for short: `turned_on web,worker`.
fn short(told: &[Value]) -> Vec<String> {
    let one = |body: &Value| {
        let kind = body["type"].as_str().unwrap().replace("maintenance.", "");
        let apps = body["data"]["apps"].as_array().unwrap().iter();
        let apps = apps.map(|app| {
            let roles = app["roles"].as_array().unwrap().iter();
            let roles = roles.map(|role| role["role"].as_str().unwrap());
            let roles = roles.collect::<Vec<_>>().join(",");
            format!(" {} {roles}", app["app"].as_str().unwrap())
        });
        format!("{kind}{}", apps.collect::<String>())
    };
    told.iter().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn each_thing_that_happens_is_told_once_and_that_it_is_drained_at_the_time() {
    let server = Server::new().await;
    let roles = "shop-prod web,worker billing-prod web,worker";
    let dry = json!({"mode": "Maintenance", "reason": "x", "dryRun": true});
    server.set(dry).await;
    let drained_at = server.enter().await.json()["drainedAt"].clone();
    server.enter().await;
    assert_eq!(short(&server.told()), [format!("turned_on {roles}")]);
    let data = &server.told()[0]["data"];
    assert_eq!(data["product"], "shop");
    assert_eq!(data["environment"], "prod");
    assert_eq!(data["by"], "ana");
    assert_eq!(data["owner"], json!({"kind": "manual", "name": "ana"}));
    assert_eq!(data["source"], "manual");
    assert_eq!(data["reason"], "schema 42");
    assert_eq!(data["drained_at"], drained_at);
    assert!(data["since"].is_string());
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let events = [format!("turned_on {roles}"), format!("drained {roles}")];
    assert_eq!(short(&server.told()), events);
    assert_eq!(server.told()[1]["timestamp"], drained_at);
    let longer = json!({"mode": "Maintenance", "message": "Back at noon."});
    server.set(longer).await;
    server.leave().await;
    server.leave().await;
    let told = short(&server.told());
    assert_eq!(told[2], format!("options_updated {roles}"));
    assert_eq!(server.told()[2]["data"]["message"], "Back at noon.");
    assert_eq!(told[3..].len(), 1, "{told:?}");
    assert!(told[3].starts_with("turned_off "), "{told:?}");
    // Who left it, and whose window it was.
    assert_eq!(server.told()[3]["data"]["reason"], "schema 42");
    assert_eq!(server.told()[3]["data"]["owner"]["name"], "ana");
}

#[tokio::test(start_paused = true)]
async fn what_is_off_again_by_then_is_not_drained() {
    let server = Server::new().await;
    server.enter().await;
    server.leave().await;
    server.enter().await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let told = short(&server.told());
    let kinds: Vec<&str> = told.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(kinds, ["turned_on", "turned_off", "turned_on", "drained"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_observer_does_is_told_as_its_own_and_what_it_may_not_is_not() {
    let server = Server::new().await;
    let observer = server.token("database", Scope::Observe, None).await;
    let put = async |body: Value| {
        let answer = server.put(SHOP_MODE, &observer, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    put(json!({"mode": "Maintenance", "acceptEventLoss": true})).await;
    assert_eq!(server.leave().await.status, 409);
    put(json!({"mode": "Normal"})).await;
    let told = server.told();
    let kinds: Vec<_> = told.iter().map(|it| it["type"].clone()).collect();
    assert_eq!(kinds, ["maintenance.turned_on", "maintenance.turned_off"]);
    for event in &told {
        assert_eq!(event["data"]["source"], "observer");
        assert_eq!(
            event["data"]["owner"],
            json!({"kind": "observer", "name": "database"})
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_cannot_be_paused_is_told_by_name() {
    let server = Server::new().await;
    let fault = Fault::on("PutFunctionConcurrency").access_denied();
    server
        .sandbox
        .inject(fault.target("shop-prod-mail").always());
    let answer = server
        .set(json!({"mode": "Maintenance", "reason": "x"}))
        .await;
    assert_eq!(answer.status, 409, "{answer:?}");
    let told = server.told();
    let kinds: Vec<_> = told.iter().map(|it| it["type"].clone()).collect();
    assert_eq!(kinds, ["maintenance.turned_on", "maintenance.partial"]);
    let functions = told[1]["data"]["functions"].as_array().unwrap();
    assert_eq!(functions.len(), 1, "{functions:?}");
    assert_eq!(functions[0]["app"], "shop-prod");
    assert_eq!(functions[0]["function"], "shop-prod-mail");
    assert!(functions[0]["error"].is_string());
}
