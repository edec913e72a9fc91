use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use maintenance_flag::Scope;
use maintenance_sandbox::Fault;
use maintenance_server::serve::{Listen, Listener};
use serde_json::{Value, json};

use crate::support::{SHOP, Server, app, request};

#[tokio::test(start_paused = true)]
async fn health_needs_no_token_and_no_aws() {
    let server = Server::new().await;
    server
        .sandbox
        .inject(Fault::any_call().always().access_denied());
    let health = server.send(request("GET", "/healthz", None, None)).await;
    assert_eq!(
        (health.status, health.json()),
        (200, json!({"status": "ok"}))
    );
}

#[tokio::test(start_paused = true)]
async fn the_status_says_no_reason_to_strangers() {
    let server = Server::new().await;
    let stranger = || server.send(request("GET", "/__status", None, None));
    assert_eq!(
        stranger().await.json(),
        json!({"schema": 1, "state": "running", "reason": null, "until": null})
    );
    let until = (jiff::Timestamp::now() + std::time::Duration::from_secs(3600)).to_string();
    let set = json!({"mode": "Maintenance", "reason": "a breach", "until": until});
    assert_eq!(server.set(set).await.status, 200);
    let status = stranger().await.json();
    assert_eq!(status["state"], "maintenance");
    assert_eq!(status["reason"], Value::Null);
    assert!(status["until"].is_string());
    let other = server.token("try-bot", Scope::Read, Some("try")).await;
    assert_eq!(
        server.get("/__status", &other).await.json()["reason"],
        Value::Null
    );
    assert_eq!(server.read("/__status").await["reason"], "a breach");
    server
        .get("/__status", "mnt_0000000000_x")
        .await
        .problem(401, "unauthorized");

    assert_eq!(
        server.read("/__status?product=try").await["state"],
        "running"
    );
    assert_eq!(
        server.read("/__status?product=shop").await["state"],
        "maintenance"
    );
    let named = async |product: &str, token: Option<&str>| {
        let path = format!("/__status?product={product}");
        let answer = server.send(request("GET", &path, token, None)).await;
        (answer.status, answer.body.replace(product, "X"))
    };
    let stranger = named("shop", None).await;
    assert_eq!(stranger.0, 401, "{stranger:?}");
    assert_eq!(stranger, named("none", None).await);
    let limited = named("shop", Some(&other)).await;
    assert_eq!(limited.0, 404, "{limited:?}");
    assert_eq!(limited, named("none", Some(&other)).await);
    assert_eq!(named("try", Some(&other)).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn the_status_says_when_an_operation_is_half_way() {
    let server = Server::new().await;
    let state = async || {
        let status = server.send(request("GET", "/__status", None, None)).await;
        status.json()["state"].as_str().unwrap().to_owned()
    };
    // The functions of the first app are paused before the second app's worker flag turns on.
    let slow = Fault::on("PutFunctionConcurrency").delay(Duration::from_secs(8));
    server.sandbox.inject(slow);
    let set = server.set(json!({"mode": "Maintenance"}));
    let (entered, half_way) = tokio::join!(set, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        state().await
    });
    assert_eq!(entered.status, 200, "{entered:?}");
    assert_eq!(half_way, "deploying");
    assert_eq!(state().await, "maintenance");

    // What died half-way is at work on nothing.
    assert_eq!(server.leave().await.status, 200);
    server.command_on(app("billing", "prod"), "web").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.read(SHOP).await["operationMode"], "Partial");
    assert_eq!(state().await, "maintenance");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_read_is_not_running() {
    let server = Server::new().await;
    server.sandbox.inject(
        Fault::any_read()
            .target("/shop-prod/")
            .always()
            .access_denied(),
    );
    let status = server.send(request("GET", "/__status", None, None)).await;
    let problem = status.problem(503, "aws");
    assert_eq!(status.header("retry-after"), "5");
    assert!(
        !problem.to_string().contains("AccessDenied"),
        "that is not for strangers"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_token_gets_json_whatever_it_accepts() {
    let server = Server::new().await;
    let ask = |token: &str| {
        let mut asked = request("GET", "/api/operations/0", Some(token), None);
        // As Java's HttpURLConnection sends it unless told.
        let accept = "text/html, image/gif, image/jpeg, */*; q=.2";
        asked
            .headers_mut()
            .insert("accept", accept.parse().unwrap());
        server.send(asked)
    };
    ask(&server.ana).await.problem(404, "not_found");
    ask("mnt_wrong").await.problem(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_holds_no_connection() {
    let server = Server::new().await;
    let listen = Listen {
        address: (Ipv4Addr::LOCALHOST, 0).into(),
        tls: None,
        behind_proxy: false,
    };
    let listener = Listener::bind(&listen).await.expect("a free port");
    let address = listener.address();
    let (state, router) = (server.state.clone(), server.router());
    let served = async move { listener.serve(&state, router, std::future::pending()).await };
    let served = tokio::spawn(served);
    for said in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\n",
    ] {
        let (closed, is_closed) = tokio::sync::oneshot::channel();
        // Out of the runtime's sight: as soon as the server has nothing to do, its clock goes on.
        std::thread::spawn(move || {
            let mut connection = TcpStream::connect(address).expect("it listens");
            connection.write_all(said.as_bytes()).expect("it is sent");
            connection
                .set_read_timeout(Some(Duration::from_secs(20)))
                .expect("a limit");
            closed.send(connection.read_to_end(&mut Vec::new()))
        });
        let closed = is_closed.await.expect("a client");
        assert!(closed.is_ok(), "{said:?}: {closed:?}");
    }
    served.abort();
}

#[tokio::test(start_paused = true)]
async fn metrics_count_modes_operations_requests_and_refusals() {
    let server = Server::new().await;
    server.enter().await;
    server.get(&SHOP.replace("shop", "none"), &server.ana).await;
    server.get("/nowhere", &server.ana).await;
    let metrics = server.get("/metrics", &server.ana).await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for line in [
        r#"maintenance_product_mode{environment="prod",product="shop",mode="Maintenance"} 1"#,
        r#"maintenance_product_mode{environment="prod",product="shop",mode="Normal"} 0"#,
        r#"maintenance_operations_total{action="on",result="succeeded"} 1"#,
        r#"maintenance_http_requests_total{method="PUT",route="/api/environments/{environment}/product-deployments/{product}/operation-mode",status="200"} 1"#,
        r#"maintenance_http_requests_total{method="GET",route="none",status="404"} 1"#,
        r#"maintenance_http_problems_total{code="not_found"} 2"#,
    ] {
        assert!(
            metrics.body.lines().any(|it| it == line),
            "{line}\n{}",
            metrics.body
        );
    }
    let limited = server.token("try-bot", Scope::Read, Some("try")).await;
    server
        .get("/metrics", &limited)
        .await
        .problem(403, "forbidden");
    server
        .send(request("GET", "/metrics", None, None))
        .await
        .problem(401, "unauthorized");
}
