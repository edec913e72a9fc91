//! Notifications: what is told of an operation, and how it is delivered. On tokio's paused clock but where a real
//! receiver is what is tested.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use maintenance_control::{
    Action, Clock, Error, Failure, Holder, Report, RoleOutcome, RoleReport, RoleSchedule,
    StoreError, WorkersReport,
};
use maintenance_flag::{App, Flag, Mode, Owner, Product, Role, ScheduleOutcome, ScheduledWindow};
use maintenance_server::notify::{
    About, Kind, LAST_WAIT, Notification, Notifier, Receiver, Source, Target,
};
use maintenance_server::outbound::{Answer, Outbound, OutboundError, Request};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::time::Instant;

use crate::receiver::{self, Reply, status};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn webhook(url: &str, on: &[Kind]) -> Receiver {
    Receiver {
        name: "team".to_owned(),
        target: Target::Webhook {
            url: url.parse().unwrap(),
            secret: SECRET.parse().unwrap(),
        },
        on: on.to_vec(),
        allow_link_local: false,
    }
}

fn slack(url: &str) -> Receiver {
    Receiver {
        name: "slack".to_owned(),
        target: Target::Slack {
            url: url.parse().unwrap(),
        },
        ..webhook(url, &Kind::ALL)
    }
}

/// A role that an operation left like this.
fn role(name: &str, outcome: RoleOutcome) -> RoleReport {
    RoleReport {
        role: name.parse().unwrap(),
        outcome,
        workers: None,
        options: None,
        left: None,
        flag: Some(Flag {
            window: Some("20261129T080000Z-0a1b2c3d".parse().unwrap()),
            owner: Some(Owner::manual("ana@laptop")),
            reason: Some("new <database> & more".to_owned()),
            since: Some(time("2026-11-29T08:00:00Z")),
            until: Some(time("2026-11-29T10:00:00Z")),
            ..Flag::bare(Mode::On)
        }),
        drained_at: Some(time("2026-11-29T08:00:35Z")),
        warnings: Vec::new(),
    }
}

fn report(app: &App, action: Action, roles: Vec<RoleReport>) -> Report {
    Report {
        app: app.clone(),
        action,
        dry_run: false,
        interrupted: false,
        roles,
    }
}

fn about<'a>(action: Action, apps: &'a [App], roles: &'a [Role]) -> About<'a> {
    let apps = apps.iter().map(|app| (app, roles.iter().collect()));
    About {
        at: time("2026-11-29T08:00:05Z"),
        action,
        product: None,
        apps: apps.collect(),
        by: "ana@laptop",
        source: Source::Manual,
        reason: None,
    }
}

fn app(name: &str) -> App {
    App::new(name, "prod").unwrap()
}

/// That the web role of demo-prod has been turned on.
fn turned_on() -> Vec<Notification> {
    let (apps, roles) = ([app("demo")], [Role::web()]);
    let results = [Ok(report(
        &apps[0],
        Action::On,
        vec![role("web", RoleOutcome::TurnedOn)],
    ))];
    Notification::of_operation(&about(Action::On, &apps, &roles), &results)
}

fn answered(status: u16) -> Option<Result<Answer, OutboundError>> {
    let headers = HeaderMap::new();
    Some(Ok(Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Bytes::new(),
    }))
}

/// A network that answers the nth request so, and what it was asked, with the time since it was made.
#[derive(Clone)]
struct Network {
    requests: Arc<Mutex<Vec<(Duration, Request)>>>,
    started: Instant,
}

impl Network {
    fn new() -> Self {
        Self {
            requests: Arc::default(),
            started: Instant::now(),
        }
    }

    fn answering(
        &self,
        answer: impl Fn(usize) -> Option<Result<Answer, OutboundError>> + Send + Sync + 'static,
    ) -> Outbound {
        let network = self.clone();
        Outbound::new(|_| None, None).with_answers(move |request| {
            let mut requests = network.requests.lock().unwrap();
            requests.push((network.started.elapsed(), request.clone()));
            answer(requests.len() - 1)
        })
    }

    fn requests(&self) -> Vec<(Duration, Request)> {
        self.requests.lock().unwrap().clone()
    }

    /// How many seconds after it was made each request came.
    fn seconds(&self) -> Vec<u64> {
        let requests = self.requests();
        requests.iter().map(|(at, _)| at.as_secs()).collect()
    }
}

fn notifier(receivers: Vec<Receiver>, outbound: Outbound) -> Notifier {
    Notifier::new(
        receivers,
        outbound,
        Clock::virtual_from(time("2026-11-29T08:00:05Z")),
    )
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// Lets everything that is under way for so long go on.
async fn after(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_has_an_id_a_time_and_data_in_a_stable_form() {
    let network = Network::new();
    let hook = webhook("https://hooks.test/x", &Kind::ALL);
    let notifier = notifier(vec![hook], network.answering(|_| answered(204)));
    notifier.tell(turned_on());
    assert_eq!(notifier.finish(LAST_WAIT).await, []);
    let [(_, request)] = &network.requests()[..] else {
        panic!("one request")
    };
    assert_eq!(request.method, http::Method::POST);
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["webhook-timestamp"], "1795939205");
    let id = request.headers["webhook-id"].to_str().unwrap();
    assert!(id.starts_with("msg_") && id.len() == 36, "{id}");
    assert_eq!(
        body(request),
        json!({
            "type": "maintenance.turned_on",
            "timestamp": "2026-11-29T08:00:05Z",
            "data": {
                "action": "on",
                "result": "complete",
                "environment": "prod",
                "product": null,
                "app": "demo-prod",
                "apps": [{"app": "demo-prod", "roles": [{
                    "role": "web", "outcome": "turned_on", "window": "20261129T080000Z-0a1b2c3d",
                }]}],
                "by": "ana@laptop",
                "owner": {"kind": "manual", "name": "ana@laptop"},
                "source": "manual",
                "reason": "new <database> & more",
                "message": null,
                "starts_at": null,
                "previous_starts_at": null,
                "since": "2026-11-29T08:00:00Z",
                "until": "2026-11-29T10:00:00Z",
                "drained_at": "2026-11-29T08:00:35Z",
                "functions": [],
                "error": null,
            },
        })
    );
}

/// The fault of others: *webhook without time or id*.
#[tokio::test]
async fn a_real_receiver_verifies_who_sent_a_webhook_and_when_also_at_a_retry() {
    let server = receiver::Receiver::start(|n, _| match n {
        0 => status("500 Internal Server Error"),
        _ => status("204 No Content"),
    })
    .await;
    let hook = webhook(
        &format!("http://{}/hook?token=x", server.address),
        &Kind::ALL,
    );
    let notifier = Notifier::new(vec![hook], Outbound::new(|_| None, None), Clock::System);
    notifier.tell(turned_on());
    // It hurries the retry.
    assert_eq!(notifier.finish(LAST_WAIT).await, []);
    let requests = server.seen();
    let mut ids = Vec::new();
    for request in &requests {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook?token=x HTTP/1.1"), "{head}");
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: http::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let verifier = Webhook::new(SECRET).unwrap();
        verifier.verify(body.as_bytes(), &headers).unwrap();
        let other = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert!(other.verify(body.as_bytes(), &headers).is_err());
        let changed = body.replace("demo", "shop");
        assert!(verifier.verify(changed.as_bytes(), &headers).is_err());
        ids.push(headers["webhook-id"].clone());
    }
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_is_told_what_it_asked_for_and_each_event_once() {
    let network = Network::new();
    let asks = webhook("https://one.test/", &[Kind::TurnedOn]);
    let other = webhook("https://two.test/", &[Kind::TurnedOff]);
    let notifier = notifier(vec![asks, other], network.answering(|_| answered(200)));
    notifier.tell(turned_on());
    after(Duration::from_secs(3_600)).await;
    notifier.tell(vec![Notification::test(
        "ana",
        time("2026-11-29T09:00:00Z"),
    )]);
    assert_eq!(notifier.finish(LAST_WAIT).await, []);
    let requests = network.requests();
    let hosts = requests
        .iter()
        .map(|(_, request)| request.url.host_str().unwrap());
    assert_eq!(
        hosts.collect::<Vec<_>>(),
        ["one.test", "one.test", "two.test"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_receiver_in_trouble_is_tried_again_for_minutes_with_the_same_id() {
    let network = Network::new();
    let outbound = network.answering(|n| match n {
        0 => answered(500),
        1 => Some(Err(OutboundError::Connect {
            host: "hooks.test".to_owned(),
            source: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
        })),
        // It hangs until the limit of an attempt.
        2 => None,
        3 => answered(302),
        _ => answered(200),
    });
    let notifier = notifier(vec![webhook("https://hooks.test/", &Kind::ALL)], outbound);
    notifier.tell(turned_on());
    after(Duration::from_secs(3_600)).await;
    let requests = network.requests();
    assert_eq!(requests.len(), 5);
    let first = &requests[0].1;
    for (_, request) in &requests {
        assert_eq!(request.headers["webhook-id"], first.headers["webhook-id"]);
        assert_eq!(request.body, first.body);
        assert!(!request.reads_body);
    }
    // Each is signed when it is sent.
    assert_ne!(
        requests[4].1.headers["webhook-timestamp"],
        first.headers["webhook-timestamp"]
    );
    let gaps: Vec<Duration> = requests.windows(2).map(|two| two[1].0 - two[0].0).collect();
    let between = |gap: Duration, least: u64, most: u64| {
        (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&gap)
    };
    assert!(between(gaps[0], 1, 2), "{gaps:?}");
    assert!(between(gaps[1], 2, 4), "{gaps:?}");
    assert!(between(gaps[2], 14, 18), "{gaps:?}");
    assert!(between(gaps[3], 8, 16), "{gaps:?}");
    assert_eq!(notifier.finish(LAST_WAIT).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_answers_is_given_up_after_minutes_and_named() {
    let network = Network::new();
    let hook = webhook("https://hooks.test/secret", &Kind::ALL);
    let notifier = notifier(vec![hook], network.answering(|_| answered(503)));
    notifier.tell(turned_on());
    after(Duration::from_secs(3_600)).await;
    let seconds = network.seconds();
    assert_eq!(seconds.len(), 13);
    let last = seconds.last().unwrap();
    assert!((6 * 60..15 * 60).contains(last), "{seconds:?}");
    let undelivered = notifier.finish(LAST_WAIT).await;
    let [one] = undelivered.as_slice() else {
        panic!("{undelivered:?}")
    };
    assert_eq!(one.receiver, "team (hooks.test)");
    assert_eq!(one.kind, Kind::TurnedOn);
    assert_eq!(one.reason, "it answered 503 Service Unavailable");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected_and_bounded() {
    let network = Network::new();
    let busy = |seconds: &'static str| {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, seconds.parse().unwrap())]);
        Some(Ok(Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers,
            body: Bytes::new(),
        }))
    };
    let outbound = network.answering(move |n| match n {
        0 => busy("90"),
        1 => busy("86400"),
        _ => answered(200),
    });
    let notifier = notifier(vec![webhook("https://hooks.test/", &Kind::ALL)], outbound);
    notifier.tell(turned_on());
    after(Duration::from_secs(3_600)).await;
    assert_eq!(network.seconds(), [0, 90, 390]);
    // The end of the process does not make it try sooner, nor wait for longer than it may.
    let network = Network::new();
    let outbound = network.answering(move |_| busy("90"));
    let hook = webhook("https://hooks.test/", &Kind::ALL);
    let notifier = Notifier::new(vec![hook], outbound, Clock::System);
    notifier.tell(turned_on());
    let undelivered = notifier.finish(LAST_WAIT).await;
    assert_eq!(network.started.elapsed(), LAST_WAIT);
    assert_eq!(network.seconds(), [0]);
    assert_eq!(undelivered[0].reason, "it answered 429 Too Many Requests");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let network = Network::new();
    let hook = webhook("https://hooks.test/", &Kind::ALL);
    let notifier = notifier(vec![hook], network.answering(|_| answered(410)));
    notifier.tell(turned_on());
    after(Duration::from_secs(3_600)).await;
    notifier.tell(turned_on());
    let undelivered = notifier.finish(LAST_WAIT).await;
    assert_eq!(network.seconds(), [0]);
    assert_eq!(undelivered[0].reason, "it answered 410 Gone");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_process_waits_for_five_seconds_and_says_what_did_not_arrive() {
    let network = Network::new();
    let outbound = network.answering(|_| None);
    let hooks = ["https://one.test/", "https://two.test/"].map(|url| webhook(url, &Kind::ALL));
    let notifier = notifier(hooks.into(), outbound);
    notifier.tell(turned_on());
    let undelivered = notifier.finish(LAST_WAIT).await;
    assert_eq!(network.started.elapsed(), LAST_WAIT);
    let reasons: Vec<_> = undelivered.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(reasons, ["no answer yet", "no answer yet"]);
    after(Duration::from_secs(3_600)).await;
    assert_eq!(network.seconds(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_process_tries_at_once_what_waits_to_be_tried_again() {
    let network = Network::new();
    let outbound = network.answering(|n| answered(if n < 6 { 500 } else { 200 }));
    let notifier = notifier(vec![webhook("https://hooks.test/", &Kind::ALL)], outbound);
    notifier.tell(turned_on());
    // After the sixth attempt the pause is between 32 and 64 seconds.
    while network.seconds().len() < 6 {
        after(Duration::from_secs(1)).await;
    }
    let before = Instant::now();
    assert_eq!(notifier.finish(LAST_WAIT).await, []);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_of_slacks_is_escaped_and_given_up_where_its_channel_is_gone() {
    let network = Network::new();
    let url = "https://hooks.slack.test/services/T000/B000/s3cret";
    let outbound = network.answering(|n| answered(if n == 0 { 200 } else { 404 }));
    let notifier = notifier(vec![slack(url)], outbound);
    notifier.tell(turned_on());
    after(Duration::from_secs(60)).await;
    notifier.tell(turned_on());
    after(Duration::from_secs(3_600)).await;
    let requests = network.requests();
    assert_eq!(requests.len(), 2);
    let (_, request) = &requests[0];
    assert!(!request.headers.contains_key("webhook-id"));
    let headline = "Maintenance of demo-prod (web) has been turned on";
    let details = "By: ana@laptop\n\
        Reason: new &lt;database&gt; &amp; more\n\
        Since: <!date^1795939200^{date_short_pretty} {time_secs}|2026-11-29T08:00:00Z>\n\
        Until: <!date^1795946400^{date_short_pretty} {time_secs}|2026-11-29T10:00:00Z>\n\
        Safe to migrate after: <!date^1795939235^{date_short_pretty} {time_secs}|2026-11-29T08:00:35Z>";
    let section = |text: &str| {
        let text = json!({"type": "mrkdwn", "text": text, "verbatim": true});
        json!({"type": "section", "text": text})
    };
    assert_eq!(
        body(request),
        json!({"text": headline, "blocks": [section(&format!("*{headline}*")), section(details)]})
    );
    let undelivered = notifier.finish(LAST_WAIT).await;
    let told = format!("{undelivered:?}");
    assert!(told.contains("404") && !told.contains("s3cret"), "{told}");
}

/// The kinds that are told of an operation, and their data.
fn told(about: &About<'_>, results: &[Result<Report, Error>]) -> Vec<(String, Value)> {
    let network = Network::new();
    let hook = webhook("https://hooks.test/", &Kind::ALL);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let notifier = notifier(vec![hook], network.answering(|_| answered(200)));
        notifier.tell(Notification::of_operation(about, results));
        assert_eq!(notifier.finish(LAST_WAIT).await, []);
    });
    let of = |(_, request): &(_, Request)| {
        let body = body(request);
        let kind = body["type"].as_str().unwrap();
        (kind.replace("maintenance.", ""), body["data"].clone())
    };
    network.requests().iter().map(of).collect()
}

#[test]
fn an_operation_tells_what_it_changed_and_what_it_left() {
    let apps = [app("billing"), app("shop")];
    let roles = [Role::web(), Role::worker()];
    let product: Product = "shop".parse().unwrap();
    let of_product = |action| About {
        product: Some(&product),
        ..about(action, &apps, &roles)
    };
    let on = |roles| Ok(report(&apps[0], Action::On, roles));
    let mut worker = role("worker", RoleOutcome::TurnedOn);
    worker.workers = Some(WorkersReport {
        selected: 3,
        changed: vec!["a".to_owned()],
        failed: vec![Failure {
            function: "b".to_owned(),
            error: "AccessDenied".to_owned(),
            hint: None,
            is_lasting: false,
        }],
        unfinished: vec!["c".to_owned()],
        ..WorkersReport::default()
    });
    let results = [
        on(vec![role("web", RoleOutcome::TurnedOn), worker.clone()]),
        Ok(report(
            &apps[1],
            Action::On,
            vec![role("web", RoleOutcome::AlreadyOn)],
        )),
    ];
    let events = told(&of_product(Action::On), &results);
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["turned_on", "partial"]);
    let (on_data, partial) = (&events[0].1, &events[1].1);
    assert_eq!(on_data["result"], "partial");
    assert_eq!(on_data["product"], "shop");
    assert_eq!(on_data["app"], Value::Null);
    assert_eq!(on_data["apps"].as_array().unwrap().len(), 1);
    assert_eq!(on_data["apps"][0]["roles"].as_array().unwrap().len(), 2);
    assert_eq!(partial["apps"][0]["roles"][0]["role"], "worker");
    assert_eq!(
        partial["functions"],
        json!([
            {"app": "billing-prod", "role": "worker", "function": "b", "error": "AccessDenied"},
            {"app": "billing-prod", "role": "worker", "function": "c", "error": "not finished"},
        ])
    );
    // The rest of it, by the same request: what was paused now is told.
    let mut again = worker.clone();
    again.outcome = RoleOutcome::AlreadyOn;
    again.workers = Some(WorkersReport {
        changed: vec!["b".to_owned(), "c".to_owned()],
        ..WorkersReport::default()
    });
    let events = told(&of_product(Action::On), &[on(vec![again])]);
    assert_eq!(events[0].0, "turned_on");
    assert_eq!(events[0].1["result"], "complete");
    let kinds = |about: &About<'_>, results: &[Result<Report, Error>]| {
        let events = told(about, results).into_iter();
        events.map(|(kind, _)| kind).collect::<Vec<_>>()
    };
    let one = |outcome| [on(vec![role("web", outcome)])];
    for (outcome, expected) in [
        (RoleOutcome::OptionsUpdated, &["options_updated"][..]),
        (RoleOutcome::TurnedOff, &["turned_off"]),
        (RoleOutcome::AlreadyOn, &[]),
        (RoleOutcome::AlreadyOff, &[]),
        (RoleOutcome::LeftOn, &[]),
        (RoleOutcome::StillOn, &["partial"]),
    ] {
        assert_eq!(
            kinds(&of_product(Action::On), &one(outcome)),
            expected,
            "{outcome:?}"
        );
    }
}

fn out_of_reach() -> Error {
    Error::Store(StoreError::File {
        action: "read",
        path: "/maintenance/demo-prod/flags/web".to_owned(),
        source: io::ErrorKind::TimedOut.into(),
    })
}

#[test]
fn a_failure_is_told_and_a_refusal_is_not() {
    let (apps, roles) = ([app("demo")], [Role::web()]);
    let about = about(Action::On, &apps, &roles);
    let events = told(&about, &[Err(out_of_reach())]);
    let [(kind, data)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (kind.as_str(), &data["result"]),
        ("failed", &json!("failed"))
    );
    assert_eq!(
        data["apps"],
        json!([{"app": "demo-prod", "roles": [
            {"role": "web", "outcome": null, "window": null},
        ]}])
    );
    assert!(
        data["error"].as_str().unwrap().contains("timed out"),
        "{data}"
    );
    let busy = Error::Busy(Holder {
        by: "bob".to_owned(),
        operation: "on web".to_owned(),
        since: about.at,
        until: about.at,
    });
    assert_eq!(told(&about, &[Err(busy)]), []);
    // The error came after the first role: that one is told, and what is left.
    let done = vec![
        role("web", RoleOutcome::TurnedOn),
        role("worker", RoleOutcome::Unfinished),
    ];
    let unfinished = Error::Unfinished {
        report: Box::new(report(&apps[0], Action::On, done)),
        source: Box::new(out_of_reach()),
    };
    let events = told(&about, &[Err(unfinished)]);
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["turned_on", "partial"]);
    assert!(events[1].1["error"].as_str().unwrap().contains("timed out"));
    // A crash has no results at all.
    assert_eq!(told(&about, &[])[0].1["error"], "the operation crashed");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_repeats_itself_is_told_once_until_something_else_happens() {
    let network = Network::new();
    let hook = webhook("https://hooks.test/", &Kind::ALL);
    let notifier = notifier(vec![hook], network.answering(|_| answered(200)));
    let (apps, roles) = ([app("demo")], [Role::web()]);
    let failed = || {
        let about = about(Action::On, &apps, &roles);
        Notification::of_operation(&about, &[Err(out_of_reach())])
    };
    for told in [failed(), failed(), failed(), turned_on(), failed()] {
        notifier.tell(told);
        after(Duration::from_secs(1)).await;
    }
    let requests = network.requests();
    let kinds = requests
        .iter()
        .map(|(_, request)| body(request)["type"].clone());
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            "maintenance.failed",
            "maintenance.turned_on",
            "maintenance.failed"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn that_a_role_is_drained_is_told_at_the_time_if_it_is_on_still() {
    let (apps, roles) = ([app("demo")], [Role::web()]);
    let about = about(Action::On, &apps, &roles);
    let of = |outcome| [Ok(report(&apps[0], Action::On, vec![role("web", outcome)]))];
    assert!(Notification::drained(&about, &of(RoleOutcome::AlreadyOn)).is_none());
    assert!(Notification::drained(&about, &[Err(out_of_reach())]).is_none());
    for is_on in [true, false] {
        let network = Network::new();
        let hook = webhook("https://hooks.test/", &Kind::ALL);
        let notifier = notifier(vec![hook], network.answering(|_| answered(200)));
        let drained = Notification::drained(&about, &of(RoleOutcome::TurnedOn));
        let (at, drained) = drained.unwrap();
        notifier.tell_at(at, drained, async move { is_on });
        after(Duration::from_secs(3_600)).await;
        match is_on {
            true => assert_eq!(network.seconds(), [30]),
            false => assert!(network.seconds().is_empty()),
        }
        for (_, request) in network.requests() {
            assert_eq!(body(&request)["type"], "maintenance.drained");
            assert_eq!(body(&request)["timestamp"], "2026-11-29T08:00:35Z");
        }
    }
}

#[test]
fn a_window_to_come_is_told_with_its_times_when_it_is_scheduled_moved_and_cancelled() {
    let app = app("demo");
    let flag = json!({"schema": 1, "mode": "off", "scheduled": [{
        "window": "20261129T080000Z-0a1b2c3d", "mode": "on", "reason": "upgrade",
        "starts_at": "2026-12-01T22:00:00Z", "until": "2026-12-02T00:00:00Z",
        "owner": {"kind": "manual", "name": "ana"}, "by": "ana",
    }]});
    let flag = Flag::decode(&flag.to_string()).unwrap();
    let planned = flag.schedule.windows[0].clone();
    let moved = ScheduledWindow {
        starts_at: time("2026-12-01T23:00:00Z"),
        ..planned.clone()
    };
    let told = |outcome, window: &ScheduledWindow, before: Option<&ScheduledWindow>| {
        let role = |name: &str| RoleSchedule {
            role: name.parse().unwrap(),
            outcome,
            window: window.clone(),
            before: before.cloned(),
            has_functions: false,
            warnings: Vec::new(),
        };
        let (web, worker) = (role("web"), role("worker"));
        Notification::of_schedule(&[(&app, &web), (&app, &worker)], None, "ben")
    };
    assert!(told(ScheduleOutcome::AlreadyScheduled, &planned, None).is_none());
    let all = [
        told(ScheduleOutcome::Scheduled, &planned, None),
        told(ScheduleOutcome::Moved, &moved, Some(&planned)),
        told(ScheduleOutcome::Cancelled, &moved, None),
    ];
    let (network, texts) = (Network::new(), Network::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        for (network, receiver) in [
            (&network, webhook("https://hooks.test/", &Kind::ALL)),
            (&texts, slack("https://slack.test/")),
        ] {
            let notifier = notifier(vec![receiver], network.answering(|_| answered(200)));
            notifier.tell(all.iter().flatten().cloned().collect());
            assert_eq!(notifier.finish(LAST_WAIT).await, []);
        }
    });
    let bodies = |network: &Network| {
        let requests = network.requests();
        let mut bodies: Vec<Value> = requests.iter().map(|(_, it)| body(it)).collect();
        let is_told = |body: &Value, words: &[&str]| {
            let text = body.to_string();
            words.iter().any(|word| text.contains(word))
        };
        bodies.sort_by_key(|body| {
            let is_later = is_told(body, &["cancelled", "moved", "rescheduled"]);
            (is_told(body, &["cancelled"]), is_later)
        });
        bodies
    };
    let bodies_of_webhook = bodies(&network);
    let [scheduled, moved, cancelled] = bodies_of_webhook.as_slice() else {
        panic!("{bodies_of_webhook:#?}")
    };
    for (body, kind, action, starts_at, before) in [
        (
            scheduled,
            "scheduled",
            "on",
            "2026-12-01T22:00:00Z",
            json!(null),
        ),
        (
            moved,
            "rescheduled",
            "on",
            "2026-12-01T23:00:00Z",
            json!("2026-12-01T22:00:00Z"),
        ),
        (
            cancelled,
            "cancelled",
            "off",
            "2026-12-01T23:00:00Z",
            json!(null),
        ),
    ] {
        assert_eq!(body["type"], format!("maintenance.{kind}"));
        let data = &body["data"];
        assert_eq!(data["action"], action);
        assert_eq!(data["starts_at"], starts_at);
        assert_eq!(data["previous_starts_at"], before);
        assert_eq!(data["until"], "2026-12-02T00:00:00Z");
        assert_eq!(data["reason"], "upgrade");
        assert_eq!(
            (&data["by"], &data["owner"]["name"]),
            (&json!("ben"), &json!("ana"))
        );
        let role = |role: &str| json!({"role": role, "outcome": null, "window": "20261129T080000Z-0a1b2c3d"});
        assert_eq!(
            data["apps"],
            json!([{"app": "demo-prod", "roles": [role("web"), role("worker")]}])
        );
    }
    let texts = bodies(&texts);
    assert_eq!(
        texts.last().unwrap()["text"],
        "The scheduled maintenance of demo-prod (web, worker) has been cancelled"
    );
    let details = texts.last().unwrap()["blocks"][1]["text"]["text"].clone();
    assert!(
        details
            .as_str()
            .unwrap()
            .contains("Would have begun: <!date"),
        "{details}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_receiver_on_the_network_link_of_this_machine_is_not_told() {
    let hook = webhook("http://169.254.169.254/latest", &Kind::ALL);
    let notifier = notifier(vec![hook], Outbound::new(|_| None, None));
    notifier.tell(turned_on());
    let undelivered = notifier.finish(LAST_WAIT).await;
    assert!(
        undelivered[0].reason.contains("allow_link_local = true"),
        "{undelivered:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_real_receiver_that_hangs_or_is_gone_is_named_in_time() {
    let hangs = receiver::Receiver::start(|_, _| Reply::Hang).await;
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let hooks = [hangs.address, gone].map(|at| webhook(&format!("http://{at}/"), &Kind::ALL));
    let notifier = notifier(hooks.into(), Outbound::new(|_| None, None));
    let before = Instant::now();
    notifier.tell(turned_on());
    let undelivered = notifier.finish(LAST_WAIT).await;
    assert_eq!(before.elapsed(), LAST_WAIT);
    assert_eq!(undelivered.len(), 2, "{undelivered:?}");
}
