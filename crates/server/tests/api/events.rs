use axum::body::BodyDataStream;
use futures_util::StreamExt;
use http::Response;
use maintenance_flag::Scope;
use serde_json::{Value, json};

use crate::support::{SHOP, Server, app, request};

/// What a reader has been sent.
pub(crate) struct Reader(BodyDataStream);

impl Reader {
    pub(crate) async fn new(server: &Server, token: &str) -> Self {
        Self::of(
            server
                .open(request("GET", "/api/events", Some(token), None))
                .await,
        )
    }

    fn of(response: Response<axum::body::Body>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body().into_data_stream())
    }

    /// The next text that is sent, none at the end.
    async fn text(&mut self) -> Option<String> {
        let text = self.0.next().await?.expect("no error");
        Some(String::from_utf8(text.to_vec()).expect("UTF-8"))
    }

    /// The next event: its name and data.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        loop {
            let text = self.text().await.expect("an event");
            let field = |name: &str| {
                let mut lines = text.lines();
                lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
            };
            if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                return (event, serde_json::from_str(&data).expect("JSON"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn readers_are_told_how_an_operation_goes_and_what_mode_comes_of_it() {
    let server = Server::new().await;
    let mut reader = Reader::new(&server, &server.ana).await;
    assert_eq!(reader.text().await.as_deref(), Some(":\n\n"));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let entered = server.enter().await.json();
    let (mut running, mut events) = (0, Vec::new());
    loop {
        let (event, data) = reader.event().await;
        match (event.as_str(), data["status"].as_str()) {
            ("operation", Some("Running")) => running += 1,
            _ => events.push((event, data)),
        }
        if events.len() == 2 {
            break;
        }
    }
    assert!(running > 0);
    let (event, data) = &events[0];
    assert_eq!(event, "operation");
    assert_eq!(data["status"], "Succeeded");
    assert_eq!(data["operationId"], entered["operationId"]);
    assert_eq!(data["productDeploymentId"], "shop");
    let web = json!({"role": "web", "phase": "finished", "done": 0, "total": null, "result": null});
    assert_eq!(data["apps"][0]["roles"][0], web);
    let mode = json!({"productDeploymentId": "shop", "environmentId": "prod", "operationMode": "Maintenance"});
    assert_eq!(events[1], ("mode".to_owned(), mode));
}

#[tokio::test(start_paused = true)]
async fn what_the_command_changes_elsewhere_is_seen_while_there_are_readers() {
    let server = Server::new().await;
    let mut reader = Reader::new(&server, &server.ana).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    server.command_on(app("try", "dev"), "web").await;
    let (event, data) = reader.event().await;
    assert_eq!(event, "mode");
    assert_eq!(data["productDeploymentId"], "try");
    assert_eq!(data["operationMode"], "Maintenance");
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_told_only_of_what_it_may_see() {
    let server = Server::new().await;
    let token = server.token("try-bot", Scope::Read, Some("try")).await;
    let mut reader = Reader::new(&server, &token).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    server.enter().await;
    let try_out = "/api/environments/dev/product-deployments/try/operation-mode";
    server
        .put(try_out, &server.ana, json!({"mode": "Maintenance"}))
        .await;
    let (_, data) = reader.event().await;
    assert_eq!(
        data["productDeploymentId"], "try",
        "the first that it hears of"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_or_falls_behind_is_told_to_read_anew() {
    let server = Server::new().await;
    let mut back = request("GET", "/api/events", Some(&server.ana), None);
    back.headers_mut()
        .insert("last-event-id", "7".parse().unwrap());
    let mut reader = Reader::of(server.open(back).await);
    assert_eq!(reader.event().await, ("resync".to_owned(), json!({})));
    for _ in 0..20 {
        server.enter().await;
        server.leave().await;
    }
    assert_eq!(reader.event().await, ("resync".to_owned(), json!({})));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_open_and_ends_when_the_server_stops() {
    let server = Server::new().await;
    let mut reader = Reader::new(&server, &server.ana).await;
    reader.text().await;
    let begin = tokio::time::Instant::now();
    assert_eq!(reader.text().await.as_deref(), Some(":\n\n"));
    assert_eq!(begin.elapsed().as_secs(), 15);
    server.state.operations.stop().await;
    assert_eq!(reader.text().await, None);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_readers_get_the_same_bytes() {
    let server = Server::new().await;
    let mut readers = Vec::new();
    for _ in 0..200 {
        readers.push(Reader::new(&server, &server.ana).await);
    }
    for reader in &mut readers {
        reader.text().await;
    }
    let calls = server.sandbox.calls().len();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    server.enter().await;
    let mut first = None;
    for reader in &mut readers {
        let bytes = reader.0.next().await.expect("an event").expect("no error");
        let first = first.get_or_insert_with(|| bytes.clone());
        assert_eq!(bytes.as_ptr(), first.as_ptr(), "it was written once");
    }
    let calls = server.sandbox.calls().len() - calls;
    assert!(calls < 100, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_closes_and_opens_by_time_is_told() {
    let server = Server::new().await;
    let mut reader = Reader::new(&server, &server.ana).await;
    assert_eq!(reader.text().await.as_deref(), Some(":\n\n"));
    let at = |hours| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
    let window = json!({"startsAt": at(1).to_string(), "until": at(2).to_string()});
    let path = format!("{SHOP}/schedule");
    let post = request("POST", &path, Some(&server.ana), Some(&window));
    assert_eq!(server.send(post).await.status, 201);
    tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    for mode in ["Maintenance", "Normal"] {
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
        let (event, data) = reader.event().await;
        assert_eq!(event, "mode");
        assert_eq!(data["operationMode"], mode);
    }
}
