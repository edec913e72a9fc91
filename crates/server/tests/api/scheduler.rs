//! The scheduler over a sandbox: recurring windows are kept in the flags, entered and left.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use maintenance_control::CancellationToken;
use maintenance_flag::{Flag, Lease};
use maintenance_sandbox::Fault;
use maintenance_server::schedule::{
    Place, Recurrence, RecurringWindow, Scheduler, Told, What, time_zone,
};
use serde_json::json;

use crate::managed::clock;
use crate::support::{SHOP, Server, app, sandbox_at};

/// Ten minutes before the window.
const START: &str = "2026-12-01T21:50:00Z";
const PAUSED: [&str; 3] = ["billing-prod-pdf=0", "shop-prod-mail=0", "shop-prod-sync=0"];
const RUNNING: [&str; 3] = ["billing-prod-pdf=3", "shop-prod-mail=5", "shop-prod-sync=7"];

async fn server() -> Server {
    let server = Server::over(sandbox_at(START.parse().unwrap())).await;
    to(&server, 0).await;
    server
}

/// An hour from ten in the evening on, for all roles of the product `shop`.
fn nightly(cron: &str) -> RecurringWindow {
    let place = |name: &str, role: &str| Place {
        app: app(name, "prod"),
        role: role.parse().unwrap(),
    };
    RecurringWindow {
        name: "nightly".to_owned(),
        recurrence: Recurrence {
            cron: cron.parse().unwrap(),
            zone: time_zone("Etc/UTC").unwrap(),
            length: SignedDuration::from_mins(60),
        },
        product: "shop".parse().ok(),
        places: vec![
            place("shop", "web"),
            place("shop", "worker"),
            place("billing", "web"),
            place("billing", "worker"),
        ],
        reason: Some("backups".to_owned()),
        message: Some("Back at eleven.".to_owned()),
        read_only: false,
        accept_event_loss: false,
    }
}

fn scheduler(server: &Server) -> Scheduler {
    scheduler_of(server, "0 22 * * *")
}

fn scheduler_of(server: &Server, cron: &str) -> Scheduler {
    let state = server.state.clone();
    Scheduler::new(state, vec![nightly(cron)], [], clock(&server.sandbox))
}

fn now(server: &Server) -> Timestamp {
    server.sandbox.settings().clock.now()
}

/// Advances to a minute after ten, or before it.
async fn to(server: &Server, minute: i64) {
    let ten: Timestamp = "2026-12-01T22:00:00Z".parse().unwrap();
    let moment = ten + SignedDuration::from_mins(minute - 10);
    let left = moment.duration_since(now(server));
    if let Ok(left) = Duration::try_from(left) {
        tokio::time::advance(left).await;
    }
}

fn kind(told: &Told) -> String {
    let what = match &told.what {
        What::Scheduled { .. } => "scheduled",
        What::Withdrawn { .. } => "withdrawn",
        What::Entering { .. } => "entering",
        What::Entered { .. } => "entered",
        What::Leaving { .. } => "leaving",
        What::Left { .. } => "left",
        What::Partial { .. } => "partial",
        What::Failed { .. } => "failed",
        What::Unknown { .. } => "unknown",
    };
    format!("{what} {}", told.app.name())
}

fn kinds(told: &[Told]) -> Vec<String> {
    let mut kinds: Vec<_> = told.iter().map(kind).collect();
    kinds.sort();
    kinds
}

/// The operations that were: the product and the apps of each.
fn operations(server: &Server) -> Vec<String> {
    let all = server.state.operations.all().into_iter();
    all.map(|operation| {
        let apps = operation.target.apps.iter();
        let apps: Vec<_> = apps.map(|(app, _)| app.app().to_string()).collect();
        let product = operation.target.product.as_ref();
        let product = product.map_or("none", |product| product.id.as_str());
        format!("{product}: {}", apps.join(", "))
    })
    .collect()
}

fn is_on(server: &Server, app: &str, role: &str) -> bool {
    let flag = server.flag(app, role).to_string();
    let flag = Flag::decode(&flag).unwrap();
    flag.mode_at(now(server)).is_on()
}

#[tokio::test(start_paused = true)]
async fn a_recurring_window_is_announced_entered_and_left() {
    let server = server().await;
    let mut scheduler = scheduler(&server);
    let told = scheduler.once().await;
    assert_eq!(kinds(&told), ["scheduled billing", "scheduled shop"]);
    assert_eq!(
        told[1].to_string(),
        "shop-prod web, worker: nightly is scheduled from 2026-12-01T22:00:00Z to 2026-12-01T23:00:00Z"
    );
    assert!(scheduler.once().await.is_empty(), "nothing is due");
    assert!(!is_on(&server, "shop-prod", "web"));
    let coming = &server.read(SHOP).await["scheduled"];
    assert_eq!(coming[0]["recurring"], "nightly");
    assert_eq!(coming[0]["message"], "Back at eleven.");
    assert_eq!(coming[0]["scheduledBy"], "schedule:nightly");
    assert_eq!(coming[0]["roles"].as_array().unwrap().len(), 4);

    // Gates need nothing that runs.
    to(&server, 10).await;
    assert!(is_on(&server, "shop-prod", "web"));
    assert_eq!(server.reserved(), RUNNING);
    assert_eq!(server.read(SHOP).await["operationMode"], "Maintenance");
    let told = scheduler.once().await;
    assert_eq!(
        kinds(&told),
        [
            "entered billing",
            "entered shop",
            "entering billing",
            "entering shop",
            // The next one is a day ahead by now.
            "scheduled billing",
            "scheduled shop"
        ]
    );
    assert_eq!(server.reserved(), PAUSED);
    // As one operation on the product, which is told once.
    assert_eq!(operations(&server), ["shop: billing-prod, shop-prod"]);
    let flag = server.flag("shop-prod", "worker");
    assert_eq!(
        (
            &flag["mode"],
            &flag["product"],
            &flag["since"],
            &flag["until"]
        ),
        (
            &json!("on"),
            &json!("shop"),
            &json!("2026-12-01T22:00:00Z"),
            &json!("2026-12-01T23:00:00Z")
        )
    );
    assert!(flag["drained_at"].is_string());
    let product = server.read(SHOP).await;
    assert_eq!(product["maintenanceTrigger"]["reason"], "backups");
    assert_eq!(product["scheduled"][0]["startsAt"], "2026-12-02T22:00:00Z");

    to(&server, 70).await;
    assert!(!is_on(&server, "shop-prod", "web"));
    assert_eq!(server.reserved(), PAUSED);
    let told = scheduler.once().await;
    assert_eq!(
        kinds(&told),
        [
            "leaving billing",
            "leaving shop",
            "left billing",
            "left shop"
        ]
    );
    assert_eq!(server.reserved(), RUNNING);
    assert_eq!(server.flag("shop-prod", "worker")["mode"], "off");
    assert_eq!(operations(&server).len(), 2);
    assert!(scheduler.once().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_window_that_began_while_nothing_ran_is_entered() {
    let server = server().await;
    to(&server, 40).await;
    let told = scheduler(&server).once().await;
    assert!(
        kinds(&told).contains(&"entered shop".to_owned()),
        "{told:?}"
    );
    assert_eq!(server.reserved(), PAUSED);
    let flag = server.flag("shop-prod", "web");
    assert_eq!(flag["since"], "2026-12-01T22:00:00Z");
    // And left by another process, when that one is gone.
    to(&server, 90).await;
    scheduler(&server).once().await;
    assert_eq!(server.reserved(), RUNNING);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_ended_is_not_entered_again() {
    let server = server().await;
    let mut one = scheduler(&server);
    one.once().await;
    to(&server, 10).await;
    one.once().await;
    assert_eq!(server.leave().await.status, 200);
    assert_eq!(server.reserved(), RUNNING);
    to(&server, 20).await;
    for scheduler in [&mut one, &mut scheduler(&server)] {
        assert_eq!(kinds(&scheduler.once().await), [""; 0]);
    }
    assert_eq!(server.reserved(), RUNNING);
    assert!(!is_on(&server, "shop-prod", "web"));
}

#[tokio::test(start_paused = true)]
async fn two_processes_at_once_do_no_harm() {
    let server = server().await;
    let other = Server::over(server.sandbox.clone()).await;
    let (mut one, mut two) = (scheduler(&server), scheduler(&other));
    for (minute, reserved) in [(0, RUNNING), (10, PAUSED), (70, RUNNING)] {
        to(&server, minute).await;
        for _ in 0..3 {
            tokio::join!(one.once(), two.once());
            tokio::time::advance(Duration::from_secs(20)).await;
        }
        assert_eq!(server.reserved(), reserved, "at {minute}");
        let told = tokio::join!(one.once(), two.once());
        assert_eq!((told.0.len(), told.1.len()), (0, 0), "all is done");
    }
    let parameters = server.sandbox.parameters();
    let saved = parameters.keys().filter(|name| name.contains("/capacity/"));
    assert_eq!(saved.count(), 0);
    // Each change was made once: scheduled, opened, drained, closed, and the next one scheduled.
    let flag = &parameters["/maintenance/shop-prod/flags/worker"];
    assert_eq!(flag.version, 5);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_and_tried_again_with_backoff() {
    let server = server().await;
    let mut scheduler = scheduler(&server);
    scheduler.once().await;
    to(&server, 10).await;
    server.sandbox.inject(
        Fault::on("PutFunctionConcurrency")
            .target("shop-prod-mail")
            .always()
            .fail(500, "ServiceException", "internal"),
    );
    let mut waits = Vec::new();
    for _ in 0..3 {
        let told = scheduler.once().await;
        let partial = told.iter().find(|told| kind(told) == "partial shop");
        let Some(What::Partial {
            left,
            retry_seconds: Some(seconds),
        }) = partial.map(|told| &told.what)
        else {
            panic!("{told:?}");
        };
        assert!(left[0].contains("shop-prod-mail"), "{left:?}");
        assert!(scheduler.once().await.is_empty(), "not before its time");
        waits.push(*seconds);
        tokio::time::advance(Duration::from_secs(*seconds)).await;
    }
    assert_eq!(waits, [15, 30, 60]);
    server.sandbox.clear_faults();
    let told = scheduler.once().await;
    assert_eq!(kinds(&told), ["entered shop", "entering shop"]);
    assert_eq!(server.reserved(), PAUSED);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_another_operates_on_is_tried_again_later() {
    let server = server().await;
    let mut scheduler = scheduler(&server);
    scheduler.once().await;
    to(&server, 10).await;
    let lease = Lease {
        id: "0".to_owned(),
        by: "ben@desk".to_owned(),
        operation: "on worker".to_owned(),
        acquired: now(&server),
        expires: now(&server) + Duration::from_secs(30),
        released: false,
        follower: None,
        left: [("worker".to_owned(), None)].into(),
    };
    let name = "/maintenance/shop-prod/lease/99";
    server.sandbox.set_parameter(name, &lease.encode());
    let told = scheduler.once().await;
    let failed = told.iter().find(|told| kind(told) == "failed shop");
    let failed = failed.unwrap_or_else(|| panic!("{told:?}"));
    assert!(failed.to_string().contains("ben@desk"), "{failed}");
    // It holds no other app of the product up.
    assert!(kinds(&told).contains(&"entered billing".to_owned()));
    assert_eq!(
        operations(&server),
        ["shop: billing-prod, shop-prod", "shop: billing-prod"]
    );
    tokio::time::advance(Duration::from_secs(35)).await;
    let told = kinds(&scheduler.once().await);
    assert_eq!(told[..2], ["entered shop", "entering shop"]);
    assert_eq!(server.reserved(), PAUSED);
}

#[tokio::test(start_paused = true)]
async fn functions_that_would_lose_events_go_on_and_are_named_once() {
    let server = server().await;
    let s3 = "s3.amazonaws.com";
    server.sandbox.allow("shop-prod-mail", None, s3).unwrap();
    let mut scheduler = scheduler(&server);
    scheduler.once().await;
    to(&server, 10).await;
    let told = scheduler.once().await;
    // Of its roles, web is done: what is left is not tried, and told, once more.
    let partial: Vec<_> = told.iter().filter(|it| it.is_failure()).collect();
    assert_eq!(partial.len(), 1, "{partial:#?}");
    assert_eq!(
        partial[0].to_string(),
        "shop-prod web, worker: not all is where it should be: pausing shop-prod-mail would lose events, so it is \
         not paused"
    );
    assert_eq!(
        server.reserved(),
        ["billing-prod-pdf=0", "shop-prod-mail=5", "shop-prod-sync=0"]
    );
    to(&server, 40).await;
    assert!(scheduler.once().await.is_empty(), "it would find the same");
    to(&server, 70).await;
    scheduler.once().await;
    assert_eq!(server.reserved(), RUNNING);
}

#[tokio::test(start_paused = true)]
async fn windows_to_come_follow_the_configuration_and_others_are_left() {
    let server = server().await;
    scheduler(&server).once().await;
    let told = scheduler_of(&server, "30 22 * * *").once().await;
    assert_eq!(
        kinds(&told),
        [
            "scheduled billing",
            "scheduled shop",
            "withdrawn billing",
            "withdrawn shop"
        ]
    );
    let coming = &server.read(SHOP).await["scheduled"];
    assert_eq!(coming.as_array().unwrap().len(), 1);
    assert_eq!(coming[0]["startsAt"], "2026-12-01T22:30:00Z");
    // One whose configuration is gone altogether is told, and left: another process may have it.
    let state = server.state.clone();
    let mut without = Scheduler::new(state, Vec::new(), [], clock(&server.sandbox));
    let told = without.once().await;
    assert_eq!(kinds(&told)[0], "unknown billing");
    assert_eq!(server.read(SHOP).await["scheduled"], *coming);
}

/// Runs a scheduler until it is stopped, and notes what it tells.
struct Running {
    told: Arc<Mutex<Vec<Told>>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn new(scheduler: Scheduler) -> Self {
        let (told, stop) = (Arc::<Mutex<Vec<Told>>>::default(), CancellationToken::new());
        let (telling, stopping) = (Arc::clone(&told), stop.clone());
        let run = async move {
            let tell = |it: &Told| telling.lock().unwrap().push(it.clone());
            scheduler.run(stopping, tell).await;
        };
        Self {
            told,
            stop,
            task: tokio::spawn(run),
        }
    }

    fn kinds(&self) -> Vec<String> {
        kinds(&self.told.lock().unwrap())
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn timers_longer_than_24_8_days_and_a_start_notice_silently_missing() {
    let server = server().await;
    // In two months.
    let running = Running::new(scheduler_of(&server, "0 22 1 2 *"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(running.kinds(), ["scheduled billing", "scheduled shop"]);
    let start: Timestamp = "2027-02-01T22:00:00Z".parse().unwrap();
    let left = start.duration_since(now(&server)) - SignedDuration::from_mins(5);
    tokio::time::advance(Duration::try_from(left).unwrap()).await;
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(running.kinds().len(), 2, "nothing is due a minute before");
    assert_eq!(server.reserved(), RUNNING);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(server.reserved(), PAUSED);
    {
        // Each start is told once, at its time, and so is what came of it.
        let told = running.told.lock().unwrap();
        assert_eq!(
            kinds(&told[2..]),
            [
                "entered billing",
                "entered shop",
                "entering billing",
                "entering shop"
            ]
        );
        for told in &told[2..] {
            let late = told.at.duration_since(start).as_secs();
            assert!((0..=30).contains(&late), "{told}: {late} s late");
        }
    }
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(server.reserved(), RUNNING);
    running.stop().await;
}

/// A scheduler that dies while it pauses the functions of a window, and the next one.
#[tokio::test(start_paused = true)]
async fn a_loss_that_was_accepted_for_a_single_window_is_accepted_by_the_process_that_finishes_it()
{
    for accepted in [true, false] {
        let server = server().await;
        let s3 = "s3.amazonaws.com";
        server.sandbox.allow("shop-prod-mail", None, s3).unwrap();
        let flag = json!({"schema": 1, "mode": "off", "scheduled": [{
            "window": "20261201T210000Z-0a1b2c3d", "mode": "on",
            "starts_at": "2026-12-01T22:00:00Z", "until": "2026-12-01T23:00:00Z",
            "owner": {"kind": "manual", "name": "ana"}, "by": "ana", "accept_event_loss": accepted,
        }]});
        let name = "/maintenance/shop-prod/flags/worker";
        server.sandbox.set_parameter(name, &flag.to_string());
        to(&server, 10).await;
        let scheduler = || Scheduler::new(server.state.clone(), vec![], [], clock(&server.sandbox));
        let running = Running::new(scheduler());
        let stop = running.stop.clone();
        let saving = Fault::on("PutParameter").target("/capacity/worker/");
        server.sandbox.inject(saving.hook(move |_| stop.cancel()));
        tokio::time::sleep(Duration::from_secs(20)).await;
        running.stop().await;
        assert!(is_on(&server, "shop-prod", "worker"));
        assert_eq!(
            server.flag("shop-prod", "worker")["mode"],
            "on",
            "it was written"
        );
        assert!(server.reserved().contains(&"shop-prod-mail=5".to_owned()));
        scheduler().once().await;
        let mail = match accepted {
            true => "shop-prod-mail=0",
            false => "shop-prod-mail=5",
        };
        assert_eq!(
            server.reserved(),
            ["billing-prod-pdf=3", mail, "shop-prod-sync=0"]
        );
        to(&server, 71).await;
        scheduler().once().await;
        assert_eq!(server.reserved(), RUNNING);
        assert_eq!(server.flag("shop-prod", "worker")["scheduled"], json!(null));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_in_the_middle_gives_its_lease_back_and_the_next_one_finishes() {
    let server = server().await;
    let running = Running::new(scheduler(&server));
    let stop = running.stop.clone();
    let call = Fault::on("PutFunctionConcurrency").nth(1);
    server.sandbox.inject(call.hook(move |_| stop.cancel()));
    tokio::time::sleep(Duration::from_secs(11 * 60)).await;
    let kinds = running.kinds();
    running.stop().await;
    assert!(kinds.contains(&"entering shop".to_owned()), "{kinds:?}");
    assert_ne!(server.reserved(), PAUSED);
    let leases = server.sandbox.parameters();
    let mut leases = leases.iter().filter(|(name, _)| name.contains("/lease/"));
    let is_free = |lease: &str| !Lease::decode(lease).unwrap().is_held(now(&server));
    assert!(leases.all(|(_, lease)| is_free(&lease.value)));
    scheduler(&server).once().await;
    assert_eq!(server.reserved(), PAUSED);
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_a_products_window_is_told_once_and_not_once_an_app() {
    let server = server().await;
    scheduler(&server).once().await;
    let mut scheduler = scheduler_of(&server, "30 22 * * *");
    for minute in [0, 40, 100] {
        to(&server, minute).await;
        scheduler.once().await;
        // Each thing is told at its time, by a task of its own.
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
    let told = server.told();
    for event in &told {
        assert_eq!(event["data"]["product"], "shop", "{event}");
        assert_eq!(event["data"]["apps"].as_array().unwrap().len(), 2);
    }
    let mut kinds: Vec<_> = told.iter().map(|it| it["type"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "maintenance.cancelled",
            "maintenance.drained",
            "maintenance.scheduled",
            "maintenance.scheduled",
            // That of the next day.
            "maintenance.scheduled",
            "maintenance.turned_off",
            "maintenance.turned_on"
        ]
    );
}
