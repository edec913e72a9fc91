use std::time::Duration;

use maintenance_sandbox::{Fault, FunctionSpec};
use serde_json::json;

use crate::support::{SHOP, Server, request};

#[tokio::test(start_paused = true)]
async fn a_product_and_an_app_are_turned_on_and_off() {
    let server = Server::new().await;
    assert_eq!(
        server.read("/apps/shop").await,
        json!({"name": "shop", "maintenance": false})
    );
    for (app, mode) in [("shop", "Maintenance"), ("billing-prod", "Partial")] {
        let path = format!("/apps/{app}");
        for (maintenance, mode) in [(true, mode), (false, "Normal")] {
            let body = json!({"maintenance": maintenance});
            let answer = server
                .send(request("PATCH", &path, Some(&server.ana), Some(&body)))
                .await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(
                answer.json(),
                json!({"name": app, "maintenance": maintenance})
            );
            assert_eq!(server.read(&path).await["maintenance"], maintenance);
            assert_eq!(server.read(SHOP).await["operationMode"], mode);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_has_the_members_that_heroku_prints() {
    let server = Server::new().await;
    let problem = server
        .get("/apps/none", &server.ana)
        .await
        .problem(404, "not_found");
    assert_eq!(problem["id"], "not_found");
    assert_eq!(problem["message"], problem["detail"]);

    server
        .sandbox
        .seed(FunctionSpec::new("shop-prod-upload").invoked_by("s3.amazonaws.com"));
    for (body, status, code) in [
        (json!({"maintenance": true}), 409, "events_lost"),
        (json!({"maintenance": "on"}), 400, "bad_request"),
        (
            json!({"maintenance": true, "name": "other"}),
            400,
            "bad_request",
        ),
        (json!({}), 400, "bad_request"),
    ] {
        let answer = server
            .send(request(
                "PATCH",
                "/apps/shop",
                Some(&server.ana),
                Some(&body),
            ))
            .await;
        let problem = answer.problem(status, code);
        assert_eq!(problem["id"], code);
        assert_eq!(problem["message"], problem["detail"]);
    }
    assert_eq!(server.read("/apps/shop").await["maintenance"], false);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_is_no_success_that_heroku_would_call_done() {
    let server = Server::new().await;
    let slow = Fault::on("PutFunctionConcurrency").delay(Duration::from_secs(21));
    server.sandbox.inject(slow);
    let body = json!({"maintenance": true});
    let patch = request("PATCH", "/apps/shop", Some(&server.ana), Some(&body));
    let problem = server.send(patch).await.problem(504, "timeout");
    assert_eq!(
        (&problem["id"], &problem["message"]),
        (&json!("timeout"), &problem["detail"])
    );
    let operation = problem["operation"].as_str().unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("`heroku maintenance:on -a shop` again"),
        "{detail}"
    );
    let id = operation.rsplit('/').next().unwrap();
    server
        .state
        .operations
        .get(id)
        .expect("it goes on")
        .ended()
        .await;
    let again = server
        .send(request(
            "PATCH",
            "/apps/shop",
            Some(&server.ana),
            Some(&body),
        ))
        .await;
    assert_eq!(again.status, 200, "{again:?}");
}
