//! One operation at a time: the lease, and what whoever comes next knows by it.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use maintenance_control::{
    CancellationToken, Clock, Context, Error, Event, Holder, OnRequest, Report, RoleOutcome,
    StoreError, WorkersReport,
};
use maintenance_flag::Lease;
use maintenance_sandbox::Fault;
use support::OneApp as _;
use support::{World, control_by, off_wish, on_wish, only, start, web, worker};
use tokio::sync::Notify;

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
            let report = control
                .on(&roles, &on_wish(), &Context::quiet())
                .await
                .unwrap();
            let outcomes: Vec<_> = report.roles.iter().map(|role| role.outcome).collect();
            assert_eq!(
                outcomes,
                [RoleOutcome::TurnedOn; 2],
                "lag {lag}, round {round}"
            );
            let control = control_by(&world.sandbox, "ben@desk");
            let report = control
                .on(&roles, &on_wish(), &Context::quiet())
                .await
                .unwrap();
            let outcomes: Vec<_> = report.roles.iter().map(|role| role.outcome).collect();
            assert_eq!(
                outcomes,
                [RoleOutcome::AlreadyOn; 2],
                "lag {lag}, round {round}"
            );
            assert_eq!(world.flag("web").by.as_deref(), Some("ana@laptop"));
            let control = control_by(&world.sandbox, "ben@desk");
            let report = control
                .off(&roles, &off_wish(), &Context::quiet())
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
async fn who_holds_the_lease_is_named_and_nothing_is_changed() {
    let world = World::new([]);
    world.leave_a_lease(4, start());
    let error = world.on(&web()).await.unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("on worker by ben@desk, since 2026-11-21T08:00:00Z"),
        "{words}"
    );
    let ends = "2026-11-21T08:00:30Z".parse().unwrap();
    assert!(
        matches!(error, Error::Busy(Holder { until, .. }) if until == ends),
        "{error:?}"
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
    world.leave_a_lease(1, start() - Duration::from_secs(90));
    let takers: Vec<_> = (0..5)
        .map(|n| control_by(&world.sandbox, &format!("taker{n}@desk")))
        .collect();
    let roles = [worker()];
    let (wish, quiet) = (on_wish(), Context::quiet());
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
    let world = World::of(100);
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .always()
            .delay(Duration::from_secs(20)),
    );
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
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

/// What an operation did before it lost its lease, and why it could not look at the lease, if it lost it by that.
fn lost(result: Result<Report, Error>) -> (Report, Option<StoreError>) {
    match result {
        Err(Error::Unfinished { report, source }) => match *source {
            Error::LeaseLost { source } => (*report, source),
            other => panic!("{other}"),
        },
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went on"),
    }
}

/// Functions of the one role that was cut off: those that are done are as many as this, and all are named.
fn cut_off(world: &World, report: &Report, is_done: impl Fn(Option<u32>) -> bool) -> usize {
    let role = only(report);
    assert_eq!(role.outcome, RoleOutcome::Unfinished);
    assert!(!report.is_complete());
    assert!(role.flag.as_ref().is_some_and(|flag| flag.mode.is_on()));
    let WorkersReport {
        selected,
        changed,
        unchanged,
        failed,
        unfinished,
        ..
    } = role.workers.as_ref().expect("its functions");
    let fleet = world.sandbox.fleet();
    assert_eq!(
        (*selected, unchanged.len(), failed.len()),
        (fleet.len(), 0, 0)
    );
    assert!(changed.iter().all(|name| is_done(fleet[name].reserved)));
    assert!(!unfinished.is_empty());
    let named = changed.iter().chain(unfinished);
    assert_eq!(named.count(), fleet.len(), "each is named");
    changed.len()
}

const DENIED: &str = "not allowed to ssm:GetParametersByPath on /maintenance/demo-dev/lease";

fn deny_looking_at_leases(world: &World) {
    let looks = Fault::on("GetParametersByPath").target("/lease");
    world.inject(looks.always().access_denied());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_denied_midway_is_why_the_lease_was_lost_and_what_was_done_is_named() {
    for is_on in [true, false] {
        let world = World::of(400);
        let before = world.sandbox.fleet();
        if !is_on {
            world.on(&worker()).await.unwrap();
        }
        let midway = Arc::new(Notify::new());
        let tell = midway.clone();
        let hundredth = Fault::on("PutFunctionConcurrency").nth(100);
        world.inject(hundredth.hook(move |_| tell.notify_one()));
        let deny = async {
            midway.notified().await;
            deny_looking_at_leases(&world);
        };
        let role = worker();
        let operation = async {
            match is_on {
                true => world.on(&role).await,
                false => world.off(&role).await,
            }
        };
        let (result, ()) = tokio::join!(operation, deny);
        let hint = result.as_ref().err().and_then(Error::hint);
        let hint = hint.expect("what to allow");
        assert!(hint.contains("ssm:GetParametersByPath"), "{hint}");
        let (report, source) = lost(result);
        let source = source.expect("why").to_string();
        assert!(source.starts_with(DENIED), "{source}");
        let done = cut_off(&world, &report, |reserved| {
            reserved == if is_on { Some(0) } else { Some(1) }
        });
        assert!((99..400).contains(&done), "{done}");

        // The same command again continues.
        world.sandbox.clear_faults();
        tokio::time::advance(Duration::from_secs(60)).await;
        if is_on {
            assert!(world.on(&worker()).await.unwrap().is_complete());
        }
        assert!(world.off(&worker()).await.unwrap().is_complete());
        assert_eq!(world.sandbox.fleet(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_denied_before_the_first_change_is_the_error() {
    let world = World::new([]);
    let reading = Arc::new(Notify::new());
    let tell = reading.clone();
    let read = Fault::on("GetParameter").target("/flags/").nth(1);
    world.inject(read.hook(move |_| tell.notify_one()));
    // So that the lease was not seen a moment ago.
    let slow = Fault::on("GetParameter").target("/flags/").always();
    world.inject(slow.delay(Duration::from_secs(10)));
    let deny = async {
        reading.notified().await;
        deny_looking_at_leases(&world);
    };
    let role = web();
    let (result, ()) = tokio::join!(world.on(&role), deny);
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error:?}");
    assert!(error.to_string().starts_with(DENIED), "{error}");
    assert!(world.parameters("flags").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lost_its_lease_makes_no_further_change() {
    let world = World::of(400);
    // It takes forty seconds at ten calls a second; a lease that is not renewed lasts thirty.
    world.let_no_lease_be_renewed();
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .every(10)
            .delay(Duration::from_secs(20)),
    );
    let wish = OnRequest {
        // So that no time goes into reading what becomes of events.
        accept_event_loss: true,
        ..on_wish()
    };
    let result = world
        .control
        .on(&[worker()], &wish, &Context::quiet())
        .await;
    let (report, source) = lost(result);
    assert!(source.is_none(), "{source:?}");
    let done = cut_off(&world, &report, |reserved| reserved == Some(0));
    let lost_at = world
        .sandbox
        .calls()
        .iter()
        .filter(|call| call.call.operation == "PutFunctionConcurrency")
        .count();
    assert!((200..300).contains(&lost_at), "{lost_at}");
    assert!((100..=lost_at).contains(&done), "{done}");
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
    let world = World::of(400);
    let other = control_by(&world.sandbox, "ben@desk");
    assert_eq!(other.holder().await.unwrap(), None, "it is free");
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
        assert_eq!(
            other
                .unlock(&holder, &Context::quiet())
                .await
                .unwrap()
                .unwrap()
                .by,
            "ana@laptop"
        );
        assert_eq!(other.holder().await.unwrap(), None);
        // The next operation need not wait: the holder has noticed by now.
        other.off(&[worker()], &off_wish(), &Context::quiet()).await
    };
    let role = worker();
    let (paused, restored) = tokio::join!(world.on(&role), unlock);
    let (report, _) = lost(paused);
    let workers = only(&report).workers.as_ref().expect("its functions");
    assert!(workers.changed.len() >= 199, "{}", workers.changed.len());
    assert!(!workers.unfinished.is_empty());
    assert!(restored.unwrap().is_complete());
    let fleet = world.sandbox.fleet();
    let wrong: Vec<_> = fleet
        .iter()
        .filter(|(_, f)| f.reserved != Some(1))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
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
async fn a_living_lease_is_not_taken_by_a_clock_that_is_ahead() {
    for ahead in [25, 240, 600] {
        let world = World::of(300);
        let before = world.sandbox.fleet();
        let midway = Arc::new(Notify::new());
        let tell = midway.clone();
        let hundredth = Fault::on("PutFunctionConcurrency").nth(100);
        world.inject(hundredth.hook(move |_| tell.notify_one()));
        let other = async {
            midway.notified().await;
            let now = world.sandbox.settings().clock.now();
            let clock = Clock::virtual_from(now + Duration::from_secs(ahead));
            let ben = control_by(&world.sandbox, "ben@desk").with_clock(clock);
            ben.off(&[worker()], &off_wish(), &Context::quiet()).await
        };
        let role = worker();
        let (paused, refused) = tokio::join!(world.on(&role), other);
        assert!(paused.unwrap().is_complete(), "{ahead} s ahead");
        assert!(
            matches!(&refused, Err(Error::Busy(Holder { by, .. })) if by == "ana@laptop"),
            "{ahead} s ahead: {refused:?}"
        );
        assert!(world.off(&worker()).await.unwrap().is_complete());
        assert_eq!(world.sandbox.fleet(), before, "{ahead} s ahead");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_not_given_back_is_watched_before_it_is_taken_over() {
    let world = World::new([]);
    world.leave_a_lease(1, start() - Duration::from_secs(31));
    let watched = Mutex::new(Vec::new());
    let run = Context {
        stop: CancellationToken::new(),
        listen: &|event| {
            if let Event::LeaseWatched { holder, until } = event {
                watched.lock().unwrap().push((holder.by.clone(), until));
            }
        },
    };
    let began = tokio::time::Instant::now();
    let roles = [web()];
    world.control.on(&roles, &on_wish(), &run).await.unwrap();
    let took = began.elapsed().as_secs();
    assert!((50..55).contains(&took), "{took} s");
    let watched = watched.into_inner().unwrap();
    assert_eq!(watched.len(), 1, "{watched:?}");
    assert_eq!(watched[0].0, "ben@desk");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ended_longer_ago_than_clocks_differ_is_taken_over_at_once() {
    let world = World::new([]);
    world.leave_a_lease(1, start() - Duration::from_secs(3_600));
    let began = tokio::time::Instant::now();
    world.on(&web()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_lease_number_made_by_hand_blocks_nothing() {
    let world = World::new([]);
    for n in [u64::MAX, u64::MAX - 1] {
        let name = format!("/maintenance/demo-dev/lease/{n}");
        world.sandbox.set_parameter(&name, "mine");
    }
    world.on(&web()).await.unwrap();
    world.off(&web()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_loses_every_race_for_the_lease_is_told_that_it_is_busy() {
    let world = World::new([]);
    world.on(&web()).await.unwrap();
    // Each number is taken, and given back, just before it is asked for.
    let sandbox = world.sandbox.clone();
    let quicker = Fault::on("PutParameter").target("/lease/").always();
    world.inject(quicker.hook(move |call| {
        let name = call.target.clone().unwrap_or_default();
        let lease = Lease {
            id: name.clone(),
            by: "ben@desk".to_owned(),
            operation: "off web".to_owned(),
            acquired: start(),
            expires: start(),
            released: true,
            follower: None,
            left: Default::default(),
        };
        if !sandbox.parameters().contains_key(&name) {
            sandbox.set_parameter(&name, &lease.encode());
        }
    }));
    let error = world.off(&web()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Busy(Holder { by, .. }) if by == "ben@desk"),
        "{error:?}"
    );
}

/// A name that was deleted less than 30 s ago may not be created [Parameter Store, DeleteParameter]; the
/// sandbox refuses it.
#[tokio::test(start_paused = true)]
async fn no_name_of_saved_capacity_is_created_again() {
    let world = World::of(3);
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    // Killed between deleting what was saved and turning the flag off.
    let names = world.parameters("capacity");
    let dead = control_by(&world.sandbox, "ben@desk");
    let flags = Fault::on("PutParameter").target("/flags/").always();
    world.inject(flags.fail(500, "InternalServerError", "gone"));
    let off = dead.off(&[worker()], &off_wish(), &Context::quiet()).await;
    assert!(off.is_err(), "{off:?}");
    assert!(world.parameters("capacity").is_empty());
    assert!(world.flag("worker").mode.is_on());
    world.sandbox.clear_faults();
    assert!(world.on(&worker()).await.unwrap().is_complete());
    let now = world.parameters("capacity");
    assert!(!now.is_empty() && now.iter().all(|name| !names.contains(name)));
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

/// In every wait: for AWS's answer, under throttling, for a mapping, for a lease.
#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_within_a_second_whatever_is_waited_for() {
    let silence = |operation: &str| {
        let silent = Fault::on(operation).always();
        silent.delay(Duration::from_secs(3_600))
    };
    let throttled = |operation: &str| {
        let busy = Fault::on(operation).always();
        busy.fail(429, "TooManyRequestsException", "Rate exceeded")
    };
    let waits: [(&str, Option<Fault>); 8] = [
        (
            "leases are not listed",
            Some(silence("GetParametersByPath")),
        ),
        ("flags are not read", Some(silence("GetParameter"))),
        ("functions are not listed", Some(silence("ListFunctions"))),
        ("functions are not read", Some(silence("GetFunction"))),
        ("every call is throttled", Some(throttled("GetFunction"))),
        (
            "every write is throttled",
            Some(throttled("PutFunctionConcurrency")),
        ),
        (
            "mappings are polled, throttled",
            Some(throttled("GetEventSourceMapping")),
        ),
        ("a lease is watched", None),
    ];
    for (what, fault) in waits {
        let world = World::mixed();
        match fault {
            Some(fault) => world.inject(fault),
            None => world.leave_a_lease(1, start() - Duration::from_secs(31)),
        }
        let run = Context {
            stop: CancellationToken::new(),
            listen: &|_| {},
        };
        let (roles, stop) = ([worker()], run.stop.clone());
        let wish = OnRequest {
            accept_event_loss: true,
            ..on_wish()
        };
        let operation = world.control.on(&roles, &wish, &run);
        let asked = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            stop.cancel();
            tokio::time::Instant::now()
        };
        let (ended, asked) = tokio::join!(
            async { (operation.await, tokio::time::Instant::now()) },
            asked
        );
        let (report, at) = (ended.0, ended.1);
        let report = report.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert!(report.interrupted, "{what}: {report:?}");
        let took = at.duration_since(asked);
        // Giving the lease back may take three seconds where the store does not answer.
        assert!(took <= Duration::from_secs(4), "{what}: {took:?}");
        if !what.contains("leases") && !what.contains("flags") {
            assert!(took <= Duration::from_secs(1), "{what}: {took:?}");
        }
    }
}

/// While the question stood, it was given back, and somebody else began.
#[tokio::test(start_paused = true)]
async fn only_the_lease_that_was_shown_is_ended() {
    let world = World::new([]);
    world.leave_a_lease(1, start());
    let shown = world.control.holder().await.unwrap().unwrap();
    world.leave_a_lease(2, start() + Duration::from_secs(5));
    let error = world.control.unlock(&shown, &Context::quiet()).await;
    assert!(matches!(&error, Err(Error::Busy { .. })), "{error:?}");
    assert_eq!(world.parameters("lease").len(), 2, "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn a_number_of_saved_capacity_made_by_hand_blocks_nothing() {
    let world = World::of(3);
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let name = world.parameters("capacity").pop().unwrap();
    let value = world.sandbox.parameters()[&name].value.clone();
    let (window, _) = name.rsplit_once('/').unwrap();
    let largest = format!("{window}/{}", u32::MAX);
    world.sandbox.set_parameter(&largest, &value);
    let new = maintenance_sandbox::FunctionSpec::new("demo-dev-new").reserved(4);
    world.sandbox.seed(new);
    assert!(world.on(&worker()).await.unwrap().is_complete());
    assert!(world.off(&worker()).await.unwrap().is_complete());
    let after = world.sandbox.fleet();
    assert_eq!(after["demo-dev-new"].reserved, Some(4));
    assert!(before.iter().all(|(name, was)| after[name] == *was));
}

/// What pausing had freed was reserved elsewhere; how much is missing is asked, and AWS throttles that.
#[tokio::test(start_paused = true)]
async fn a_stop_of_off_is_heard_while_the_accounts_limits_are_asked_for() {
    let world = World::of(3);
    world.on(&worker()).await.unwrap();
    let put = Fault::on("PutFunctionConcurrency").always();
    let words = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
    world.inject(put.fail(400, "InvalidParameterValueException", words));
    let asked = Fault::on("GetAccountSettings").always();
    world.inject(asked.fail(429, "TooManyRequestsException", "Rate exceeded"));
    let run = Context {
        stop: CancellationToken::new(),
        listen: &|_| {},
    };
    let (roles, wish) = ([worker()], off_wish());
    let off = world.control.off(&roles, &wish, &run);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        run.stop.cancel();
        tokio::time::Instant::now()
    };
    let (ended, asked) = tokio::join!(async { (off.await, tokio::time::Instant::now()) }, stop);
    ended.0.unwrap();
    let took = ended.1.duration_since(asked);
    assert!(took <= Duration::from_secs(2), "{took:?}");
}
