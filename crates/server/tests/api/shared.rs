//! An app of two products, `shop` and `bill`.

use maintenance_flag::Scope;
use serde_json::json;

use crate::support::{Server, request};

#[tokio::test(start_paused = true)]
async fn a_token_of_one_product_changes_no_window_of_another_by_a_role_or_an_app() {
    let server = Server::with_bill().await;
    let bot = server.token("bill-bot", Scope::Write, Some("bill")).await;
    server.enter().await;
    let role = "/api/environments/prod/apps/billing/roles/worker/operation-mode";
    let app = "/apps/billing-prod";
    let before = server.flag("billing-prod", "worker");
    let operations = server.state.operations.all().len();
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
        ("PUT", role, json!({"mode": "Maintenance", "until": null})),
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
    assert_eq!(server.state.operations.all().len(), operations);

    let again = server.put(role, &bot, json!({"mode": "Maintenance"})).await;
    assert_eq!(again.status, 200, "nothing of it would change: {again:?}");
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
