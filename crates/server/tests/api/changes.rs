use std::time::Duration;

use http::header;
use maintenance_flag::Scope;
use maintenance_sandbox::{Fault, FunctionSpec};
use serde_json::{Value, json};

use crate::support::{SHOP, SHOP_MODE, Server, app, request};

#[tokio::test(start_paused = true)]
async fn a_product_enters_and_leaves_maintenance_and_a_repetition_does_nothing() {
    let server = Server::new().await;
    let entered = server.enter().await.json();
    let operation = entered["operationId"].as_str().expect("an id").to_owned();
    assert_eq!(
        entered,
        json!({
            "success": true,
            "message": "Shop is in maintenance now",
            "productDeploymentId": "shop",
            "previousMode": "Normal",
            "newMode": "Maintenance",
            "triggerSource": "Manual",
            "setterError": null,
            "leftOn": [],
            "drainedAt": entered["drainedAt"],
            "operationId": operation,
        })
    );
    assert!(entered["drainedAt"].is_string());
    assert_eq!(
        server.reserved(),
        ["billing-prod-pdf=0", "shop-prod-mail=0", "shop-prod-sync=0"]
    );
    let flag = server.flag("billing-prod", "worker");
    assert_eq!(
        (&flag["product"], &flag["by"]),
        (&json!("shop"), &json!("ana"))
    );

    let since = server.flag("shop-prod", "web")["since"].clone();
    let again = server.enter().await.json();
    assert_eq!(again["previousMode"], "Maintenance");
    assert_eq!(again["newMode"], "Maintenance");
    assert_eq!(again["message"], "Shop was in maintenance already");
    assert_eq!(server.flag("shop-prod", "web")["since"], since);

    let left = server.leave().await.json();
    assert_eq!(left["previousMode"], "Maintenance");
    assert_eq!(left["newMode"], "Normal");
    assert_eq!(left["message"], "Shop is back in normal operation");
    assert_eq!(left["drainedAt"], Value::Null);
    assert_eq!(
        server.reserved(),
        ["billing-prod-pdf=3", "shop-prod-mail=5", "shop-prod-sync=7"]
    );

    let again = server.leave().await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["message"], "Shop was not in maintenance");
}

#[tokio::test(start_paused = true)]
async fn the_mode_counts_in_any_case() {
    let server = Server::new().await;
    for (mode, new) in [("mAINTENANCE", "Maintenance"), ("normal", "Normal")] {
        let answer = server.set(json!({"mode": mode})).await;
        assert_eq!(answer.json()["newMode"], new, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_body_is_refused_with_its_reason_and_changes_nothing() {
    let server = Server::new().await;
    for (body, says) in [
        (json!({}), "missing field `mode`"),
        (
            json!({"mode": "on"}),
            "mode must be Maintenance or Normal, and is \"on\"",
        ),
        (json!({"mode": 1}), "expected a string"),
        (
            json!({"mode": "Normal", "colour": "red"}),
            "unknown field `colour`",
        ),
        (
            json!({"mode": "Maintenance", "until": "soon"}),
            "until must be a time such as",
        ),
        (
            json!({"mode": "Maintenance", "until": 5}),
            "expected a string",
        ),
        (
            json!({"mode": "Maintenance", "retryAfter": -1}),
            "expected a whole number, found -1",
        ),
        (
            json!({"mode": "Maintenance", "readOnly": "yes"}),
            "expected a boolean",
        ),
        (json!([]), "invalid type: sequence, expected an object"),
        (json!("Maintenance"), "invalid type"),
    ] {
        let problem = server.set(body.clone()).await.problem(400, "bad_request");
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.contains("deserialize"), "{body}: {detail}");
        assert!(detail.contains(says), "{body}: {detail}");
    }
    for (body, says) in [
        (json!({"reason": ""}), "reason must not be empty"),
        (
            json!({"reason": "a\nb"}),
            "reason must be one line, without control characters",
        ),
        (
            json!({"reason": "x".repeat(1025)}),
            "reason must be at most 1024 bytes, and has 1025",
        ),
        (json!({"message": " "}), "message must not be empty"),
        (
            json!({"message": "\u{202e}x"}),
            "message must not hold U+202E",
        ),
        (
            json!({"message": "x".repeat(1025)}),
            "message must be at most 1024 bytes",
        ),
        (
            json!({"until": "2020-01-01T00:00:00Z"}),
            "until must be in the future",
        ),
        (
            json!({"until": "9999-12-31T23:59:59Z"}),
            "until must end within 30 days",
        ),
        (
            json!({"retryAfter": 0}),
            "retryAfter must be a whole number of seconds, 1 to 2592000",
        ),
        (
            json!({"force": true, "reason": "why"}),
            "send it with \"mode\": \"Normal\"",
        ),
        (
            json!({"readOnly": true}),
            "the worker role of shop-prod selects functions",
        ),
    ] {
        let mut body = body;
        body["mode"] = "Maintenance".into();
        let problem = server.set(body.clone()).await.problem(422, "unprocessable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{body}: {detail}");
    }
    for body in [
        json!({"message": "x"}),
        json!({"until": "2099-01-01T00:00:00Z"}),
        json!({"retryAfter": 5}),
        json!({"readOnly": true}),
        json!({"acceptEventLoss": true}),
        json!({"force": true}),
    ] {
        let mut body = body;
        body["mode"] = "Normal".into();
        server.set(body).await.problem(422, "unprocessable");
    }
    let text = request("PUT", SHOP_MODE, Some(&server.ana), None);
    let problem = server.send(text).await;
    let problem = problem.problem(415, "unsupported_media_type");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("Content-Type: application/json"),
        "{detail}"
    );
    let mut cut = request("PUT", SHOP_MODE, Some(&server.ana), Some(&json!({})));
    *cut.body_mut() = "{\"mode\"".into();
    let problem = server.send(cut).await.problem(400, "bad_request");
    assert_eq!(
        problem["detail"],
        "the body is not JSON: EOF while parsing an object at line 1 column 7"
    );
    let mut large = request("PUT", SHOP_MODE, Some(&server.ana), Some(&json!({})));
    *large.body_mut() = vec![b' '; 100_000].into();
    let problem = server.send(large).await.problem(413, "too_large");
    assert_eq!(problem["detail"], "the body is larger than 64 KiB");
    assert!(server.state.operations.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_visitors_are_told_is_set_changed_and_taken_away() {
    let server = Server::new().await;
    let until = (jiff::Timestamp::now() + Duration::from_secs(7200)).to_string();
    let set = json!({"mode": "Maintenance", "message": " Back soon. ", "until": until, "retryAfter": 90.0});
    assert_eq!(server.set(set).await.status, 200);
    let flag = server.flag("billing-prod", "web");
    assert_eq!(flag["message"], "Back soon.");
    assert_eq!(flag["retry_after"], 90);
    assert!(flag["until"].is_string());

    let set = json!({"mode": "Maintenance", "until": null, "retryAfter": null});
    let changed = server.set(set).await.json();
    assert_eq!(changed["previousMode"], "Maintenance");
    let flag = server.flag("billing-prod", "web");
    assert_eq!(flag["message"], "Back soon.", "it was not spoken of");
    assert_eq!(
        (&flag["until"], &flag["retry_after"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_the_plan_and_changes_nothing() {
    let server = Server::new().await;
    let before = server.sandbox.writes().len();
    let planned = server
        .set(json!({"mode": "Maintenance", "dryRun": true}))
        .await;
    assert_eq!(planned.status, 200);
    let planned = planned.json();
    assert_eq!(planned["newMode"], "Maintenance");
    assert_eq!(planned["operationId"], Value::Null);
    assert_eq!(
        planned["message"],
        "Nothing was changed: Shop would be Maintenance"
    );
    let worker = &planned["plan"][0]["roles"][1];
    assert_eq!(planned["plan"][0]["app"], "shop-prod");
    assert_eq!(worker["outcome"], "turned_on");
    assert_eq!(
        worker["functions"]["steps"][0],
        json!({"function": "shop-prod-mail", "steps": [{"step": "reserve_zero", "was": 5}]})
    );
    assert_eq!(server.sandbox.writes().len(), before);
    assert_eq!(server.read(SHOP).await["operationMode"], "Normal");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_over_hundreds_of_functions_is_an_operation_that_has_the_plan_in_the_end() {
    let server = Server::new().await;
    for n in 0..420 {
        server
            .sandbox
            .seed(FunctionSpec::new(&format!("shop-prod-n{n:03}")));
    }
    let (before, begin) = (server.sandbox.writes().len(), tokio::time::Instant::now());
    let dry_run = json!({"mode": "Maintenance", "dryRun": true});
    let accepted = server.set(dry_run).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert!(begin.elapsed() < Duration::from_secs(25));
    let location = accepted.header("location").to_owned();
    let reading = accepted.json();
    assert_eq!(
        (&reading["dryRun"], &reading["status"]),
        (&json!(true), &json!("Running"))
    );
    assert_eq!(reading["apps"][0]["roles"][1]["phase"], "reading");
    let read = reading["done"].as_u64().unwrap();
    assert!((1..420).contains(&read), "{read}");
    // It is no operation on the product, and keeps none from it.
    assert_eq!(server.read(SHOP).await["operation"], Value::Null);
    assert!(server.state.operations.all().is_empty());

    let id = location.rsplit('/').next().unwrap();
    server
        .state
        .operations
        .get(id)
        .expect("it is known")
        .ended()
        .await;
    let ended = server.read(&location).await;
    assert_eq!(ended["status"], "Succeeded", "{}", ended["problem"]);
    let result = &ended["result"];
    assert_eq!(
        (&result["message"], &result["operationId"]),
        (
            &json!("Nothing was changed: Shop would be Maintenance"),
            &Value::Null
        )
    );
    assert_eq!(result["plan"][0]["roles"][1]["functions"]["selected"], 422);
    assert_eq!(server.sandbox.writes().len(), before);
    let other = server.token("try-bot", Scope::Read, Some("try")).await;
    server
        .get(&location, &other)
        .await
        .problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_would_be_refused_says_so_there_as_well() {
    let server = Server::new().await;
    let observer = server.token("database", Scope::Observe, None).await;
    let entered = server
        .put(SHOP_MODE, &observer, json!({"mode": "Maintenance"}))
        .await;
    assert_eq!(entered.status, 200);
    let leave = json!({"mode": "Normal", "dryRun": true});
    let refused = server.set(leave.clone()).await.problem(409, "owner");
    let mut asked = request("PUT", SHOP_MODE, Some(&server.ana), Some(&leave));
    asked
        .headers_mut()
        .insert("prefer", "respond-async".parse().unwrap());
    let accepted = server.send(asked).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let location = accepted.header("location").to_owned();
    let id = location.rsplit('/').next().unwrap();
    server
        .state
        .operations
        .get(id)
        .expect("it is known")
        .ended()
        .await;
    let ended = server.read(&location).await;
    assert_eq!(ended["status"], "Failed");
    assert_eq!(ended["problem"], refused);
}

#[tokio::test(start_paused = true)]
async fn who_prefers_not_to_wait_gets_the_address_of_the_operation() {
    let server = Server::new().await;
    let mut asked = request(
        "PUT",
        SHOP_MODE,
        Some(&server.ana),
        Some(&json!({"mode": "Maintenance"})),
    );
    asked
        .headers_mut()
        .insert("prefer", "wait=5, Respond-Async; x=1".parse().unwrap());
    let accepted = server.send(asked).await;
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.header("preference-applied"), "respond-async");
    let location = accepted.header(header::LOCATION.as_str()).to_owned();
    assert_eq!(accepted.json()["href"], *location);
    assert_eq!(accepted.json()["status"], "Running");
    assert_eq!(server.read(SHOP).await["operation"]["href"], *location);

    let id = location.rsplit('/').next().unwrap();
    let operation = server.state.operations.get(id).expect("it is known");
    operation.ended().await;
    let ended = server.read(&location).await;
    assert_eq!(ended["status"], "Succeeded");
    assert_eq!(ended["mode"], "Maintenance");
    assert_eq!(ended["triggeredBy"], "ana");
    assert_eq!(ended["productDeploymentId"], "shop");
    assert_eq!(ended["environmentId"], "prod");
    assert_eq!(ended["problem"], Value::Null);
    assert_eq!(ended["result"]["newMode"], "Maintenance");
    assert_eq!((&ended["done"], &ended["total"]), (&json!(3), &json!(3)));
    assert!(ended["endedAtUtc"].is_string());
    let worker = &ended["apps"][0]["roles"][1];
    assert_eq!(worker["phase"], "finished");
    assert_eq!(
        worker["result"]["functions"]["changed"],
        json!(["shop-prod-mail", "shop-prod-sync"])
    );
    assert_eq!(server.read(SHOP).await["operation"], Value::Null);

    let other = server.token("try-bot", Scope::Read, Some("try")).await;
    server
        .get(&location, &other)
        .await
        .problem(404, "not_found");
    server
        .get("/api/operations/none", &server.ana)
        .await
        .problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_twenty_seconds_goes_on_without_the_client() {
    let server = Server::new().await;
    let slow = Fault::on("PutFunctionConcurrency").delay(Duration::from_secs(21));
    server.sandbox.inject(slow);
    let begin = tokio::time::Instant::now();
    let accepted = server.set(json!({"mode": "Maintenance"})).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert!(begin.elapsed() < Duration::from_secs(25));
    assert_eq!(accepted.header("preference-applied"), "");
    let operation = accepted.json();
    assert_eq!(operation["status"], "Running");
    let operation = operation["operationId"].as_str().unwrap();
    server
        .state
        .operations
        .get(operation)
        .unwrap()
        .ended()
        .await;
    let ended = server.read(accepted.header("location")).await;
    assert_eq!(ended["status"], "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn one_role_is_turned_on_and_off_by_either_name_of_its_app() {
    let server = Server::new().await;
    let web = "/api/environments/prod/apps/billing/roles/web/operation-mode";
    let on = server
        .put(
            web,
            &server.ana,
            json!({"mode": "Maintenance", "readOnly": true}),
        )
        .await;
    assert_eq!(on.status, 200, "{on:?}");
    assert_eq!(
        on.json()["message"],
        "the web role of billing-prod is in maintenance now"
    );
    let flag = server.flag("billing-prod", "web");
    assert_eq!(
        (&flag["mode"], &flag["product"]),
        (&json!("read-only"), &Value::Null)
    );
    assert_eq!(server.read(SHOP).await["operationMode"], "Partial");

    let full = "/api/environments/prod/apps/billing-prod/roles/web/operation-mode";
    let off = server
        .put(full, &server.ana, json!({"mode": "Normal"}))
        .await;
    assert_eq!(off.json()["newMode"], "Normal", "{off:?}");
    for unknown in [
        "/api/environments/prod/apps/none/roles/web/operation-mode",
        "/api/environments/prod/apps/billing/roles/none/operation-mode",
        "/api/environments/prod/apps/billing/roles/NOT A ROLE/operation-mode",
        "/api/environments/dev/apps/billing/roles/web/operation-mode",
        "/api/environments/dev/apps/billing-prod/roles/web/operation-mode",
    ] {
        let unknown = unknown.replace(' ', "%20");
        let answer = server
            .put(&unknown, &server.ana, json!({"mode": "Maintenance"}))
            .await;
        answer.problem(404, "not_found");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_on_by_itself_is_named_when_the_product_is_left() {
    let server = Server::new().await;
    server.command_on(app("billing", "prod"), "worker").await;
    server.enter().await;
    let left = server.leave().await;
    assert_eq!(left.status, 200, "{left:?}");
    let left = left.json();
    assert_eq!(
        left["leftOn"],
        json!([{"app": "billing-prod", "role": "worker", "openedFor": null}])
    );
    assert_eq!(left["newMode"], "Partial");
    assert_eq!(
        left["message"],
        "Shop left maintenance, but for billing-prod worker (turned on by itself), which stays on"
    );
    let product = server.read(SHOP).await;
    assert_eq!(product["operationMode"], "Partial");
    assert_eq!(
        product["canExitMaintenance"], false,
        "nothing of it was opened for the product"
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_token_of_scope_write_or_observe_changes_anything() {
    let server = Server::new().await;
    let body = json!({"mode": "Maintenance"});
    let reader = server.token("reader", Scope::Read, None).await;
    let refused = server
        .put(SHOP_MODE, &reader, body.clone())
        .await
        .problem(403, "forbidden");
    assert_eq!(refused["missing"], "write");
    let nobody = request("PUT", SHOP_MODE, None, Some(&body));
    server.send(nobody).await.problem(401, "unauthorized");
    server
        .put(SHOP_MODE, "mnt_0000000000_x", body.clone())
        .await
        .problem(401, "unauthorized");

    let observer = server.token("database", Scope::Observe, None).await;
    let entered = server.put(SHOP_MODE, &observer, body).await.json();
    assert_eq!(entered["triggerSource"], "Observer");
    let trigger = server.read(SHOP).await["maintenanceTrigger"].clone();
    assert_eq!(
        (&trigger["source"], &trigger["triggeredBy"]),
        (&json!("Observer"), &json!("database"))
    );
    let left = server
        .put(SHOP_MODE, &observer, json!({"mode": "Normal"}))
        .await;
    assert_eq!(left.json()["newMode"], "Normal", "{left:?}");
}
