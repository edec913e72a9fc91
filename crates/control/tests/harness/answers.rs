//! Answers that are none, as a proxy may give them, and writes that AWS carries out a second time, late:
//! the same command goes on, and everything comes back.

use maintenance_control::Report;
use maintenance_sandbox::EmptyPages;

use crate::crashes::is_long;
use crate::fleet::{FunctionPlan, MappingPlan, Plan};
use crate::parallel;
use crate::support::worker;
use crate::wire::Side;
use crate::world::{LEASE_IS_OVER, Operator, Violation, World};

/// How often the same command is given.
const TIMES: usize = 3;

fn plan() -> Plan {
    let function = FunctionPlan::new;
    Plan {
        functions: vec![
            function(None, &[], &[MappingPlan::Updating]),
            function(Some(5), &[("live", 2)], &[MappingPlan::Enabled]),
            function(Some(0), &[], &[]),
        ],
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
        in_files: false,
    }
}

/// Gives the command, and the same again until it is complete; the first time to this operator.
async fn until_complete(world: &World, first: &Operator, on: bool) -> Result<Report, Violation> {
    let mut ended = String::new();
    for time in 0..TIMES {
        let again = world.operator("ana");
        let operator = if time == 0 { first } else { &again };
        let result = if on {
            operator.on(&[worker()]).await
        } else {
            operator.off(&[worker()]).await
        };
        match result {
            Ok(report) if report.is_complete() => return Ok(report),
            other => ended = format!("{other:?}"),
        }
        // Also where a renewal that is carried out again makes a lease of one that was given back.
        tokio::time::advance(LEASE_IS_OVER).await;
    }
    Err(format!("on: {on}, after {TIMES} times: {ended}"))
}

/// `on` and `off`, one of which goes wrong as it is told; whether it came to that call.
async fn through(on: bool, nth: u64, goes_wrong: impl Fn(&Operator)) -> Result<bool, Violation> {
    let world = World::new(&plan(), None).await;
    let before = world.settled();
    let mut came_to_it = false;
    for is_on in [true, false] {
        let operator = world.operator("ben");
        if is_on == on {
            goes_wrong(&operator);
        }
        until_complete(&world, &operator, is_on).await?;
        if is_on == on {
            came_to_it = operator.wire.calls() >= nth;
            // The process is gone; what it sent is not.
            operator.wire.repeat_now().await;
        }
        if is_on {
            world.check_paused()?;
        }
    }
    if world.settled() != before {
        return Err(format!("was {before:?}\nis {:?}", world.settled()));
    }
    let last = until_complete(&world, &world.operator("cleo"), false).await?;
    world.check_clean(&last)?;
    Ok(came_to_it)
}

/// All that can go wrong at any call of `on` and of `off`.
fn at_any_call(kinds: usize, goes_wrong: impl Fn(usize, u64, &Operator) + Sync) {
    let counts = parallel::each(2 * kinds, |n| {
        let (on, kind) = (n % 2 == 0, n / 2);
        let step = if is_long() { 1 } else { 2 };
        let mut times = 0;
        for nth in (1 + kind % step..).step_by(step) {
            let nth = nth as u64;
            let through = through(on, nth, |operator| goes_wrong(kind, nth, operator));
            let ended = parallel::alone(n, through);
            match ended.map_err(|violation| format!("on: {on}, {kind} at {nth}: {violation}"))? {
                true => times += 1,
                false => break,
            }
        }
        Ok(times)
    });
    let counts: Result<Vec<u64>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} calls went wrong", counts.iter().sum::<u64>());
    assert!(counts.iter().all(|times| *times > 10), "{counts:?}");
}

#[test]
fn an_answer_without_a_body_on_any_call_is_not_believed() {
    let kinds = [
        (Side::Before, "{}"),
        (Side::Before, ""),
        (Side::After, "{}"),
        (Side::After, ""),
    ];
    at_any_call(kinds.len(), |kind, nth, operator| {
        let (side, body) = kinds[kind];
        operator.wire.answer_empty_at(nth, side, body);
    });
}

#[test]
fn a_write_that_is_carried_out_twice_changes_nothing() {
    // At once, after some calls, and when its operation has ended.
    let later = [1, 6, u64::MAX / 2];
    at_any_call(later.len(), |kind, nth, operator| {
        operator.wire.repeat_at(nth, later[kind]);
    });
}
