//! What must not happen, and does: clocks that differ, a lease that is unlocked or deleted while its holder
//! is at work, saved capacity that is deleted.
//!
//! A hand does it just after a call of one operator (one in five; in the long run, each), while another operator comes. That one works to its
//! end at once, or both go on in a random order.

use std::time::Duration;

use jiff::SignedDuration;
use maintenance_control::{AwsErrorKind, Error, Report, StoreError};
use maintenance_sandbox::{EarlyReuse, EmptyPages};

use crate::canonicalizer::Canonicalizer;
use crate::crashes::Operation::{self, Off, On};
use crate::crashes::is_long;
use crate::explore::Choice;
use crate::fleet::{FunctionPlan, MappingPlan, Plan};
use crate::parallel;
use crate::races::Race;
use crate::scheduler::Patience;
use crate::support::worker;
use crate::verdict::named_in;
use crate::world::{Violation, World};

const PAIRS: [[Operation; 2]; 4] = [[On, Off], [Off, On], [On, On], [Off, Off]];

/// What is done to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    /// `maintenance unlock`, in spite of its question.
    Unlocks,
    DeletesTheNewestLease,
    DeletesAllLeases,
    DeletesSavedCapacity,
}

impl Hand {
    fn deletes_leases(self) -> bool {
        matches!(self, Self::DeletesTheNewestLease | Self::DeletesAllLeases)
    }
}

fn fleet(in_files: bool) -> Plan {
    let function = |spare, mappings: &[MappingPlan]| FunctionPlan::new(spare, &[], mappings);
    Plan {
        functions: vec![
            function(Some(4), &[]),
            function(None, &[]),
            function(Some(0), &[]),
            function(Some(2), &[MappingPlan::Enabled]),
        ],
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
        in_files,
    }
}

async fn raise(hand: Hand, world: &World) -> Result<(), Violation> {
    let delete = |part: &str, newest_only: bool| {
        let number = |name: &String| name.rsplit('/').next().and_then(|n| n.parse::<u64>().ok());
        let mut names: Vec<String> = world.parameters(part).into_keys().collect();
        names.sort_by_key(number);
        let from = if newest_only {
            names.len().saturating_sub(1)
        } else {
            0
        };
        for name in &names[from..] {
            world.delete_parameter(name);
        }
    };
    match hand {
        Hand::Unlocks => {
            let unlocked = world.operator("zoe").unlock().await;
            unlocked.map_err(|error| format!("unlock: {error:?}"))?;
        }
        Hand::DeletesTheNewestLease => delete("lease", true),
        Hand::DeletesAllLeases => delete("lease", false),
        Hand::DeletesSavedCapacity => delete("capacity", false),
    }
    Ok(())
}

/// Both go on to their ends, in a random order.
async fn at_random(race: &mut Race) {
    loop {
        let ways = race.ways();
        if ways.is_empty() {
            break;
        }
        race.choose(ways[fastrand::usize(..ways.len())]).await;
    }
}

/// Does it after the first operator's `nth` call. False if that one had ended before.
async fn disturbed(
    operations: [Operation; 2],
    nth: usize,
    hand: Hand,
    in_turn: bool,
    in_files: bool,
) -> Result<bool, Violation> {
    let (plan, canonicalizer) = (fleet(in_files), Canonicalizer::default());
    let mut race = Race::new(
        &plan,
        &worker(),
        &operations,
        Patience::SHORT,
        canonicalizer,
        None,
    )
    .await?;
    // AWS does not say what becomes of a deleted name that is created again too early.
    let early_reuse = match nth % 2 {
        0 => EarlyReuse::Hidden,
        _ => EarlyReuse::Refused,
    };
    let sandbox = &race.world.sandbox;
    sandbox.configure(|settings| settings.ssm.early_reuse = early_reuse);
    for _ in 0..nth {
        if race.has_ended(0) {
            return Ok(false);
        }
        race.choose(Choice::Go(0, 0)).await;
    }
    raise(hand, &race.world).await?;
    if !in_turn {
        at_random(&mut race).await;
    }
    race.finish(1).await;
    race.finish(0).await;
    let (world, ends) = race.ends().await;
    let mut reports = Vec::new();
    for ended in ends {
        match ended {
            // Refused, or told that it lost its lease: it has promised nothing.
            Err(Error::Busy { .. } | Error::LeaseLost { .. }) => {}
            Err(Error::Unfinished { report, source })
                if matches!(*source, Error::LeaseLost { .. }) =>
            {
                reports.push(*report);
            }
            Ok(report) => reports.push(report),
            // AWS may not create a name that was deleted a moment ago. Nothing was changed.
            Err(Error::Store(StoreError::Aws(error)))
                if hand.deletes_leases()
                    && matches!(error.kind, AwsErrorKind::Invalid | AwsErrorKind::Exists) => {}
            // The other one sits there, with the lock on the store in hand. Nothing was changed.
            Err(Error::Store(StoreError::File { action: "lock", .. })) if in_files => {}
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    // Whoever lost it may have died, or sits there with the last call in hand.
    tokio::time::advance(Duration::from_secs(60)).await;
    let last = world.operator("zoe").off(&[worker()]).await;
    let last = last.map_err(|error| format!("the last off: {error:?}"))?;
    reports.push(last);
    check(&world, hand, &reports)?;
    Ok(true)
}

/// Every function is as it was; where what was saved was deleted, it is named at least.
fn check(world: &World, hand: Hand, reports: &[Report]) -> Result<(), Violation> {
    let now = world.settled();
    for (name, expected) in &world.expected {
        let function = now.get(name);
        let is_named = || reports.iter().any(|report| names(report, name));
        let may_be_lost = hand == Hand::DeletesSavedCapacity;
        if function != Some(expected) && !(may_be_lost && is_named()) {
            return Err(format!(
                "{name} is not as it was:\n was {expected:?}\n is  {function:?}\n{reports:#?}"
            ));
        }
    }
    let last = reports.last().expect("the last off");
    if last.is_complete() && world.flag("worker").mode.is_on() {
        return Err("the flag is on after a complete off".to_owned());
    }
    Ok(())
}

fn names(report: &Report, function: &str) -> bool {
    let mut warnings = report.roles.iter().flat_map(|role| &role.warnings);
    named_in(report).contains(function)
        || warnings.any(|warning| warning.to_string().contains(function))
}

fn every_call(hand: Hand) {
    let counts = parallel::each(4 * PAIRS.len(), |n| {
        let (operations, in_turn) = (PAIRS[n / 2 % 4], n % 2 == 0);
        let in_files = n >= 2 * PAIRS.len();
        // The long run does it at each.
        let step = if is_long() { 1 } else { 5 };
        for nth in (1 + n % step..).step_by(step) {
            let local = tokio::task::LocalSet::new();
            let went = local.run_until(disturbed(operations, nth, hand, in_turn, in_files));
            let went = parallel::alone(nth, went);
            let went = went.map_err(|it| {
                format!("{operations:?} at {nth}, {in_turn}, in files: {in_files}: {it}")
            });
            if !went? {
                return Ok(nth / step);
            }
        }
        Ok(0)
    });
    let counts: Result<Vec<usize>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{hand:?} at {} moments", counts.iter().sum::<usize>());
}

#[test]
fn unlocking_a_living_holder_at_any_call_loses_nothing() {
    every_call(Hand::Unlocks);
}

#[test]
fn deleting_the_lease_of_a_living_holder_at_any_call_loses_nothing() {
    every_call(Hand::DeletesTheNewestLease);
}

#[test]
fn deleting_all_leases_at_any_call_loses_nothing() {
    every_call(Hand::DeletesAllLeases);
}

#[test]
fn what_is_lost_with_saved_capacity_that_is_deleted_at_any_call_is_named() {
    every_call(Hand::DeletesSavedCapacity);
}

/// Two operators in a random order, the second with a clock that differs by so much.
async fn skewed(
    operations: [Operation; 2],
    skew: SignedDuration,
    in_files: bool,
) -> Result<(), Violation> {
    let (plan, canonicalizer) = (fleet(in_files), Canonicalizer::default());
    let skews = [SignedDuration::ZERO, skew];
    let role = worker();
    let mut race = Race::with_clocks(&plan, &role, &operations, &skews, canonicalizer).await?;
    at_random(&mut race).await;
    race.check_one_at_a_time()?;
    let (world, ends) = race.ends().await;
    for ended in ends {
        match ended {
            // Time passes only where the other waits, so that a renewal may come too late.
            Err(Error::Busy { .. } | Error::LeaseLost { .. }) => {}
            Err(Error::Unfinished { source, .. }) if matches!(*source, Error::LeaseLost { .. }) => {
            }
            ended => {
                world.note("an operation", ended)?;
            }
        }
    }
    // What one of them wrote with its clock must not keep the next one from its work for long.
    tokio::time::advance(Duration::from_secs(60)).await;
    let last = world.off().await?;
    world.check_restored(&last)
}

#[test]
fn clocks_that_differ_by_up_to_ten_minutes_never_let_two_work_at_once() {
    let skews = [25, 240, 600].map(SignedDuration::from_secs);
    let all: Vec<_> = skews.into_iter().flat_map(|skew| [skew, -skew]).collect();
    let raced = parallel::each(6 * 4 * 6, |n| {
        let (operations, skew) = (PAIRS[n % 4], all[n / 4 % 6]);
        let local = tokio::task::LocalSet::new();
        let race = parallel::alone(n, local.run_until(skewed(operations, skew, n % 2 == 1)));
        race.map_err(|it| format!("{operations:?}, {skew:?}: {it}"))
    });
    let raced: Result<Vec<()>, Violation> = raced.into_iter().collect();
    raced.unwrap_or_else(|violation| panic!("{violation}"));
}
