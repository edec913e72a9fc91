use maintenance_flag::Scope;
use maintenance_sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{SHOP, SHOP_MODE, Server, app};

/// The keys of an object.
fn keys(of: &Value) -> Vec<&str> {
    of.as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn environments_have_their_products_and_these_their_apps() {
    let server = Server::new().await;
    let environments = server.read("/api/environments").await;
    assert_eq!(
        environments,
        json!({"environments": [
            {"environmentId": "dev", "name": "dev", "products": [
                {"productDeploymentId": "try", "productDisplayName": "Try out", "apps": ["try-dev"]}
            ]},
            {"environmentId": "prod", "name": "prod", "products": [
                {"productDeploymentId": "shop", "productDisplayName": "Shop", "apps": ["shop-prod", "billing-prod"]}
            ]},
        ]})
    );
}

#[tokio::test(start_paused = true)]
async fn a_product_has_every_field_of_the_contract() {
    let server = Server::new().await;
    let normal = server.read(SHOP).await;
    assert_eq!(
        keys(&normal),
        [
            "productDeploymentId",
            "environmentId",
            "productName",
            "productDisplayName",
            "productVersion",
            "status",
            "operationMode",
            "canEnterMaintenance",
            "canExitMaintenance",
            "maintenanceTrigger",
            "until",
            "scheduled",
            "drainedAt",
            "operation",
            "stacks",
        ]
    );
    assert_eq!(normal["productDisplayName"], "Shop");
    assert_eq!(normal["productVersion"], "2.4.1");
    assert_eq!(normal["operationMode"], "Normal");
    assert_eq!(normal["status"], "Running");
    assert_eq!(normal["maintenanceTrigger"], Value::Null);
    assert_eq!(
        (
            &normal["canEnterMaintenance"],
            &normal["canExitMaintenance"]
        ),
        (&json!(true), &json!(false))
    );

    let set = json!({
        "mode": "Maintenance",
        "reason": "schema 42",
        "message": "Back at nine.",
        "until": "2099-01-01T00:00:00Z",
    });
    let refused = server.set(set.clone()).await.problem(422, "unprocessable");
    assert_eq!(refused["detail"], "until must end within 30 days");
    let until = jiff::Timestamp::now() + std::time::Duration::from_secs(3600);
    let mut set = set;
    set["until"] = until.to_string().into();
    assert_eq!(server.set(set).await.status, 200);

    let on = server.read(SHOP).await;
    assert_eq!(on["operationMode"], "Maintenance");
    assert_eq!(on["status"], "Stopped");
    let trigger = &on["maintenanceTrigger"];
    assert_eq!(
        keys(trigger),
        ["source", "reason", "triggeredAtUtc", "triggeredBy"]
    );
    assert_eq!(trigger["source"], "Manual");
    assert_eq!(trigger["reason"], "schema 42");
    assert_eq!(trigger["triggeredBy"], "ana");
    for time in [&trigger["triggeredAtUtc"], &on["until"], &on["drainedAt"]] {
        let text = time.as_str().expect("a time");
        assert!(
            text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
            "{text}"
        );
    }
    assert_eq!(
        (&on["canEnterMaintenance"], &on["canExitMaintenance"]),
        (&json!(false), &json!(true))
    );
    let stack = &on["stacks"][1];
    assert_eq!(
        keys(stack),
        [
            "stackName",
            "status",
            "operationMode",
            "serviceCount",
            "roles",
            "unread",
            "holder",
            "error"
        ]
    );
    assert_eq!(stack["stackName"], "billing-prod");
    let web = &stack["roles"][0];
    assert_eq!(web["role"], "web");
    assert_eq!(web["message"], "Back at nine.");
    assert_eq!(web["openedFor"], "shop");
}

#[tokio::test(start_paused = true)]
async fn functions_are_read_when_that_is_asked_for_and_not_on_every_request() {
    let server = Server::new().await;
    let lambda = |server: &Server| {
        let calls = server.sandbox.calls();
        calls
            .iter()
            .filter(|call| call.call.operation.contains("Function"))
            .count()
    };
    assert_eq!(
        server.read(SHOP).await["stacks"][0]["serviceCount"],
        Value::Null
    );
    assert_eq!(lambda(&server), 0);

    let read = server.read(&format!("{SHOP}?functions=true")).await;
    assert_eq!(read["stacks"][0]["serviceCount"], 2);
    let functions = &read["stacks"][0]["roles"][1]["functions"];
    assert_eq!(
        functions,
        &json!([
            {"name": "shop-prod-mail", "state": "running"},
            {"name": "shop-prod-sync", "state": "running"}
        ])
    );
    let calls = lambda(&server);
    let again = server.read(&format!("{SHOP}?functions=true")).await;
    assert_eq!(again["stacks"][0]["status"], "Running");
    assert_eq!(lambda(&server), calls, "it was read a moment ago");

    server.enter().await;
    server
        .sandbox
        .set_reserved("shop-prod-mail", Some(9))
        .unwrap();
    let read = server.read(&format!("{SHOP}?functions=true")).await;
    assert_eq!(
        read["stacks"][0]["status"], "Partial",
        "one was changed: {read}"
    );
    assert_eq!(read["stacks"][1]["status"], "Stopped");
    assert_eq!(read["status"], "Partial");
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_may_do_is_said_to_that_caller() {
    let server = Server::new().await;
    let reader = server.token("reader", Scope::Read, None).await;
    let observer = server.token("database", Scope::Observe, None).await;
    let may = async |token: &str| {
        let product = server.get(SHOP, token).await.json();
        let may = |what: &str| product[what].as_bool().unwrap();
        (may("canEnterMaintenance"), may("canExitMaintenance"))
    };
    assert_eq!(may(&reader).await, (false, false));
    assert_eq!(may(&observer).await, (true, false));
    server.enter().await;
    assert_eq!(may(&server.ana).await, (false, true));
    assert_eq!(may(&reader).await, (false, false));
    assert_eq!(may(&observer).await, (false, false), "a person opened it");
}

#[tokio::test(start_paused = true)]
async fn the_list_has_the_products_of_its_environment() {
    let server = Server::new().await;
    server.enter().await;
    let list = server
        .read("/api/environments/prod/product-deployments")
        .await;
    let products = list["productDeployments"].as_array().unwrap();
    assert_eq!(products.len(), 1);
    assert_eq!(products[0]["productDeploymentId"], "shop");
    assert_eq!(products[0]["operationMode"], "Maintenance");
    assert_eq!(products[0]["stacks"], Value::Null);
    let list = server
        .read("/api/environments/dev/product-deployments")
        .await;
    assert_eq!(list["productDeployments"][0]["operationMode"], "Normal");
    let unknown = server
        .get("/api/environments/stage/product-deployments", &server.ana)
        .await;
    unknown.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_cannot_be_read_is_named_and_all_of_them_are_an_error() {
    let server = Server::new().await;
    let denied = |app: &str| {
        Fault::any_read()
            .target(&format!("/{app}/"))
            .always()
            .access_denied()
    };
    server.sandbox.inject(denied("billing-prod"));
    let product = server.read(SHOP).await;
    assert_eq!(product["operationMode"], "Unknown");
    assert_eq!(product["canEnterMaintenance"], false);
    assert_eq!(product["stacks"][0]["operationMode"], "Normal");
    assert_eq!(product["stacks"][1]["operationMode"], "Unknown");
    let error = product["stacks"][1]["error"].as_str().expect("an error");
    assert!(error.contains("AccessDenied"), "{error}");
    let list = "/api/environments/prod/product-deployments";
    let products = server.read(list).await;
    assert_eq!(
        products["productDeployments"][0]["operationMode"],
        "Unknown"
    );

    server.sandbox.inject(denied("shop-prod"));
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    for path in [SHOP, list] {
        server.get(path, &server.ana).await.problem(503, "aws");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_one_product_sees_and_changes_no_other() {
    let server = Server::new().await;
    let token = server.token("try-bot", Scope::Write, Some("try")).await;
    let environments = server.get("/api/environments", &token).await.json();
    assert_eq!(environments["environments"].as_array().unwrap().len(), 1);
    let list = "/api/environments/prod/product-deployments";
    for path in [SHOP, list, "/apps/shop", "/apps/shop-prod"] {
        server.get(path, &token).await.problem(404, "not_found");
    }
    let body = json!({"mode": "Maintenance"});
    let role = "/api/environments/prod/apps/shop/roles/web/operation-mode";
    for path in [SHOP_MODE, role] {
        server
            .put(path, &token, body.clone())
            .await
            .problem(404, "not_found");
    }
    let try_out = "/api/environments/dev/product-deployments/try";
    assert_eq!(server.get(try_out, &token).await.status, 200);
    let entered = server
        .put(&format!("{try_out}/operation-mode"), &token, body)
        .await;
    assert_eq!(entered.status, 200, "{entered:?}");
    assert_eq!(server.read(SHOP).await["operationMode"], "Normal");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_that_died_left_half_done_is_shown_and_the_same_request_finishes_it() {
    let server = Server::new().await;
    server.command_on(app("shop", "prod"), "web").await;
    let restarted = Server::over(server.sandbox.clone()).await;
    let product = restarted.read(SHOP).await;
    assert_eq!(product["operationMode"], "Partial");
    assert_eq!(product["canEnterMaintenance"], true);
    restarted.enter().await;
    assert_eq!(restarted.read(SHOP).await["operationMode"], "Maintenance");
}
