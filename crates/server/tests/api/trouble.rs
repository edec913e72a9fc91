use std::time::Duration;

use maintenance_flag::Scope;
use maintenance_sandbox::{Fault, FunctionSpec};
use serde_json::{Value, json};

use crate::support::{SHOP, SHOP_MODE, Server, app};

#[tokio::test(start_paused = true)]
async fn who_holds_a_window_is_said_with_since_when_and_how_to_force() {
    let server = Server::new().await;
    let observer = server.token("database", Scope::Observe, None).await;
    let entered = server
        .put(SHOP_MODE, &observer, json!({"mode": "Maintenance"}))
        .await;
    assert_eq!(entered.status, 200, "{entered:?}");
    let since = server.flag("shop-prod", "worker")["since"].clone();

    let problem = server.leave().await.problem(409, "owner");
    assert_eq!(
        problem["owner"],
        json!({"kind": "observer", "name": "database"})
    );
    assert_eq!(problem["sinceUtc"], since);
    assert_eq!(problem["app"], "shop-prod");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("\"force\": true"), "{detail}");
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");

    let other = server.token("other", Scope::Observe, None).await;
    server
        .put(SHOP_MODE, &other, json!({"mode": "Normal"}))
        .await
        .problem(409, "owner");
    let forced = json!({"mode": "Normal", "force": true, "reason": "a false alarm"});
    let problem = server
        .put(SHOP_MODE, &other, forced.clone())
        .await
        .problem(403, "forbidden");
    assert_eq!(problem["missing"], "write");
    server
        .set(json!({"mode": "Normal", "force": true}))
        .await
        .problem(422, "unprocessable");

    let left = server.set(forced).await;
    assert_eq!(left.json()["newMode"], "Normal", "{left:?}");
    let flag = server.flag("shop-prod", "web");
    assert_eq!(flag["reason"], "a false alarm");
    assert_eq!(flag["overrode"]["name"], "database");
}

#[tokio::test(start_paused = true)]
async fn an_observer_cannot_end_what_a_person_began() {
    let server = Server::new().await;
    let observer = server.token("database", Scope::Observe, None).await;
    server.enter().await;
    let refused = server
        .put(SHOP_MODE, &observer, json!({"mode": "Normal"}))
        .await;
    let problem = refused.problem(409, "owner");
    assert_eq!(problem["owner"]["kind"], "manual");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("A person ends it")
    );
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");
}

#[tokio::test(start_paused = true)]
async fn events_that_would_be_lost_are_named_and_may_be_accepted() {
    let server = Server::new().await;
    let lossy = FunctionSpec::new("shop-prod-upload").invoked_by("s3.amazonaws.com");
    server.sandbox.seed(lossy);
    let before = server.reserved();
    let problem = server
        .set(json!({"mode": "Maintenance"}))
        .await
        .problem(409, "events_lost");
    assert_eq!(problem["functions"][0]["function"], "shop-prod-upload");
    assert_eq!(
        problem["functions"][0]["triggers"][0]["from"],
        "s3.amazonaws.com"
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("\"acceptEventLoss\": true"), "{detail}");
    assert_eq!(server.reserved(), before);
    assert_eq!(server.read(SHOP).await["operationMode"], "Normal");

    let planned = server
        .set(json!({"mode": "Maintenance", "dryRun": true}))
        .await
        .json();
    let events = planned["plan"][0]["roles"][1]["functions"]["events"]
        .as_array()
        .unwrap();
    let upload = events
        .iter()
        .find(|it| it["function"] == "shop-prod-upload");
    assert_eq!(upload.expect("it is told")["lossy"], true);

    let accepted = server
        .set(json!({"mode": "Maintenance", "acceptEventLoss": true}))
        .await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
}

#[tokio::test(start_paused = true)]
async fn what_would_be_lost_names_the_functions_of_every_app() {
    let server = Server::new().await;
    for name in ["shop-prod-upload", "billing-prod-scan"] {
        server
            .sandbox
            .seed(FunctionSpec::new(name).invoked_by("s3.amazonaws.com"));
    }
    let problem = server
        .set(json!({"mode": "Maintenance"}))
        .await
        .problem(409, "events_lost");
    let functions = problem["functions"].as_array().unwrap();
    let named: Vec<_> = functions
        .iter()
        .map(|it| {
            (
                it["app"].as_str().unwrap(),
                it["function"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            ("shop-prod", "shop-prod-upload"),
            ("billing-prod", "billing-prod-scan")
        ]
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(
            "shop-prod: pausing shop-prod-upload would drop asynchronous events (shop-prod-upload); \
             billing-prod: pausing billing-prod-scan would drop"
        ),
        "{detail}"
    );
    assert_eq!(detail.matches("acceptEventLoss").count(), 1, "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_partial_result_is_a_conflict_with_the_names_and_the_same_request_finishes_it() {
    let server = Server::new().await;
    let denied = Fault::on("PutFunctionConcurrency")
        .target("billing-prod-pdf")
        .always();
    server.sandbox.inject(denied.access_denied());
    let partial = server.set(json!({"mode": "Maintenance"})).await;
    let problem = partial.problem(409, "partial");
    let left = problem["left"].as_array().unwrap();
    assert_eq!(left.len(), 1);
    assert!(
        left[0]
            .as_str()
            .unwrap()
            .starts_with("billing-prod worker: billing-prod-pdf: ")
    );
    assert_eq!(
        problem["apps"][0]["roles"][1]["functions"]["changed"],
        json!(["shop-prod-mail", "shop-prod-sync"])
    );
    let failed = &problem["apps"][1]["roles"][1]["functions"]["failed"][0];
    assert_eq!(failed["function"], "billing-prod-pdf");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("Send the same request again to continue with what is left"),
        "{detail}"
    );

    let operation = server.state.operations.all().pop().unwrap();
    let ended = server
        .read(&format!("/api/operations/{}", operation.id))
        .await;
    assert_eq!(ended["status"], "Failed");
    assert_eq!(ended["problem"]["code"], "partial");
    assert_eq!(ended["result"], Value::Null);

    server.sandbox.clear_faults();
    let again = server.set(json!({"mode": "Maintenance"})).await;
    assert_eq!(again.status, 200, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_middle_says_what_it_was_and_what_is_left() {
    let server = Server::new().await;
    let gone = Fault::on("PutParameter")
        .target("billing-prod/flags/")
        .always();
    server.sandbox.inject(gone.access_denied());
    let problem = server
        .set(json!({"mode": "Maintenance"}))
        .await
        .problem(409, "partial");
    assert_eq!(problem["cause"]["code"], "aws");
    let left = problem["left"].as_array().unwrap();
    assert!(
        left.iter()
            .any(|it| it.as_str().unwrap().starts_with("billing-prod: ")),
        "{left:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_holds_the_lease_is_said_and_when_to_try_again() {
    let server = Server::new().await;
    // A command elsewhere is in the middle of its work.
    let slow = Fault::on("PutFunctionConcurrency").delay(Duration::from_secs(60));
    server.sandbox.inject(slow);
    let elsewhere = server.elsewhere();
    let at_work = tokio::spawn(async move { elsewhere.on(app("billing", "prod"), "worker").await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let busy = server.set(json!({"mode": "Maintenance"})).await;
    let problem = busy.problem(423, "busy");
    assert_eq!(problem["holder"]["by"], "ben@desk");
    assert_eq!(problem["holder"]["operation"], "on worker");
    assert_eq!(problem["app"], "billing-prod");
    assert!(busy.header("retry-after").parse::<u32>().unwrap() >= 1);
    let product = server.read(SHOP).await;
    assert_eq!(product["stacks"][1]["holder"]["by"], "ben@desk");
    // What would be refused is not offered.
    assert_eq!(product["canEnterMaintenance"], false);
    assert_eq!(product["canExitMaintenance"], false);
    at_work.await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(server.read(SHOP).await["canEnterMaintenance"], true);
}

#[tokio::test(start_paused = true)]
async fn aws_out_of_reach_is_a_503_and_nothing_is_changed() {
    let server = Server::new().await;
    assert_eq!(server.read(SHOP).await["operationMode"], "Normal");
    let down = Fault::any_call().target("/maintenance/shop-prod/").always();
    server.sandbox.inject(down.access_denied());
    let refused = server.set(json!({"mode": "Maintenance"})).await;
    let problem = refused.problem(503, "aws");
    assert_eq!(problem["app"], "shop-prod");
    assert_eq!(refused.header("retry-after"), "5");
    let plan = server
        .set(json!({"mode": "Maintenance", "dryRun": true}))
        .await;
    plan.problem(503, "aws");
    tokio::time::advance(Duration::from_secs(5)).await;
    server
        .get("/apps/shop", &server.ana)
        .await
        .problem(503, "aws");
    assert_eq!(
        server.reserved(),
        ["billing-prod-pdf=3", "shop-prod-mail=5", "shop-prod-sync=7"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_that_finds_no_function_is_refused() {
    let server = Server::new().await;
    server.sandbox.delete_function("billing-prod-pdf").unwrap();
    let problem = server
        .set(json!({"mode": "Maintenance"}))
        .await
        .problem(422, "unprocessable");
    assert!(
        problem["detail"].as_str().unwrap().contains("none matches"),
        "{problem}"
    );
}
