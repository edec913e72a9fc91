//! Faults of ReadyStackGo's API, and that ours has none of them.

use maintenance_flag::Scope;
use maintenance_sandbox::Fault;
use serde_json::json;

use crate::support::{SHOP, SHOP_MODE, Server, request};

#[tokio::test(start_paused = true)]
async fn a_writer_impersonates_the_observer_by_source_in_the_body() {
    let server = Server::new().await;
    let observer = server.token("database", Scope::Observe, None).await;
    server
        .put(SHOP_MODE, &observer, json!({"mode": "Maintenance"}))
        .await;
    for source in ["Observer", "Manual"] {
        let body = json!({"mode": "Normal", "source": source});
        // What is sent there is ignored: who asks is the token's.
        let problem = server.set(body).await.problem(409, "owner");
        assert_eq!(problem["owner"]["name"], "database");
    }
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");
    let left = json!({"mode": "Normal", "source": "Manual"});
    let left = server.put(SHOP_MODE, &observer, left).await;
    assert_eq!(left.json()["triggerSource"], "Observer", "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_404_and_a_409_are_told_apart_by_code_whatever_a_message_says() {
    let server = Server::new().await;
    let observer = server.token("not-found", Scope::Observe, None).await;
    let body = json!({"mode": "Maintenance", "reason": "not found"});
    server.put(SHOP_MODE, &observer, body).await;
    let held = server.leave().await.problem(409, "owner");
    assert!(held["detail"].as_str().unwrap().contains("not-found"));
    let none = SHOP_MODE.replace("shop", "conflict-owner");
    server
        .put(&none, &server.ana, json!({"mode": "Normal"}))
        .await
        .problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_product_of_environment_b_is_changed_by_a_path_that_names_a() {
    let server = Server::new().await;
    let path = "/api/environments/dev/product-deployments/shop";
    server
        .get(path, &server.ana)
        .await
        .problem(404, "not_found");
    let path = format!("{path}/operation-mode");
    let refused = server
        .put(&path, &server.ana, json!({"mode": "Maintenance"}))
        .await;
    refused.problem(404, "not_found");
    assert_eq!(server.read(SHOP).await["operationMode"], "Normal");
}

#[tokio::test(start_paused = true)]
async fn the_client_leaves_in_the_middle_and_nothing_stops() {
    let server = Server::new().await;
    let body = json!({"mode": "Maintenance"});
    let asked = server.send(request("PUT", SHOP_MODE, Some(&server.ana), Some(&body)));
    // It hangs up as soon as the flag of web is on.
    let is_on = async {
        while !server
            .sandbox
            .parameters()
            .contains_key("/maintenance/shop-prod/flags/web")
        {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        answer = asked => panic!("it was to leave before: {answer:?}"),
        () = is_on => {}
    }
    let operation = server.state.operations.all().pop().expect("it goes on");
    operation.ended().await;
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");
    assert_eq!(
        server.reserved(),
        ["billing-prod-pdf=0", "shop-prod-mail=0", "shop-prod-sync=0"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_client_leaves_before_it_began_and_nothing_is_half_done() {
    let server = Server::new().await;
    let reads = server.sandbox.calls().len();
    let body = json!({"mode": "Maintenance"});
    let asked = server.send(request("PUT", SHOP_MODE, Some(&server.ana), Some(&body)));
    // It hangs up when the first parameter of an app is read.
    let is_read = async {
        while !server.sandbox.calls()[reads..].iter().any(|call| {
            call.call
                .target
                .as_deref()
                .is_some_and(|target| target.contains("/shop-prod/flags"))
        }) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        answer = asked => panic!("it was to leave before: {answer:?}"),
        () = is_read => {}
    }
    while server.state.operations.all().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let operation = server.state.operations.all().pop().expect("it goes on");
    operation.ended().await;
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");
}

#[tokio::test(start_paused = true)]
async fn functions_that_could_not_be_stopped_are_answered_200() {
    let server = Server::new().await;
    server
        .sandbox
        .inject(Fault::on("PutFunctionConcurrency").always().access_denied());
    let answer = server.set(json!({"mode": "Maintenance"})).await;
    let problem = answer.problem(409, "partial");
    assert_eq!(problem["left"].as_array().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn exit_is_offered_and_then_refused() {
    let server = Server::new().await;
    let observer = server.token("database", Scope::Observe, None).await;
    let other = server.token("other", Scope::Observe, None).await;
    let reader = server.token("reader", Scope::Read, None).await;
    for owner in [&server.ana, &observer] {
        let entered = server
            .put(SHOP_MODE, owner, json!({"mode": "Maintenance"}))
            .await;
        assert_eq!(entered.status, 200, "{entered:?}");
        for caller in [&reader, &other, &server.ana, &observer] {
            let offered = server.get(SHOP, caller).await.json()["canExitMaintenance"] == true;
            let left = server
                .put(SHOP_MODE, caller, json!({"mode": "Normal"}))
                .await;
            assert_eq!(left.status == 200, offered, "{left:?}");
            if offered {
                let again = server
                    .put(SHOP_MODE, owner, json!({"mode": "Maintenance"}))
                    .await;
                assert_eq!(again.status, 200, "{again:?}");
            }
        }
        server
            .put(SHOP_MODE, owner, json!({"mode": "Normal"}))
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_said_with_where_to_look() {
    let server = Server::new().await;
    let role = "/api/environments/prod/apps/shop/roles/nope/operation-mode";
    for (method, path, look) in [
        (
            "GET",
            "/api/environments/prod/product-deployments/nope",
            "GET /api/environments lists",
        ),
        ("PUT", role, "lists the roles of its apps"),
        (
            "POST",
            &format!("{SHOP}/observers/nope/check"),
            "GET …/observers lists",
        ),
        (
            "PATCH",
            &format!("{SHOP}/schedule/nope"),
            "GET …/schedule lists",
        ),
        (
            "GET",
            &format!("{SHOP}/history?after=nope"),
            "Leave out after",
        ),
    ] {
        let body = match method {
            "PATCH" => json!({"startsAt": "2999-01-01T00:00:00Z"}),
            _ => json!({"mode": "Normal"}),
        };
        let asked = request(method, path, Some(&server.ana), Some(&body));
        let problem = server.send(asked).await.problem(404, "not_found");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(look), "{method} {path}: {detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_a_path_does_not_take_is_answered_with_an_empty_body() {
    let server = Server::new().await;
    for (method, path, allow) in [
        ("POST", SHOP_MODE, "PUT"),
        ("DELETE", "/apps/shop", "GET,HEAD,PATCH"),
        ("PUT", "/__status", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
        ("POST", "/products/prod/shop", "GET,HEAD"),
    ] {
        let asked = request(method, path, Some(&server.ana), Some(&json!({})));
        let answer = server.send(asked).await;
        let problem = answer.problem(405, "method_not_allowed");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("takes no {method}")), "{detail}");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    let stranger = request("POST", SHOP_MODE, None, Some(&json!({})));
    assert_eq!(server.open(stranger).await.status(), 401);
}
