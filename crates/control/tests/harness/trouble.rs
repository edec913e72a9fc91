//! What AWS does on a bad day, all through a run over a generated fleet: the run ends, the same command
//! again finishes what is left, and everything comes back.

use std::time::Duration;

use maintenance_sandbox::{EmptyPages, Fault};
use proptest::strategy::{Strategy, ValueTree};

use crate::fleet::{Plan, fleets, runner};
use crate::parallel;
use crate::support::worker;
use crate::world::{LEASE_IS_OVER, Violation, World, name};

/// How often somebody gives the same command before they give up.
const PATIENCE: usize = 6;

fn plan(seed: usize) -> Plan {
    let tree = fleets(1..=5).new_tree(&mut runner(seed as u64, 0));
    Plan {
        edits: Vec::new(),
        newcomer: None,
        ..tree.expect("a fleet").current()
    }
}

/// Gives the command until it is through.
async fn until_complete(world: &World, on: bool) -> Result<(), Violation> {
    let mut ended = String::new();
    for _ in 0..PATIENCE {
        let ana = world.operator("ana");
        let result = if on {
            ana.on(&[worker()]).await
        } else {
            ana.off(&[worker()]).await
        };
        match result {
            Ok(report) if report.is_complete() => return Ok(()),
            other => ended = format!("{other:?}"),
        }
        // The lease of one that could not even give it back.
        tokio::time::advance(LEASE_IS_OVER).await;
    }
    Err(format!("on: {on}, after {PATIENCE} times: {ended}"))
}

/// On and off under this weather, and everything is as it was.
async fn through(plan: &Plan, weather: impl Fn(&World)) -> Result<(), Violation> {
    let world = World::new(plan, None).await;
    let before = world.settled();
    weather(&world);
    until_complete(&world, true).await?;
    world.check_paused()?;
    until_complete(&world, false).await?;
    world.sandbox.clear_faults();
    if world.settled() != before {
        return Err(format!("was {before:?}\nis {:?}", world.settled()));
    }
    let last = world.off().await?;
    world.check_clean(&last)
}

fn all(count: usize, weather: impl Fn(usize, &World) + Sync) {
    let ended = parallel::each(count, |n| {
        parallel::alone(n, through(&plan(n), |world| weather(n, world)))
            .map_err(|violation| format!("{n}: {violation}"))
    });
    let ended: Result<Vec<()>, Violation> = ended.into_iter().collect();
    ended.unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn throttling_at_any_rate() {
    all(6, |n, world| {
        // Counted apart, so that not each write is refused after the read just before it.
        for calls in [Fault::any_read(), Fault::any_write()] {
            let refused = calls.every(2 + n as u64 % 6).throttle();
            world.sandbox.inject(refused);
        }
    });
}

#[test]
fn answers_lost_after_the_effect_took_place_and_before() {
    all(6, |n, world| {
        let every = Fault::any_call().every(3 + n as u64 % 5);
        let every = if n % 3 == 0 {
            every.before()
        } else {
            every.after()
        };
        world.sandbox.inject(every.drop_connection());
    });
}

#[test]
fn a_deploy_that_updates_functions_all_the_time() {
    all(6, |n, world| {
        let sandbox = world.sandbox.clone();
        world
            .sandbox
            .inject(Fault::any_call().every(7).hook(move |_| {
                // Another function every time; one that does not exist is no matter.
                let _gone = sandbox.begin_update(&name(n % 3), Duration::from_secs(5));
            }));
    });
}

#[test]
fn empty_pages_and_reads_that_lag() {
    all(5, |n, world| {
        world.sandbox.configure(|settings| {
            settings.ssm.empty_pages = EmptyPages::Every(1);
            settings.ssm.read_lag = 1 + n as u32 % 5;
        });
    });
}

/// From the `nth` call on the credentials have expired; then somebody signs in again.
async fn expire(plan: &Plan, on: bool, nth: u64) -> Result<bool, Violation> {
    let world = World::new(plan, None).await;
    let before = world.settled();
    if !on {
        world.on().await?;
    }
    let first = world.sandbox.call_counts().total;
    let expired = Fault::any_call().nth(nth).always();
    let message = "The security token included in the request is expired";
    world
        .sandbox
        .inject(expired.fail(400, "ExpiredTokenException", message));
    let ana = world.operator("ana");
    let ended = if on {
        ana.on(&[worker()]).await
    } else {
        ana.off(&[worker()]).await
    };
    if world.sandbox.call_counts().total < first + nth {
        return Ok(false);
    }
    let words = match &ended {
        Ok(report) if report.is_complete() => String::new(),
        Ok(report) => format!("{report:?}"),
        Err(error) => {
            let first: &dyn std::error::Error = error;
            let causes = std::iter::successors(Some(first), |error| error.source());
            causes.map(|cause| format!("{cause}\n")).collect()
        }
    };
    // With the lease's own last write alone the work was done.
    if !words.is_empty() && !words.contains("credentials") {
        return Err(format!("it does not say why: {words}"));
    }
    world.sandbox.clear_faults();
    tokio::time::advance(LEASE_IS_OVER).await;
    let last = world.off().await?;
    if world.settled() != before {
        return Err(format!("was {before:?}\nis {:?}", world.settled()));
    }
    world.check_clean(&last)?;
    Ok(true)
}

#[test]
fn a_token_that_expires_half_way() {
    let counts = parallel::each(4, |n| {
        let plan = plan(n);
        for nth in (1 + n as u64 / 2..).step_by(2) {
            let ended = parallel::alone(n, expire(&plan, n % 2 == 0, nth));
            match ended.map_err(|violation| format!("expired at {nth}: {violation}"))? {
                true => {}
                false => return Ok(nth / 2),
            }
        }
        Ok(0)
    });
    let counts: Result<Vec<u64>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} expired tokens", counts.iter().sum::<u64>());
}
