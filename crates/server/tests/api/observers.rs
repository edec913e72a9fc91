//! Observers at work over the sandbox, on tokio's paused clock, and what the API says of them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use maintenance_control::CancellationToken;
use maintenance_flag::{Prefix, Role, Scope};
use maintenance_sandbox::{FunctionSpec, Sandbox};
use maintenance_server::AppState;
use maintenance_server::catalog::Catalog;
use maintenance_server::observers::kinds::{File, FileMode, Kind};
use maintenance_server::observers::{
    Configured, NoteKind, ObservationStore, Observer, Opens, Place, View,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::managed::{clock, store};
use crate::support::{SHOP, Server, app, request, sandbox};

/// A file whose existence means maintenance, in a folder that has another one.
struct Flag(TempDir);

impl Flag {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(".keep"), "").unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("maintenance")
    }

    fn raise(&self) {
        fs::write(self.path(), "").unwrap();
    }

    fn lower(&self) {
        fs::remove_file(self.path()).unwrap();
    }

    /// As when the share is not mounted any more.
    fn unmount(&self) {
        for file in fs::read_dir(self.0.path()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }

    fn observer(&self, name: &str, place: Place) -> Observer {
        Observer {
            name: name.parse().unwrap(),
            kind: Kind::File(File::new(self.path(), FileMode::Exists)),
            kind_name: "file",
            confirm: 2,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            place,
            opens: Opens::default(),
            secrets: Vec::new(),
        }
    }
}

fn shop(catalog: &Catalog) -> Place {
    Place::Product(catalog.product("prod", "shop").unwrap().clone())
}

fn role(catalog: &Catalog, name: &str, role: Role) -> Place {
    Place::App {
        app: catalog.app(name).unwrap().clone(),
        roles: Some(vec![role]),
    }
}

fn enabled(observer: Observer) -> Configured {
    Configured::Enabled(Box::new(observer))
}

/// The state with observers, as another process over the same sandbox has it.
fn observed(state: &AppState, sandbox: &Sandbox, configured: Vec<Configured>) -> AppState {
    let store = ObservationStore::new(store(sandbox), &Prefix::default(), &app("shop", "prod"));
    let state = AppState::new(state.catalog.clone());
    state.with_observers(configured, store, clock(sandbox))
}

/// A server whose product `shop` the observer `database` observes.
async fn observing(flag: &Flag) -> Server {
    Server::observed_by(sandbox(), |catalog| {
        vec![enabled(flag.observer("database", shop(catalog)))]
    })
    .await
}

/// Checks once, and waits for what that begins.
async fn check(state: &AppState, name: &str) -> View {
    let checked = state.observers.check(name).await.expect("an observer");
    checked.ended().await;
    checked.view()
}

fn noted(view: &View) -> (Option<NoteKind>, &str) {
    let note = view.note.as_ref();
    let text = note.map_or("", |note| note.text.as_str());
    (note.map(|note| note.kind), text)
}

fn is_on(server: &Server, app: &str, role: &str) -> bool {
    let name = format!("/maintenance/{app}/flags/{role}");
    let parameters = server.sandbox.parameters();
    let stored = parameters.get(&name);
    stored.is_some_and(|_| server.flag(app, role)["mode"] == "on")
}

#[tokio::test(start_paused = true)]
async fn an_observer_turns_on_by_what_it_sees_and_off_what_it_has_turned_on() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    let before = server.reserved();
    flag.raise();
    let first = check(&server.state, "database").await;
    assert_eq!((first.streak, noted(&first)), (1, (None, "")));
    assert!(
        !is_on(&server, "shop-prod", "web"),
        "one result is not enough"
    );
    let second = check(&server.state, "database").await;
    assert_eq!(
        noted(&second),
        (Some(NoteKind::Acted), "turned on maintenance of shop")
    );
    for (app, role) in [("shop-prod", "web"), ("billing-prod", "worker")] {
        let stored = server.flag(app, role);
        assert_eq!(
            stored["owner"],
            json!({"kind": "observer", "name": "database"})
        );
        assert_eq!(
            (&stored["by"], &stored["product"]),
            (&json!("database"), &json!("shop"))
        );
        assert_eq!(
            stored["reason"],
            "the observer database saw that it is needed"
        );
    }
    assert!(server.reserved().iter().all(|it| it.ends_with("=0")));
    // A person may not end it, and the API says whose it is.
    let refused = server.leave().await.problem(409, "owner");
    assert_eq!(refused["owner"]["name"], "database");

    flag.lower();
    check(&server.state, "database").await;
    assert!(is_on(&server, "shop-prod", "web"));
    let off = check(&server.state, "database").await;
    assert_eq!(
        noted(&off),
        (Some(NoteKind::Acted), "turned off maintenance of shop")
    );
    assert!(!is_on(&server, "shop-prod", "web"));
    assert_eq!(server.reserved(), before);
}

#[tokio::test(start_paused = true)]
async fn unknown_never_changes_anything_nor_does_an_unmounted_share_end_maintenance() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    flag.raise();
    check(&server.state, "database").await;
    check(&server.state, "database").await;
    assert!(is_on(&server, "shop-prod", "web"));
    flag.unmount();
    server.sandbox.reset_calls();
    for _ in 0..5 {
        let view = check(&server.state, "database").await;
        assert_eq!(view.streak, 0);
    }
    assert!(is_on(&server, "shop-prod", "web"));
    // One write, that it is unknown now; and no flag is read for it.
    assert_eq!(server.sandbox.writes().len(), 1);
    let targets = server.sandbox.calls();
    let mut targets = targets.iter().filter_map(|it| it.call.target.as_deref());
    assert!(targets.all(|it| it.contains("/observers/database")));
    // What it saw before the silence does not count any more.
    fs::write(flag.0.path().join(".keep"), "").unwrap();
    check(&server.state, "database").await;
    assert!(is_on(&server, "shop-prod", "web"));
    check(&server.state, "database").await;
    assert!(!is_on(&server, "shop-prod", "web"));
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_a_person_whose_off_hands_nothing_to_it() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    server.enter().await;
    flag.raise();
    for _ in 0..3 {
        check(&server.state, "database").await;
    }
    let view = check(&server.state, "database").await;
    assert_eq!(
        noted(&view),
        (Some(NoteKind::Waits), "waits: ana holds web of shop-prod")
    );
    assert_eq!(server.flag("shop-prod", "web")["owner"]["name"], "ana");
    // It sees normal: the person's window stays.
    flag.lower();
    for _ in 0..3 {
        let view = check(&server.state, "database").await;
        assert_eq!(noted(&view), (None, ""));
    }
    assert!(is_on(&server, "shop-prod", "web"));
    flag.raise();
    for _ in 0..3 {
        check(&server.state, "database").await;
    }
    assert_eq!(server.leave().await.status, 200);
    // Its row begins anew: this result is seen with the person's change, the next two count.
    for _ in 0..2 {
        check(&server.state, "database").await;
        assert!(!is_on(&server, "shop-prod", "web"));
    }
    check(&server.state, "database").await;
    assert!(is_on(&server, "shop-prod", "web"));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_takes_by_force_stays_theirs_until_it_has_seen_normal() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    flag.raise();
    check(&server.state, "database").await;
    check(&server.state, "database").await;
    let force = json!({"mode": "Normal", "force": true, "reason": "the monitor is wrong"});
    assert_eq!(server.set(force).await.status, 200);
    for _ in 0..5 {
        check(&server.state, "database").await;
    }
    let view = check(&server.state, "database").await;
    assert!(!is_on(&server, "shop-prod", "web"));
    let (kind, text) = noted(&view);
    assert_eq!(kind, Some(NoteKind::Waits));
    assert!(text.starts_with("waits: ana took"), "{text}");
    flag.lower();
    for _ in 0..2 {
        check(&server.state, "database").await;
    }
    flag.raise();
    for _ in 0..2 {
        check(&server.state, "database").await;
    }
    assert!(is_on(&server, "shop-prod", "web"));
}

#[tokio::test(start_paused = true)]
async fn a_window_of_another_observer_is_a_conflict_that_is_reported_and_nothing_else() {
    let (database, network) = (Flag::new(), Flag::new());
    let server = Server::observed_by(sandbox(), |catalog| {
        let web = role(catalog, "billing-prod", Role::web());
        let observer = network.observer("network", web);
        vec![
            enabled(database.observer("database", shop(catalog))),
            enabled(Observer {
                confirm: 1,
                ..observer
            }),
        ]
    })
    .await;
    network.raise();
    check(&server.state, "network").await;
    database.raise();
    check(&server.state, "database").await;
    let view = check(&server.state, "database").await;
    let conflict = "the observer network holds web of billing-prod";
    assert_eq!(noted(&view), (Some(NoteKind::Conflict), conflict));
    assert!(!is_on(&server, "shop-prod", "web"));
    // Nor does it end it.
    database.lower();
    for _ in 0..3 {
        check(&server.state, "database").await;
    }
    assert!(is_on(&server, "billing-prod", "web"));
}

#[tokio::test(start_paused = true)]
async fn lost_events_are_refused_and_reported_unless_they_are_accepted() {
    let flag = Flag::new();
    let server = Server::observed_by(sandbox(), |catalog| {
        let worker = |name| flag.observer(name, role(catalog, "shop-prod", Role::worker()));
        let opens = Opens {
            accept_event_loss: true,
            ..Opens::default()
        };
        vec![
            enabled(Observer {
                confirm: 1,
                ..worker("careful")
            }),
            enabled(Observer {
                confirm: 1,
                opens,
                ..worker("careless")
            }),
        ]
    })
    .await;
    let lossy = FunctionSpec::new("shop-prod-upload").invoked_by("s3.amazonaws.com");
    server.sandbox.seed(lossy);
    flag.raise();
    let view = check(&server.state, "careful").await;
    let (kind, text) = noted(&view);
    assert_eq!(kind, Some(NoteKind::Failed));
    assert!(text.contains("accept_event_loss = true"), "{text}");
    assert!(!is_on(&server, "shop-prod", "worker"));
    // It is not tried at every check: the pause doubles.
    server.sandbox.reset_calls();
    check(&server.state, "careful").await;
    let calls = server.sandbox.call_counts();
    assert_eq!(calls.by_operation.get("ListFunctions"), None, "{calls:?}");
    let view = check(&server.state, "careless").await;
    assert_eq!(noted(&view).0, Some(NoteKind::Acted));
    assert!(is_on(&server, "shop-prod", "worker"));
}

#[tokio::test(start_paused = true)]
async fn the_last_result_and_the_streak_survive_a_restart() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    flag.raise();
    check(&server.state, "database").await;
    let stored = "/maintenance/shop-prod/observers/database";
    let text = &server.sandbox.parameters()[stored].value;
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(
        (&document["result"], &document["streak"]),
        (&json!("maintenance"), &json!(1))
    );

    let again = |state: &AppState, sandbox: &Sandbox| {
        let observer = flag.observer("database", shop(&state.catalog));
        observed(state, sandbox, vec![enabled(observer)])
    };
    let restarted = again(&server.state, &server.sandbox);
    let view = check(&restarted, "database").await;
    assert_eq!(view.streak, 2);
    assert!(is_on(&server, "shop-prod", "web"));
    // What it began and did not finish is finished by the next one.
    let unfinished = text.replace("\"streak\":1", "\"streak\":2,\"unfinished\":true");
    server.sandbox.set_parameter(stored, &unfinished);
    server
        .sandbox
        .set_reserved("shop-prod-mail", Some(5))
        .unwrap();
    server
        .sandbox
        .seed(FunctionSpec::new("shop-prod-new").reserved(2));
    let restarted = again(&server.state, &server.sandbox);
    check(&restarted, "database").await;
    assert!(
        server.reserved().contains(&"shop-prod-new=0".to_owned()),
        "{:?}",
        server.reserved()
    );
    // A newer version's is left as it is.
    let newer = json!({"schema": 2, "result": "fine"}).to_string();
    server.sandbox.set_parameter(stored, &newer);
    let restarted = again(&server.state, &server.sandbox);
    check(&restarted, "database").await;
    assert_eq!(server.sandbox.parameters()[stored].value, newer);
}

#[tokio::test(start_paused = true)]
async fn two_processes_with_the_same_observer_do_no_harm() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    let observer = flag.observer("database", shop(&server.state.catalog));
    let other = observed(&server.state, &server.sandbox, vec![enabled(observer)]);
    let before = server.reserved();
    let stop = CancellationToken::new();
    let mut windows = std::collections::BTreeSet::new();
    server.state.observers.start(&stop);
    other.observers.start(&stop);
    for round in 0..3 {
        flag.raise();
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(is_on(&server, "shop-prod", "web"), "{round}");
        assert!(server.reserved().iter().all(|it| it.ends_with("=0")));
        let window = server.flag("shop-prod", "web")["window"].clone();
        windows.insert(window.as_str().unwrap().to_owned());
        flag.lower();
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(!is_on(&server, "shop-prod", "web"), "{round}");
        assert_eq!(server.reserved(), before);
    }
    stop.cancel();
    server.state.observers.stopped().await;
    other.observers.stopped().await;
    assert_eq!(windows.len(), 3);
    // Each flag was written six times, whoever was first.
    let stored = &server.sandbox.parameters()["/maintenance/shop-prod/flags/web"];
    assert_eq!(stored.version, 6);
}

#[tokio::test(start_paused = true)]
async fn the_interval_counts_from_check_to_check_also_beyond_24_8_days_of_milliseconds_in_32_bits()
{
    for interval in [Duration::from_secs(30), Duration::from_secs(30 * 86_400)] {
        let flag = Flag::new();
        let server = Server::observed_by(sandbox(), |catalog| {
            let observer = flag.observer("database", shop(catalog));
            vec![enabled(Observer {
                interval,
                ..observer
            })]
        })
        .await;
        let mut changes = server.state.observers.changes();
        let stop = CancellationToken::new();
        server.state.observers.start(&stop);
        let mut last = None;
        for _ in 0..4 {
            let view = changes.recv().await.unwrap();
            let at = view.last.as_ref().unwrap().0;
            if let Some(before) = last.replace(at) {
                let passed = Duration::try_from(at.duration_since(before)).unwrap();
                let bounds = interval.mul_f64(0.89)..interval.mul_f64(1.11);
                assert!(bounds.contains(&passed), "{passed:?} of {interval:?}");
            }
            let next = Duration::try_from(view.next_check.unwrap().duration_since(at)).unwrap();
            assert!(next <= interval.mul_f64(1.11), "{next:?}");
        }
        stop.cancel();
        server.state.observers.stopped().await;
        assert!(changes.try_recv().is_err());
    }
}

/// A server with an observer of `shop`, and one of `try` that is disabled.
async fn with_disabled(flag: &Flag) -> Server {
    Server::observed_by(sandbox(), |catalog| {
        vec![
            enabled(flag.observer("database", shop(catalog))),
            Configured::Disabled {
                name: "status".parse().unwrap(),
                kind_name: "http",
                place: role(catalog, "try-dev", Role::web()),
                why: "url: the variable HOST is not set".to_owned(),
            },
        ]
    })
    .await
}

const TRY: &str = "/api/environments/dev/product-deployments/try";

#[tokio::test(start_paused = true)]
async fn the_api_lists_observers_and_checks_now_for_who_may_change_the_product() {
    let flag = Flag::new();
    let server = with_disabled(&flag).await;
    let list = server.read(&format!("{SHOP}/observers")).await;
    let observer = &list["observers"][0];
    assert_eq!(list["observers"].as_array().unwrap().len(), 1);
    assert_eq!(observer["name"], "database");
    assert_eq!(
        (&observer["kind"], &observer["target"]),
        (&json!("file"), &json!("shop"))
    );
    assert_eq!(observer["lastResult"], Value::Null);
    assert_eq!(
        (&observer["confirm"], &observer["intervalSeconds"]),
        (&json!(2), &json!(30))
    );

    let post = async |product: &str, name: &str, token: &str| {
        let path = format!("{product}/observers/{name}/check");
        server.send(request("POST", &path, Some(token), None)).await
    };
    flag.raise();
    let answer = post(SHOP, "database", &server.ana).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let checked = answer.json();
    assert_eq!(checked["streak"], 1);
    let result = &checked["lastResult"];
    assert_eq!(
        (&result["isSuccess"], &result["isMaintenanceRequired"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&result["observedValue"], &result["errorMessage"]),
        (&json!("the file exists"), &Value::Null)
    );
    assert!(result["checkedAt"].is_string());
    flag.unmount();
    let unknown = post(SHOP, "database", &server.ana).await.json();
    let result = &unknown["lastResult"];
    assert_eq!(
        (&result["isSuccess"], &result["isMaintenanceRequired"]),
        (&json!(false), &json!(false))
    );
    assert!(
        result["errorMessage"]
            .as_str()
            .unwrap()
            .contains("is empty")
    );

    let reader = server.token("reader", Scope::Read, None).await;
    let of_try = server.token("try-bot", Scope::Write, Some("try")).await;
    assert_eq!(
        server
            .get(&format!("{SHOP}/observers"), &reader)
            .await
            .status,
        200
    );
    post(SHOP, "database", &reader)
        .await
        .problem(403, "forbidden");
    post(SHOP, "database", &of_try)
        .await
        .problem(404, "not_found");
    post(SHOP, "none", &server.ana)
        .await
        .problem(404, "not_found");
    // Not by the path of a product that it does not observe.
    post(TRY, "database", &server.ana)
        .await
        .problem(404, "not_found");
    let disabled = post(TRY, "status", &server.ana)
        .await
        .problem(422, "unprocessable");
    assert!(
        disabled["detail"]
            .as_str()
            .unwrap()
            .contains("variable HOST")
    );
    let list = server.read(&format!("{TRY}/observers")).await;
    assert_eq!(
        list["observers"][0]["disabled"],
        "url: the variable HOST is not set"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_of_scope_observe_acts_as_the_observer_that_it_is_named_for() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    let database = server.token("database", Scope::Observe, None).await;
    let on = server
        .put(
            &format!("{SHOP}/operation-mode"),
            &database,
            json!({"mode": "Maintenance"}),
        )
        .await;
    assert_eq!(on.status, 200, "{on:?}");
    // It is the same owner: what the token opened, the observer of this server closes.
    check(&server.state, "database").await;
    let view = check(&server.state, "database").await;
    assert_eq!(
        noted(&view),
        (Some(NoteKind::Acted), "turned off maintenance of shop")
    );
    assert!(!is_on(&server, "shop-prod", "web"));
}

#[tokio::test(start_paused = true)]
async fn readers_of_events_hear_of_each_check() {
    let flag = Flag::new();
    let server = observing(&flag).await;
    let mut reader = crate::events::Reader::new(&server, &server.ana).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    check(&server.state, "database").await;
    let (event, data) = loop {
        let (event, data) = reader.event().await;
        if event == "observer" {
            break (event, data);
        }
    };
    assert_eq!(
        (event.as_str(), &data["name"]),
        ("observer", &json!("database"))
    );
    assert_eq!(data["lastResult"]["isMaintenanceRequired"], false);
}

/// The page of this path, as text.
async fn page(server: &Server, method: &str, path: &str, token: &str) -> (u16, String) {
    use http_body_util::BodyExt as _;
    let mut request = request(method, path, Some(token), None);
    let html = http::HeaderValue::from_static("text/html");
    request.headers_mut().insert(http::header::ACCEPT, html);
    let response = server.open(request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_page_shows_each_observer_and_has_check_now_for_who_may() {
    let flag = Flag::new();
    let server = with_disabled(&flag).await;
    flag.raise();
    let (status, shown) = page(&server, "GET", "/observers", &server.ana).await;
    assert_eq!(status, 200);
    assert!(
        shown.contains("action=\"/observers/database/check\""),
        "{shown}"
    );
    assert!(shown.contains("Disabled: <bdi>url: the variable HOST is not set"));
    assert!(!shown.contains("/observers/status/check"));
    let (status, _) = page(&server, "POST", "/observers/database/check", &server.ana).await;
    assert_eq!(status, 303);
    let (_, shown) = page(&server, "GET", "/observers", &server.ana).await;
    assert!(shown.contains("class=\"badge Maintenance\""), "{shown}");
    assert!(shown.contains("<bdi>the file exists</bdi>"));
    assert!(shown.contains("1 of 2 equal results"));

    let reader = server.token("reader", Scope::Read, None).await;
    let (_, shown) = page(&server, "GET", "/observers", &reader).await;
    assert!(shown.contains("database") && !shown.contains("/check"));
    let (status, _) = page(&server, "POST", "/observers/database/check", &reader).await;
    assert_eq!(status, 403);
    let of_try = server.token("try-bot", Scope::Write, Some("try")).await;
    let (_, shown) = page(&server, "GET", "/observers", &of_try).await;
    assert!(
        shown.contains("HOST") && !shown.contains("database"),
        "{shown}"
    );
    let (status, _) = page(&server, "POST", "/observers/database/check", &of_try).await;
    assert_eq!(status, 404);
    let (status, _) = page(&server, "POST", "/observers/status/check", &of_try).await;
    assert_eq!(status, 422);
}
