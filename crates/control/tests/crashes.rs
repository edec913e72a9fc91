//! Whatever dies, whenever, the next `off` gives every function back: the operation is cut at every
//! call in turn, before and after its effect, and then recovered.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;

use maintenance_control::{Report, RoleOutcome, Run};
use maintenance_sandbox::Fault;
use support::{World, control_by, off_wish, on_wish, worker};
use tokio::sync::Notify;

/// How somebody goes on after a crash.
#[derive(Debug, Clone, Copy)]
enum Recovery {
    /// With `off`.
    Off,
    /// With `on`, and later `off`.
    OnThenOff,
    /// With another `off` that is cut half-way too, and then `off`.
    CutOffThenOff,
}

/// Runs an operation and drops it, as a killed process would, at its `nth` call. Whether it was cut.
async fn cut<F: Future<Output = Report>>(
    world: &World,
    nth: u64,
    after: bool,
    operation: F,
) -> bool {
    let reached = Arc::new(Notify::new());
    // The call hangs, before or after its effect, so that nothing of the operation goes on.
    let told = reached.clone();
    let at = |fault: maintenance_sandbox::Fault| world.inject(fault);
    let when = |builder: maintenance_sandbox::FaultBuilder| {
        if after {
            builder.after()
        } else {
            builder.before()
        }
    };
    at(when(Fault::any_call().nth(nth)).hook(move |_| told.notify_one()));
    at(when(Fault::any_call().nth(nth)).hang());
    let was_cut = tokio::select! {
        biased;
        () = reached.notified() => true,
        report = operation => {
            assert!(report.is_complete(), "{report:?}");
            false
        }
    };
    world.sandbox.clear_faults();
    world.sandbox.release_hanging();
    // The lease of the dead ends, for whoever recovers.
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    was_cut
}

async fn on(world: &World) -> Report {
    // Another process: nothing of the one that died is remembered.
    let control = control_by(&world.sandbox, "ben@desk");
    control
        .on(&[worker()], &on_wish(), &Run::quiet())
        .await
        .unwrap()
}

async fn off(world: &World) -> Report {
    let control = control_by(&world.sandbox, "ben@desk");
    control
        .off(&[worker()], &off_wish(), &Run::quiet())
        .await
        .unwrap()
}

async fn recover(world: &World, recovery: Recovery) {
    match recovery {
        Recovery::Off => {}
        Recovery::OnThenOff => {
            let report = on(world).await;
            assert!(report.is_complete(), "{report:?}");
            let fleet = world.sandbox.fleet();
            for (name, function) in fleet
                .iter()
                .filter(|(name, _)| name.starts_with("demo-dev-"))
            {
                assert_eq!(function.reserved, Some(0), "{name}");
            }
        }
        Recovery::CutOffThenOff => {
            cut(world, 20, true, off(world)).await;
        }
    }
    let report = off(world).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(matches!(
        report.roles[0].outcome,
        RoleOutcome::TurnedOff | RoleOutcome::AlreadyOff
    ));
}

fn assert_clean(world: &World, before: &maintenance_sandbox::Fleet, what: &str) {
    assert_eq!(&world.sandbox.fleet(), before, "{what}");
    assert!(!world.flag("worker").mode.is_on(), "{what}");
    assert!(
        world.parameters("capacity").is_empty(),
        "{what}: saved capacity is left"
    );
    assert!(world.lease_is_free(), "{what}: a lease is left");
}

async fn every_cut_of_on(recovery: Recovery) {
    let mut cuts = 0;
    for after in [false, true] {
        for nth in 1.. {
            let world = World::mixed();
            let before = world.sandbox.fleet();
            let what = format!("on cut at call {nth}, after: {after}, {recovery:?}");
            let operation = async { world.on(&worker()).await.unwrap() };
            if !cut(&world, nth, after, operation).await {
                break;
            }
            cuts += 1;
            recover(&world, recovery).await;
            assert_clean(&world, &before, &what);
        }
    }
    assert!(cuts > 60, "only {cuts} cuts");
    println!("{cuts} cuts of on, {recovery:?}");
}

async fn every_cut_of_off(recovery: Recovery) {
    let mut cuts = 0;
    for after in [false, true] {
        for nth in 1.. {
            let world = World::mixed();
            let before = world.sandbox.fleet();
            let what = format!("off cut at call {nth}, after: {after}, {recovery:?}");
            world.on(&worker()).await.unwrap();
            let operation = async { world.off(&worker()).await.unwrap() };
            if !cut(&world, nth, after, operation).await {
                break;
            }
            cuts += 1;
            recover(&world, recovery).await;
            assert_clean(&world, &before, &what);
        }
    }
    assert!(cuts > 60, "only {cuts} cuts");
    println!("{cuts} cuts of off, {recovery:?}");
}

#[tokio::test(start_paused = true)]
async fn on_cut_anywhere_is_undone_by_off() {
    every_cut_of_on(Recovery::Off).await;
}

#[tokio::test(start_paused = true)]
async fn on_cut_anywhere_is_finished_by_on() {
    every_cut_of_on(Recovery::OnThenOff).await;
}

#[tokio::test(start_paused = true)]
async fn off_cut_anywhere_is_finished_by_off() {
    every_cut_of_off(Recovery::Off).await;
}

#[tokio::test(start_paused = true)]
async fn off_cut_anywhere_is_turned_round_by_on() {
    every_cut_of_off(Recovery::OnThenOff).await;
}

#[tokio::test(start_paused = true)]
async fn off_cut_twice_is_finished_by_off() {
    every_cut_of_off(Recovery::CutOffThenOff).await;
}
