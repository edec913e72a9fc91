//! On, off and status: who may do what, what is recorded, in which order, and one at a time.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use maintenance_control::{
    Actor, Context, Control, Error, OffRequest, OnRequest, RoleOutcome, State,
};
use maintenance_flag::{Flag, Mode, Owner, Refusal};
use maintenance_sandbox::{Fault, FunctionSpec};

use support::OneApp as _;
use support::{World, control_by, off_wish, on_wish, only, web, worker};

fn observer(name: &str) -> Actor {
    Actor::Observer(name.to_owned())
}

async fn on_as(control: &Control, who: Actor) -> Result<(), Error> {
    let wish = OnRequest {
        who,
        reason: None,
        ..on_wish()
    };
    control
        .on(&[web()], &wish, &Context::quiet())
        .await
        .map(drop)
}

async fn off_as(control: &Control, who: Actor, force: Option<&str>) -> Result<(), Error> {
    let wish = OffRequest {
        product: None,
        who,
        force: force.map(str::to_owned),
        restore_saved: false,
    };
    control
        .off(&[web()], &wish, &Context::quiet())
        .await
        .map(drop)
}

#[tokio::test(start_paused = true)]
async fn on_records_who_why_and_when_and_off_keeps_the_window() {
    let world = World::new([]);
    world.on(&web()).await.unwrap();
    let flag = world.flag("web");
    assert_eq!(flag.mode, Mode::On);
    assert_eq!(flag.owner, Some(Owner::manual("ana@laptop")));
    assert_eq!(flag.by.as_deref(), Some("ana@laptop"));
    assert_eq!(flag.reason.as_deref(), Some("migration"));
    assert_eq!(flag.since, Some(support::start()));
    let window = flag.window.unwrap();
    world.off(&web()).await.unwrap();
    let flag = world.flag("web");
    assert_eq!((flag.mode, flag.window), (Mode::Off, Some(window)));
    assert_eq!(flag.owner, None);
}

#[tokio::test(start_paused = true)]
async fn on_twice_and_off_twice_write_nothing_but_the_lease() {
    let world = World::new([]);
    world.on(&web()).await.unwrap();
    world.sandbox.reset_calls();
    let other = control_by(&world.sandbox, "ben@desk");
    let report = other
        .on(&[web()], &on_wish(), &Context::quiet())
        .await
        .unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    assert_eq!(
        world.flag("web").by.as_deref(),
        Some("ana@laptop"),
        "the first one stays"
    );
    assert_eq!(world.writes(), []);
    world.off(&web()).await.unwrap();
    world.sandbox.reset_calls();
    let report = world.off(&web()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOff);
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn an_observers_window_is_its_own() {
    let world = World::new([]);
    let control = &world.control;
    on_as(control, observer("healthcheck")).await.unwrap();
    for attempt in [
        off_as(control, Actor::Person, None).await,
        off_as(control, observer("another"), None).await,
    ] {
        let Err(Error::Refused {
            source: Refusal::Conflict { holder },
            ..
        }) = attempt
        else {
            panic!("{attempt:?}");
        };
        assert_eq!(holder, Owner::observer("healthcheck"));
        assert!(world.flag("web").mode.is_on());
    }
    off_as(control, observer("healthcheck"), None)
        .await
        .unwrap();
    assert!(!world.flag("web").mode.is_on());
    // And a person's window is no observer's.
    on_as(control, Actor::Person).await.unwrap();
    let attempt = off_as(control, observer("healthcheck"), None).await;
    assert!(matches!(attempt, Err(Error::Refused { .. })), "{attempt:?}");
    assert!(world.flag("web").mode.is_on());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn force_overrides_an_observer_and_records_whom_and_why() {
    let world = World::new([]);
    on_as(&world.control, observer("healthcheck"))
        .await
        .unwrap();
    off_as(&world.control, Actor::Person, Some("false alarm"))
        .await
        .unwrap();
    let flag = world.flag("web");
    assert_eq!(flag.mode, Mode::Off);
    assert_eq!(flag.overrode, Some(Owner::observer("healthcheck")));
    assert_eq!(flag.reason.as_deref(), Some("false alarm"));
}

#[tokio::test(start_paused = true)]
async fn one_refused_role_of_all_leaves_every_role_as_it_was() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(3)]);
    on_as(&world.control, observer("healthcheck"))
        .await
        .unwrap();
    world.on(&worker()).await.unwrap();
    let before = (
        world.sandbox.fleet(),
        world.flag("web"),
        world.flag("worker"),
    );
    let error = world
        .control
        .off(&[web(), worker()], &off_wish(), &Context::quiet())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(
        (
            world.sandbox.fleet(),
            world.flag("web"),
            world.flag("worker")
        ),
        before
    );
}

#[tokio::test(start_paused = true)]
async fn all_turns_web_on_first_and_off_last() {
    let world = World::new([FunctionSpec::new("demo-dev-a")]);
    let order = |writes: Vec<maintenance_sandbox::CallRecord>| -> Vec<String> {
        writes
            .into_iter()
            .filter_map(|call| call.call.target)
            .filter(|target| !target.contains("/lease/"))
            .collect()
    };
    let roles = [worker(), web()];
    world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await
        .unwrap();
    let on = order(world.sandbox.writes());
    let at = |order: &[String], part: &str| {
        order
            .iter()
            .position(|target| target.contains(part))
            .unwrap_or_else(|| panic!("{order:?}"))
    };
    assert!(at(&on, "flags/web") < at(&on, "flags/worker"));
    assert!(at(&on, "flags/worker") < at(&on, "/capacity/"));
    assert!(
        at(&on, "/capacity/") < at(&on, "demo-dev-a"),
        "saved before touched: {on:?}"
    );

    world.sandbox.reset_calls();
    world
        .control
        .off(&roles, &off_wish(), &Context::quiet())
        .await
        .unwrap();
    let off = order(world.sandbox.writes());
    assert!(
        at(&off, "demo-dev-a") < at(&off, "/capacity/"),
        "verified before forgotten: {off:?}"
    );
    assert!(at(&off, "/capacity/") < at(&off, "flags/worker"));
    assert!(at(&off, "flags/worker") < at(&off, "flags/web"));
}

#[tokio::test(start_paused = true)]
async fn web_stays_on_while_a_worker_is_not_back() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(3)]);
    let roles = [web(), worker()];
    world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await
        .unwrap();
    world.inject(Fault::on("PutFunctionConcurrency").always().access_denied());
    let report = world
        .control
        .off(&roles, &off_wish(), &Context::quiet())
        .await
        .unwrap();
    let outcomes: Vec<_> = report.roles.iter().map(|role| role.outcome).collect();
    assert_eq!(outcomes, [RoleOutcome::StillOn, RoleOutcome::StillOn]);
    let words = &report.roles[0].workers.as_ref().unwrap().failed[0];
    assert!(
        words
            .hint
            .as_ref()
            .unwrap()
            .contains("lambda:PutFunctionConcurrency"),
        "{words:?}"
    );
    assert!(world.flag("web").mode.is_on());
    // Who wants the site open all the same says so.
    world.off(&web()).await.unwrap();
    assert!(!world.flag("web").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn a_malformed_flag_is_reported_and_replaced_by_what_is_asked_for() {
    let world = World::new([]);
    let name = "/maintenance/demo-dev/flags/web";
    for (garbage, on) in [("onn", true), ("", false), (r#"{"schema":1}"#, true)] {
        // The sandbox, like AWS, stores no empty value; a blank one stands for it.
        world
            .sandbox
            .set_parameter(name, if garbage.is_empty() { " " } else { garbage });
        let status = world.status(&web()).await;
        assert_eq!(status.roles[0].state, State::Malformed);
        let report = if on {
            world.on(&web()).await
        } else {
            world.off(&web()).await
        }
        .unwrap();
        assert_eq!(
            only(&report).outcome,
            if on {
                RoleOutcome::TurnedOn
            } else {
                RoleOutcome::TurnedOff
            }
        );
        assert!(
            only(&report).warnings[0].to_string().contains("malformed"),
            "{report:?}"
        );
        assert_eq!(world.flag("web").mode.is_on(), on);
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_versions_flag_is_read_and_never_rewritten() {
    let world = World::new([]);
    let name = "/maintenance/demo-dev/flags/web";
    let newer = r#"{"schema":2,"mode":"on","shape":"new"}"#;
    world.sandbox.set_parameter(name, newer);
    assert_eq!(world.status(&web()).await.roles[0].state, State::On);
    let error = world.off(&web()).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Refused {
                source: Refusal::NewerSchema { .. },
                ..
            }
        ),
        "{error}"
    );
    let unreadable = r#"{"schema":2,"mode":"dimmed"}"#;
    world.sandbox.set_parameter(name, unreadable);
    assert!(matches!(
        world.off(&web()).await,
        Err(Error::Unreadable { .. })
    ));
    assert!(matches!(
        world.on(&web()).await,
        Err(Error::Unreadable { .. })
    ));
    assert_eq!(world.sandbox.parameters()[name].value, unreadable);
}

#[tokio::test(start_paused = true)]
async fn fields_of_a_later_version_survive() {
    let world = World::new([]);
    let name = "/maintenance/demo-dev/flags/web";
    world
        .sandbox
        .set_parameter(name, r#"{"schema":1,"mode":"off","colour":"blue"}"#);
    world.on(&web()).await.unwrap();
    world.off(&web()).await.unwrap();
    assert_eq!(world.flag("web").unknown["colour"], "blue");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_write_at_the_same_moment_is_told() {
    let world = World::new([]);
    world.on(&web()).await.unwrap();
    let sandbox = world.sandbox.clone();
    // Between our read under the lease and our write.
    world.inject(
        Fault::on("PutParameter")
            .target("flags/web")
            .before()
            .hook(move |_| {
                sandbox.set_parameter("/maintenance/demo-dev/flags/web", "on");
            }),
    );
    let report = world.off(&web()).await.unwrap();
    assert!(
        only(&report).warnings[0]
            .to_string()
            .contains("another client"),
        "{report:?}"
    );
    assert!(!world.flag("web").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn a_reason_too_long_to_store_changes_nothing() {
    let world = World::new([]);
    let wish = OnRequest {
        reason: Some("y".repeat(5000)),
        ..on_wish()
    };
    let error = world
        .control
        .on(&[web()], &wish, &Context::quiet())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert!(world.parameters("flags").is_empty());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn status_tells_a_script_the_truth() {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    let roles = [web(), worker()];
    let status = world
        .control
        .status(&roles, &Context::quiet())
        .await
        .unwrap();
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["app"], "demo-dev");
    assert_eq!(
        json["roles"][0],
        serde_json::json!({"role": "web", "maintenance": "off"})
    );
    let worker = &json["roles"][1];
    assert_eq!(worker["maintenance"], "on");
    assert_eq!(worker["mode"], "on");
    assert_eq!(
        worker["owner"],
        serde_json::json!({"kind": "manual", "name": "ana@laptop"})
    );
    assert_eq!(worker["since"], support::START);
    assert_eq!(worker["until"], serde_json::Value::Null);
    assert_eq!(
        worker["workers"],
        serde_json::json!({"selected": 8, "paused": 8, "pending": [], "drifted": [], "gone": []})
    );
    assert_eq!(
        worker["window"],
        world.flag("worker").window.unwrap().as_str()
    );
    // And says so of a function that is new since.
    world.sandbox.seed(FunctionSpec::new("demo-dev-new"));
    let status = world
        .control
        .status(&roles, &Context::quiet())
        .await
        .unwrap();
    assert_eq!(
        status.roles[1].workers.as_ref().unwrap().pending,
        ["demo-dev-new"]
    );
    assert_eq!(Flag::decode("on").unwrap().window, None);
}

/// It was renamed, or removed from the configuration, while it was on.
#[tokio::test(start_paused = true)]
async fn a_role_that_only_the_store_knows_is_known_and_restored() {
    let world = World::of(3);
    let before = world.sandbox.fleet();
    let mut jobs = worker();
    jobs.role = "jobs".parse().unwrap();
    assert!(world.on(&jobs).await.unwrap().is_complete());

    let known = world.control.known_roles(vec![web(), worker()]).await;
    let known = known.unwrap();
    let names: Vec<_> = known.iter().map(|spec| spec.role.to_string()).collect();
    assert_eq!(names, ["web", "worker", "jobs"]);
    let status = world
        .control
        .status(&known, &Context::quiet())
        .await
        .unwrap();
    assert_eq!(status.roles[2].state, State::On);
    assert_eq!(status.roles[2].workers.as_ref().unwrap().paused, 3);
    let workers = world
        .control
        .workers(&known, &Context::quiet())
        .await
        .unwrap();
    let of_jobs = workers.workers.iter();
    assert_eq!(of_jobs.filter(|it| it.role == jobs.role).count(), 3);

    let report = world
        .control
        .off(&known, &off_wish(), &Context::quiet())
        .await;
    assert!(report.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
    assert!(!world.flag("jobs").mode.is_on());
}
