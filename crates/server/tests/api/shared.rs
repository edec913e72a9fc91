//! An app of two products, `shop` and `bill`.

use maintenance_flag::Scope;
use maintenance_sandbox::Fault;
use serde_json::{Value, json};

use crate::support::{BILL_MODE, SHOP_MODE, Server, app, request};

#[tokio::test(start_paused = true)]
async fn a_token_of_one_product_changes_no_window_of_another_by_a_role_or_an_app() {
    let server = Server::with_bill().await;
    let bot = server.token("bill-bot", Scope::Write, Some("bill")).await;
    server.enter().await;
    let role = "/api/environments/prod/apps/billing/roles/worker/operation-mode";
    let app = "/apps/billing-prod";
    let before = server.flag("billing-prod", "worker");
    for (method, path, body) in [
        ("PUT", role, json!({"mode": "Normal"})),
        ("PUT", role, json!({"mode": "Normal", "dryRun": true})),
        (
            "PUT",
            role,
            json!({"mode": "Normal", "force": true, "reason": "x"}),
        ),
        (
            "PUT",
            role,
            json!({"mode": "Maintenance", "message": "Soon."}),
        ),
        (
            "PUT",
            role,
            json!({"mode": "Maintenance", "reason": "other"}),
        ),
        ("PATCH", app, json!({"maintenance": false})),
    ] {
        let asked = request(method, path, Some(&bot), Some(&body));
        let problem = server.send(asked).await.problem(409, "owner");
        assert_eq!(problem["product"], "shop", "{body}");
        assert_eq!(problem["owner"], json!({"kind": "manual", "name": "ana"}));
        assert!(problem["sinceUtc"].is_string());
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("opened for the product shop"), "{detail}");
    }
    assert_eq!(server.flag("billing-prod", "worker"), before);
    for body in [
        json!({"mode": "Maintenance"}),
        json!({"mode": "Maintenance", "until": null}),
    ] {
        let again = server.put(role, &bot, body).await;
        assert_eq!(again.status, 200, "nothing of it would change: {again:?}");
    }
    let left = server
        .put(role, &server.ana, json!({"mode": "Normal"}))
        .await;
    assert_eq!(left.status, 200, "she may write all: {left:?}");
    for mode in ["Maintenance", "Normal"] {
        let own = server.put(role, &bot, json!({"mode": mode})).await;
        assert_eq!(own.status, 200, "that window is of no product: {own:?}");
    }
    assert_eq!(server.set_bill("Maintenance").await.status, 200);
    let own = server.put(role, &bot, json!({"mode": "Normal"})).await;
    assert_eq!(own.status, 200, "that window is of its product: {own:?}");
}

#[tokio::test(start_paused = true)]
async fn a_window_that_opens_for_another_product_just_before_the_operation_is_left_alone() {
    let server = Server::with_bill().await;
    let bot = server.token("bill-bot", Scope::Write, Some("bill")).await;
    let role = "/api/environments/prod/apps/billing/roles/web/operation-mode";
    for mode in ["Maintenance", "Normal"] {
        assert_eq!(
            server.put(role, &bot, json!({"mode": mode})).await.status,
            200
        );
    }
    // While the operation takes its lease, the command opens the window for `shop`.
    let name = "/maintenance/billing-prod/flags/web";
    let flag = json!({
        "schema": 1, "mode": "on", "window": "w", "product": "shop", "since": "2026-11-29T07:00:00Z",
        "owner": {"kind": "manual", "name": "ben@desk"}, "by": "ben@desk",
    });
    let (sandbox, text) = (server.sandbox.clone(), flag.to_string());
    let opens = Fault::on("PutParameter").target("/billing-prod/lease/");
    let opens = opens
        .nth(1)
        .hook(move |_| sandbox.set_parameter(name, &text));
    server.sandbox.inject(opens);
    let off = server.put(role, &bot, json!({"mode": "Normal"})).await;
    let problem = off.problem(409, "owner");
    assert_eq!(problem["product"], "shop");
    assert_eq!(problem["owner"]["name"], "ben@desk");
    assert_eq!(server.flag("billing-prod", "web"), flag);
}

#[tokio::test(start_paused = true)]
async fn what_stays_on_for_another_product_is_said_to_and_is_no_success_by_itself() {
    let server = Server::with_bill().await;
    assert_eq!(server.set_bill("Maintenance").await.status, 200);
    server.command_on(app("shop", "prod"), "web").await;
    let ends = [
        format!("PUT {BILL_MODE}"),
        "PUT /api/environments/prod/apps/shop/roles/web/operation-mode".to_owned(),
    ];
    let left_on = json!([
        {"app": "shop-prod", "role": "web", "openedFor": null},
        {"app": "billing-prod", "role": "worker", "openedFor": "bill"},
        {"app": "billing-prod", "role": "web", "openedFor": "bill"},
    ]);
    let off = |body: Value| request("PATCH", "/apps/shop", Some(&server.ana), Some(&body));
    for request in [
        request(
            "PUT",
            SHOP_MODE,
            Some(&server.ana),
            Some(&json!({"mode": "Normal"})),
        ),
        request(
            "PUT",
            SHOP_MODE,
            Some(&server.ana),
            Some(&json!({"mode": "Normal", "dryRun": true})),
        ),
        off(json!({"maintenance": false})),
    ] {
        let problem = server.send(request).await.problem(409, "owner");
        assert_eq!(problem["leftOn"], left_on);
        let detail = problem["detail"].as_str().unwrap();
        for says in [
            "shop-prod web (turned on by itself)",
            "billing-prod worker (turned on for the product bill)",
            "nothing was changed",
        ] {
            assert!(detail.contains(says), "{detail}");
        }
        assert!(ends.iter().all(|end| detail.contains(end)), "{detail}");
    }
    let asked = server.state.operations.all().pop().unwrap();
    let asked = server.read(&format!("/api/operations/{}", asked.id)).await;
    assert_eq!(asked["status"], "Failed");
    assert_eq!(asked["problem"]["leftOn"], left_on);

    // Once something of it was closed, that is a success which names the rest; `heroku` would not hear of it.
    for heroku in [false, true] {
        let entered = server.set(json!({"mode": "Maintenance"})).await;
        assert_eq!(entered.json()["newMode"], "Maintenance", "{entered:?}");
        if heroku {
            let answer = server.send(off(json!({"maintenance": false}))).await;
            let problem = answer.problem(409, "owner");
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains("the rest left maintenance"), "{message}");
            continue;
        }
        let left = server.leave().await;
        assert_eq!(left.status, 200, "{left:?}");
        assert_eq!(left.json()["leftOn"], left_on);
        let message = left.json()["message"].to_string();
        assert!(
            message.contains("billing-prod web (turned on for the product bill)"),
            "{message}"
        );
    }
    assert_eq!(server.set_bill("Normal").await.status, 200);
    let flag = server.flag("billing-prod", "web");
    assert_eq!(flag["mode"], "off", "{flag}");
}

#[tokio::test(start_paused = true)]
async fn an_operation_on_a_role_names_no_product_that_the_token_may_not_see() {
    let server = Server::with_bill().await;
    let bot = server.token("bill-bot", Scope::Write, Some("bill")).await;
    let role = "/api/environments/prod/apps/billing/roles/web/operation-mode";
    let on = server.put(role, &bot, json!({"mode": "Maintenance"})).await;
    let on = on.json();
    assert_eq!(on["productDeploymentId"], "bill");
    let path = format!("/api/operations/{}", on["operationId"].as_str().unwrap());
    let asked = server.get(&path, &bot).await;
    assert_eq!(asked.json()["result"], on);
    assert!(!asked.body.contains("\"shop\""), "{asked:?}");
}
