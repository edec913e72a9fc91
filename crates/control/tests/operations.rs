//! On, off and status: who may do what, what is recorded, in which order, and one at a time.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use maintenance_control::{Control, Error, Event, Off, On, RoleOutcome, Run, State, Stop, Who};
use maintenance_flag::{Flag, Lease, Mode, Owner, Refusal};
use maintenance_sandbox::{Fault, FunctionSpec};
use tokio::sync::Notify;

use support::{World, control_by, off_wish, on_wish, only, web, worker};

fn observer(name: &str) -> Who {
    Who::Observer(name.to_owned())
}

async fn on_as(control: &Control, who: Who) -> Result<(), Error> {
    let wish = On {
        who,
        reason: None,
        accept_event_loss: false,
    };
    control.on(&[web()], &wish, &Run::quiet()).await.map(drop)
}

async fn off_as(control: &Control, who: Who, force: Option<&str>) -> Result<(), Error> {
    let wish = Off {
        who,
        force: force.map(str::to_owned),
        restore_saved: false,
    };
    control.off(&[web()], &wish, &Run::quiet()).await.map(drop)
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
    let report = other.on(&[web()], &on_wish(), &Run::quiet()).await.unwrap();
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
        off_as(control, Who::Person, None).await,
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
    on_as(control, Who::Person).await.unwrap();
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
    off_as(&world.control, Who::Person, Some("false alarm"))
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
        .off(&[web(), worker()], &off_wish(), &Run::quiet())
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
        .on(&roles, &on_wish(), &Run::quiet())
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
        .off(&roles, &off_wish(), &Run::quiet())
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
        .on(&roles, &on_wish(), &Run::quiet())
        .await
        .unwrap();
    world.inject(Fault::on("PutFunctionConcurrency").always().access_denied());
    let report = world
        .control
        .off(&roles, &off_wish(), &Run::quiet())
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
async fn reads_that_lag_behind_writes_hide_no_operation_from_the_next() {
    for lag in 1..=5 {
        let world = World::mixed();
        let before = world.sandbox.fleet();
        world
            .sandbox
            .configure(|settings| settings.ssm.read_lag = lag);
        let roles = [web(), worker()];
        for round in 0..3 {
            // Each by another process, at once after the one before.
            let control = control_by(&world.sandbox, "ana@laptop");
            let report = control.on(&roles, &on_wish(), &Run::quiet()).await.unwrap();
            let outcomes: Vec<_> = report.roles.iter().map(|role| role.outcome).collect();
            assert_eq!(
                outcomes,
                [RoleOutcome::TurnedOn; 2],
                "lag {lag}, round {round}"
            );
            let control = control_by(&world.sandbox, "ben@desk");
            let report = control.on(&roles, &on_wish(), &Run::quiet()).await.unwrap();
            let outcomes: Vec<_> = report.roles.iter().map(|role| role.outcome).collect();
            assert_eq!(
                outcomes,
                [RoleOutcome::AlreadyOn; 2],
                "lag {lag}, round {round}"
            );
            assert_eq!(world.flag("web").by.as_deref(), Some("ana@laptop"));
            let control = control_by(&world.sandbox, "ben@desk");
            let report = control
                .off(&roles, &off_wish(), &Run::quiet())
                .await
                .unwrap();
            let outcomes: Vec<_> = report.roles.iter().map(|role| role.outcome).collect();
            assert_eq!(
                outcomes,
                [RoleOutcome::TurnedOff; 2],
                "lag {lag}, round {round}"
            );
            assert_eq!(world.sandbox.fleet(), before, "lag {lag}, round {round}");
            assert!(world.parameters("capacity").is_empty());
        }
    }
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
            only(&report).warnings[0].contains("malformed"),
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
        only(&report).warnings[0].contains("somebody else"),
        "{report:?}"
    );
    assert!(!world.flag("web").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn a_reason_too_long_to_store_changes_nothing() {
    let world = World::new([]);
    let wish = On {
        who: Who::Person,
        reason: Some("y".repeat(5000)),
        accept_event_loss: false,
    };
    let error = world
        .control
        .on(&[web()], &wish, &Run::quiet())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unstorable(_)), "{error}");
    assert!(world.parameters("flags").is_empty());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn who_holds_the_lease_is_named_and_nothing_is_changed() {
    let world = World::new([]);
    let lease = Lease {
        id: "0".to_owned(),
        by: "ben@desk".to_owned(),
        operation: "on worker".to_owned(),
        acquired: support::start(),
        expires: support::start() + Duration::from_secs(30),
        released: false,
        left: Default::default(),
    };
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/lease/4", &lease.encode());
    let error = world.on(&web()).await.unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("on worker by ben@desk, since 2026-11-21T08:00:00Z"),
        "{words}"
    );
    assert!(
        error.hint().unwrap().contains("2026-11-21T08:00:35Z"),
        "{:?}",
        error.hint()
    );
    assert!(world.parameters("flags").is_empty());

    // It died. Its lease ends, and is taken over under the next number.
    tokio::time::advance(Duration::from_secs(36)).await;
    world.on(&web()).await.unwrap();
    assert!(
        world
            .parameters("lease")
            .contains(&"/maintenance/demo-dev/lease/5".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_ended_lease_is_taken_over_by_exactly_one() {
    let world = World::mixed();
    let died = Lease {
        id: "0".to_owned(),
        by: "ben@desk".to_owned(),
        operation: "on worker".to_owned(),
        acquired: support::start() - Duration::from_secs(90),
        expires: support::start() - Duration::from_secs(60),
        released: false,
        left: Default::default(),
    };
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/lease/1", &died.encode());
    let takers: Vec<_> = (0..5)
        .map(|n| control_by(&world.sandbox, &format!("taker{n}@desk")))
        .collect();
    let roles = [worker()];
    let (wish, quiet) = (on_wish(), Run::quiet());
    let all = takers.iter().map(|taker| taker.on(&roles, &wish, &quiet));
    let results = futures_util::future::join_all(all).await;
    let worked = results.iter().filter(|result| result.is_ok()).count();
    let busy = results
        .iter()
        .filter(|r| matches!(r, Err(Error::Busy { .. })))
        .count();
    assert_eq!((worked, busy), (1, 4), "{results:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_operation_keeps_its_lease_by_renewing_it() {
    // A hundred functions at ten calls a second: ten seconds to list and save, ten to pause, and
    // every call is slow.
    let world =
        World::new((0..100).map(|n| FunctionSpec::new(&format!("demo-dev-{n:03}")).reserved(1)));
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .always()
            .delay(Duration::from_secs(20)),
    );
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete());
    let renewals = world.sandbox.writes();
    let renewals = renewals
        .iter()
        .filter(|call| {
            call.call
                .target
                .as_ref()
                .is_some_and(|t| t.contains("/lease/"))
        })
        .count();
    assert!(renewals > 5, "{renewals} writes of the lease");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lost_its_lease_makes_no_further_change() {
    let world =
        World::new((0..400).map(|n| FunctionSpec::new(&format!("demo-dev-{n:03}")).reserved(1)));
    // It takes forty seconds at ten calls a second; a lease that is not renewed lasts thirty.
    world.inject(
        Fault::on("PutParameter")
            .target("/lease/")
            .nth(2)
            .always()
            .fail(500, "InternalServerError", "gone"),
    );
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .every(10)
            .delay(Duration::from_secs(20)),
    );
    let wish = On {
        // So that no time goes into reading what becomes of events.
        accept_event_loss: true,
        ..on_wish()
    };
    let error = world
        .control
        .on(&[worker()], &wish, &Run::quiet())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::LeaseLost), "{error:?}");
    let lost_at = world
        .sandbox
        .calls()
        .iter()
        .filter(|call| call.call.operation == "PutFunctionConcurrency")
        .count();
    assert!((200..300).contains(&lost_at), "{lost_at}");
    // The next one finishes, and off restores all.
    world.sandbox.clear_faults();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(world.on(&worker()).await.unwrap().is_complete());
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert!(
        world
            .sandbox
            .fleet()
            .values()
            .all(|function| function.reserved == Some(1))
    );
}

#[tokio::test(start_paused = true)]
async fn unlocking_ends_the_lease_and_a_holder_that_lives_stops() {
    let world =
        World::new((0..400).map(|n| FunctionSpec::new(&format!("demo-dev-{n:03}")).reserved(1)));
    let other = control_by(&world.sandbox, "ben@desk");
    assert_eq!(other.unlock().await.unwrap(), None, "nobody holds it");
    // In the middle of pausing.
    let midway = Arc::new(Notify::new());
    let tell = midway.clone();
    let two_hundredth = Fault::on("PutFunctionConcurrency").nth(200);
    world.inject(two_hundredth.hook(move |_| tell.notify_one()));
    let unlock = async {
        midway.notified().await;
        let holder = other.holder().await.unwrap().unwrap();
        assert_eq!(
            (holder.by.as_str(), holder.operation.as_str()),
            ("ana@laptop", "on worker")
        );
        assert_eq!(other.unlock().await.unwrap().unwrap().by, "ana@laptop");
        assert_eq!(other.holder().await.unwrap(), None);
        // Whoever comes next need not wait.
        other.off(&[worker()], &off_wish(), &Run::quiet()).await
    };
    let role = worker();
    let (paused, restored) = tokio::join!(world.on(&role), unlock);
    assert!(matches!(paused, Err(Error::LeaseLost)), "{paused:?}");
    // The holder lived for some seconds more, so the other may have missed what it did then.
    let _either = restored;
    assert!(world.off(&worker()).await.unwrap().is_complete());
    let fleet = world.sandbox.fleet();
    let wrong: Vec<_> = fleet
        .iter()
        .filter(|(_, f)| f.reserved != Some(1))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test(start_paused = true)]
async fn a_role_is_drained_when_its_longest_timeout_has_passed() {
    let world = World::new([
        FunctionSpec::new("demo-dev-quick").timeout(3),
        FunctionSpec::new("demo-dev-slow").timeout(300),
    ]);
    let report = world.on(&worker()).await.unwrap();
    let paused_at = world.sandbox.settings().clock.now();
    let drained_at = only(&report).drained_at.unwrap();
    let wait = drained_at.duration_since(paused_at);
    assert!((295..=301).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(world.flag("worker").drained_at, Some(drained_at));

    // Nothing new: the moment stays. Something new: it counts from then.
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(
        only(&world.on(&worker()).await.unwrap()).drained_at,
        Some(drained_at)
    );
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-new").timeout(900));
    let later = only(&world.on(&worker()).await.unwrap())
        .drained_at
        .unwrap();
    assert!(later > drained_at + Duration::from_secs(600), "{later}");

    // Not all are paused: nobody knows.
    world.sandbox.seed(FunctionSpec::new("demo-dev-stuck"));
    world.inject(Fault::on("PutFunctionConcurrency").always().access_denied());
    assert_eq!(only(&world.on(&worker()).await.unwrap()).drained_at, None);
    assert_eq!(world.flag("worker").drained_at, None);
    world.sandbox.clear_faults();
    world.off(&worker()).await.unwrap();
    assert_eq!(world.flag("worker").drained_at, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_off_operation_paused_counts_for_the_next() {
    let world = World::new([FunctionSpec::new("demo-dev-slow").timeout(600)]);
    world.on(&worker()).await.unwrap();
    // As if it had died before it noted when.
    let name = "/maintenance/demo-dev/flags/worker";
    let flag = Flag {
        drained_at: None,
        ..world.flag("worker")
    };
    world.sandbox.set_parameter(name, &flag.encode().unwrap());
    let report = world.on(&worker()).await.unwrap();
    let now = world.sandbox.settings().clock.now();
    let wait = only(&report).drained_at.unwrap().duration_since(now);
    assert!((590..=601).contains(&wait.as_secs()), "{wait:?}");
    // And of a flag that somebody typed, from now on.
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/web", "on");
    let report = world.on(&web()).await.unwrap();
    let wait = only(&report).drained_at.unwrap().duration_since(now);
    assert!(wait.as_secs() > 900, "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_dies_while_it_pauses_more_leaves_no_moment_that_is_too_early() {
    let world = World::new([FunctionSpec::new("demo-dev-quick").timeout(3)]);
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-slow").timeout(900));
    tokio::time::advance(Duration::from_secs(60)).await;
    // It clears the moment, saves, pauses, and cannot note the new one.
    let note = Fault::on("PutParameter")
        .target("flags/worker")
        .nth(2)
        .always();
    world.inject(note.fail(500, "InternalServerError", "gone"));
    world.on(&worker()).await.unwrap_err();
    assert_eq!(world.sandbox.fleet()["demo-dev-slow"].reserved, Some(0));
    assert_eq!(world.flag("worker").drained_at, None);
    world.sandbox.clear_faults();
    let report = world.on(&worker()).await.unwrap();
    let now = world.sandbox.settings().clock.now();
    let wait = only(&report).drained_at.unwrap().duration_since(now);
    assert!(wait.as_secs() >= 890, "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_after_the_last_function_reports_what_was_done() {
    for last in ["PutFunctionConcurrency", "DeleteParameters"] {
        let world = World::new([FunctionSpec::new("demo-dev-a").reserved(3)]);
        if last == "DeleteParameters" {
            world.on(&worker()).await.unwrap();
        }
        let stop = Stop::new();
        let pull = stop.clone();
        world.inject(Fault::on(last).nth(1).after().hook(move |_| pull.stop()));
        let run = Run {
            stop,
            listen: &|_| {},
        };
        let roles = [worker()];
        let report = if last == "DeleteParameters" {
            world.control.off(&roles, &off_wish(), &run).await
        } else {
            world.control.on(&roles, &on_wish(), &run).await
        }
        .unwrap();
        let role = only(&report);
        assert_eq!(
            role.workers.as_ref().unwrap().changed,
            ["demo-dev-a"],
            "{report:?}"
        );
        if last == "DeleteParameters" {
            assert_eq!(role.outcome, RoleOutcome::StillOn);
            assert!(report.interrupted);
        } else {
            assert_eq!(role.outcome, RoleOutcome::TurnedOn);
            assert!(!report.interrupted, "there was nothing left to do");
        }
        assert!(world.off(&worker()).await.unwrap().is_complete());
        assert_eq!(world.sandbox.fleet()["demo-dev-a"].reserved, Some(3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flag_alone_is_drained_after_the_gates_ttl_and_the_longest_timeout() {
    let world = World::new([]);
    let report = world.on(&web()).await.unwrap();
    let drained_at = support::start() + Duration::from_secs(907);
    assert_eq!(
        only(&report).drained_at,
        Some(drained_at),
        "AWS's longest timeout"
    );
    world.off(&web()).await.unwrap();
    let known = maintenance_control::Drain {
        timeout: Some(Duration::from_secs(29)),
        ..Default::default()
    };
    let report = world
        .on(&maintenance_control::RoleSpec {
            drain: known,
            ..web()
        })
        .await
        .unwrap();
    let wait = only(&report)
        .drained_at
        .unwrap()
        .duration_since(world.sandbox.settings().clock.now());
    assert!((34..=36).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_roles_are_drained_and_tells_how_long() {
    let world = World::new([FunctionSpec::new("demo-dev-a").timeout(60)]);
    let report = world.on(&worker()).await.unwrap();
    let drained_at = only(&report).drained_at.unwrap();
    let told = Mutex::new(Vec::new());
    let listen = |event: Event<'_>| {
        if let Event::Draining { left, .. } = event {
            told.lock().unwrap().push(left.as_secs());
        }
    };
    let run = Run {
        stop: Stop::new(),
        listen: &listen,
    };
    assert!(world.control.wait(&report, &run).await);
    assert!(world.sandbox.settings().clock.now() >= drained_at);
    let told = told.lock().unwrap().clone();
    assert!(told[0] >= 58 && told.len() >= 58, "{told:?}");
    assert!(told.is_sorted_by(|a, b| a > b), "it counts down: {told:?}");

    let stop = Stop::new();
    stop.stop();
    world.off(&worker()).await.unwrap();
    let report = world.on(&worker()).await.unwrap();
    let run = Run {
        stop,
        listen: &|_| {},
    };
    assert!(!world.control.wait(&report, &run).await, "stopped");
}

#[tokio::test(start_paused = true)]
async fn leases_do_not_gather() {
    let world = World::new([]);
    for _ in 0..20 {
        world.on(&web()).await.unwrap();
        world.off(&web()).await.unwrap();
    }
    let leases = world.parameters("lease");
    assert!(leases.len() <= 7, "{leases:?}");
    assert!(
        leases.contains(&"/maintenance/demo-dev/lease/40".to_owned()),
        "numbers go on"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_after_the_step_in_hand_and_the_same_command_goes_on() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let stop = Stop::new();
    let pull = stop.clone();
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .nth(2)
            .after()
            .hook(move |_| pull.stop()),
    );
    let run = Run {
        stop,
        listen: &|_| {},
    };
    let report = world
        .control
        .on(&[web(), worker()], &on_wish(), &run)
        .await
        .unwrap();
    assert!(report.interrupted && !report.is_complete());
    let workers = report.roles[1].workers.as_ref().unwrap();
    assert!(!workers.unfinished.is_empty(), "{workers:?}");
    assert!(workers.failed.is_empty(), "{workers:?}");
    assert!(
        world.lease_is_free(),
        "given back, so that whoever goes on need not wait"
    );
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_first_change_changes_nothing() {
    let world = World::mixed();
    let stop = Stop::new();
    stop.stop();
    let run = Run {
        stop,
        listen: &|_| {},
    };
    let report = world
        .control
        .on(&[worker()], &on_wish(), &run)
        .await
        .unwrap();
    assert!(report.interrupted);
    assert_eq!(only(&report).outcome, RoleOutcome::NotBegun);
    assert!(world.parameters("flags").is_empty());
}

#[tokio::test(start_paused = true)]
async fn listeners_hear_each_role_begin_and_end_and_every_function() {
    let world = World::mixed();
    let heard = Mutex::new(Vec::new());
    let listen = |event: Event<'_>| {
        let line = match event {
            Event::RoleStarted { role, .. } => format!("start {role}"),
            Event::Progress { done, total, .. } => format!("{done}/{total}"),
            Event::RoleFinished(report) => format!("finish {}", report.role),
            _ => "other".to_owned(),
        };
        heard.lock().unwrap().push(line);
    };
    let run = Run {
        stop: Stop::new(),
        listen: &listen,
    };
    world
        .control
        .on(&[worker(), web()], &on_wish(), &run)
        .await
        .unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(heard[..3], ["start web", "finish web", "start worker"]);
    assert_eq!(
        heard[3..11],
        ["1/8", "2/8", "3/8", "4/8", "5/8", "6/8", "7/8", "8/8"]
    );
    assert_eq!(heard[11..], ["finish worker"]);
}

#[tokio::test(start_paused = true)]
async fn status_tells_a_script_the_truth() {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    let roles = [web(), worker()];
    let status = world.control.status(&roles).await.unwrap();
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
    let status = world.control.status(&roles).await.unwrap();
    assert_eq!(
        status.roles[1].workers.as_ref().unwrap().pending,
        ["demo-dev-new"]
    );
    assert_eq!(Flag::decode("on").unwrap().window, None);
}
