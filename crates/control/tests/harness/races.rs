//! Several operators at once: exactly one works at a time, whoever is refused learns by whom, a holder
//! whose lease was taken over makes no further change, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maintenance_control::{Error, Report, RoleSpec};
use maintenance_sandbox::EmptyPages;
use proptest::strategy::{Strategy, ValueTree};

use crate::crashes::Operation::{self, Off, On};
use crate::fleet::{FunctionPlan, MappingPlan, Plan, fleets, runner};
use crate::parallel;
use crate::schedule::{self, Lane, Step, Turnstile};
use crate::support::{web, worker};
use crate::world::{LEASE_IS_OVER, Violation, World};

const NAMES: [&str; 3] = ["ana", "ben", "cleo"];

/// How often a schedule may leave an operator that could go on. `MAINTENANCE_SWITCHES=3` takes minutes.
fn switches(usual: usize) -> usize {
    let asked = std::env::var("MAINTENANCE_SWITCHES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn plan(functions: Vec<FunctionPlan>) -> Plan {
    Plan {
        functions,
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
    }
}

fn one_function() -> Plan {
    plan(vec![FunctionPlan {
        spare: Some(4),
        versions: 0,
        provisioned: BTreeMap::new(),
        mappings: vec![MappingPlan::Enabled],
    }])
}

/// Operators, not begun, of one role.
fn lanes(world: &World, role: &RoleSpec, operations: &[Operation]) -> Vec<Lane> {
    let named = operations.iter().zip(NAMES);
    named
        .map(|(operation, name)| {
            let turnstile = Arc::new(Turnstile::default());
            let operator = world.operator_at(name, Some(turnstile.clone()));
            let (operation, roles) = (*operation, [role.clone()]);
            Lane::new(turnstile, async move {
                match operation {
                    On => operator.on(&roles).await,
                    Off => operator.off(&roles).await,
                }
            })
        })
        .collect()
}

/// Everything that somebody changed, but for the lease's own parameters, was changed by whoever had
/// taken the newest lease then.
fn check_one_at_a_time(world: &World) -> Result<(), Violation> {
    let mut leases = BTreeSet::new();
    let mut holder = String::new();
    for record in world.sandbox.writes() {
        let call = &record.call;
        let target = call.target.clone().unwrap_or_default();
        if !record.took_effect {
            continue;
        }
        if target.contains("/lease/") {
            if call.operation == "DeleteParameters" {
                continue;
            }
            if leases.insert(target) {
                holder.clone_from(&call.caller);
            }
        } else if call.caller != holder {
            return Err(format!("{holder} has the lease, and {call:?} was made"));
        }
    }
    Ok(())
}

/// Whoever is refused learns who is at work, with what, and since when.
fn check_result(
    n: usize,
    operations: &[Operation],
    result: &Result<Report, Error>,
) -> Result<(), Violation> {
    match result {
        Ok(_) | Err(Error::LeaseLost) => Ok(()),
        Err(Error::Busy {
            by,
            operation,
            since,
            until,
        }) => {
            let holder = NAMES.iter().position(|name| *by == format!("{name}@host"));
            let word = |operation| if operation == On { "on " } else { "off " };
            let right = holder.is_some_and(|holder| {
                holder != n && operation.starts_with(word(operations[holder]))
            });
            if right && since < until {
                Ok(())
            } else {
                Err(format!("{} was refused for {result:?}", NAMES[n]))
            }
        }
        Err(error) => Err(format!("{}: {error:?}", NAMES[n])),
    }
}

async fn check_end(
    world: &World,
    role: &RoleSpec,
    operations: &[Operation],
    lanes: Vec<Lane>,
) -> Result<(), Violation> {
    for (n, lane) in lanes.into_iter().enumerate() {
        check_result(n, operations, &lane.result().await)?;
    }
    check_one_at_a_time(world)?;
    let last = world.operator("zoe").off(std::slice::from_ref(role)).await;
    let last = world.note("the last off", last)?;
    if world.flag(role.role.as_str()).mode.is_on() {
        return Err("the flag is on after the last off".to_owned());
    }
    world.check_restored(&last)
}

/// Runs operations in the order that `choices` say.
async fn race(
    plan: &Plan,
    role: &RoleSpec,
    operations: &[Operation],
    choices: &[usize],
) -> Result<Vec<Step>, Violation> {
    let world = World::new(plan, None).await;
    if operations.contains(&Off) {
        let prepared = world.operator("zoe").on(std::slice::from_ref(role)).await;
        world.note("on", prepared)?;
    }
    let local = tokio::task::LocalSet::new();
    let raced = local.run_until(async {
        let mut lanes = lanes(&world, role, operations);
        let steps = schedule::run(&mut lanes, choices).await;
        check_end(&world, role, operations, lanes).await?;
        Ok(steps)
    });
    raced
        .await
        .map_err(|violation: Violation| format!("{operations:?} as {choices:?}: {violation}"))
}

fn every_race(
    plan: &Plan,
    role: &RoleSpec,
    operations: &[Operation],
    switches: usize,
) -> Result<usize, Violation> {
    schedule::every(switches, |choices| {
        parallel::alone(choices.len(), race(plan, role, operations, choices))
    })
}

fn report(what: &str, counts: Vec<Result<usize, Violation>>) {
    let counts: Result<Vec<usize>, Violation> = counts.into_iter().collect();
    match counts {
        Ok(counts) => println!("{} interleavings of {what}", counts.iter().sum::<usize>()),
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn two_operators_of_a_flag_in_every_order_that_two_switches_make() {
    let pairs = [[On, On], [On, Off], [Off, Off]];
    let counts = parallel::each(pairs.len(), |n| {
        every_race(&plan(Vec::new()), &web(), &pairs[n], switches(2))
    });
    report("two operators of a flag", counts);
}

#[test]
fn two_operators_of_a_function_in_every_order_that_one_switch_makes() {
    let pairs = [[On, On], [On, Off], [Off, Off]];
    let counts = parallel::each(pairs.len(), |n| {
        every_race(&one_function(), &worker(), &pairs[n], switches(1))
    });
    report("two operators of a function", counts);
}

#[test]
fn three_operators_of_a_flag_in_every_order_that_one_switch_makes() {
    let triples = [[On, On, Off], [Off, On, Off]];
    let counts = parallel::each(triples.len(), |n| {
        every_race(&plan(Vec::new()), &web(), &triples[n], switches(1))
    });
    report("three operators of a flag", counts);
}

#[test]
fn operators_of_generated_fleets_in_random_orders() {
    let operations = [[On, On, Off], [On, Off, Off], [Off, On, On], [Off, Off, On]];
    let counts = parallel::each(40, |n| {
        let tree = fleets(2..=6).new_tree(&mut runner(n as u64, 0));
        let plan = Plan {
            edits: Vec::new(),
            ..tree.expect("a fleet").current()
        };
        fastrand::seed(n as u64);
        let choices: Vec<usize> = (0..400).map(|_| fastrand::usize(..3)).collect();
        let role = worker();
        let race = race(&plan, &role, &operations[n % 4], &choices);
        parallel::alone(n, race).map(|_| 1)
    });
    report("three operators of generated fleets, at random", counts);
}

/// One operator is frozen at the answer to its `nth` call for longer than its lease; another works
/// meanwhile, to its end; then the first wakes up. Whether it said that it had lost its lease: it may
/// have had no work left, or have taken another. None if it had ended before.
async fn freeze(
    first: Operation,
    second: Operation,
    nth: usize,
) -> Result<Option<bool>, Violation> {
    let role = worker();
    let world = World::new(&one_function(), None).await;
    if first == Off {
        world.on().await?;
    }
    let local = tokio::task::LocalSet::new();
    let frozen = local.run_until(async {
        let operations = [first, second];
        let mut lanes = lanes(&world, &role, &operations);
        for _ in 0..nth {
            if lanes[0].has_ended() {
                return Ok(None);
            }
            lanes[0].step().await;
        }
        tokio::time::sleep(LEASE_IS_OVER).await;
        lanes[1].finish().await;
        let had_ended = lanes[0].has_ended();
        lanes[0].finish().await;
        let mut lanes = lanes.into_iter();
        let (ana, ben) = (lanes.next().expect("two"), lanes.next().expect("two"));
        world.note("the one who took over", ben.result().await)?;
        let lost = match ana.result().await {
            Ok(_) => false,
            Err(Error::LeaseLost) if !had_ended => true,
            Err(error) => return Err(format!("the one who was frozen: {error:?}")),
        };
        check_one_at_a_time(&world)?;
        let last = world.off().await?;
        world.check_restored(&last)?;
        Ok(Some(lost))
    });
    let named =
        |violation: Violation| format!("{first:?} frozen at {nth}, {second:?}: {violation}");
    frozen.await.map_err(named)
}

#[test]
fn who_was_frozen_for_longer_than_its_lease_changes_nothing_more() {
    let pairs = [(On, On), (On, Off), (Off, On), (Off, Off)];
    let counts = parallel::each(pairs.len(), |n| {
        let (first, second) = pairs[n];
        let mut lost = 0;
        for nth in 1.. {
            match parallel::alone(nth, freeze(first, second, nth))? {
                Some(it) => lost += usize::from(it),
                None if lost > 3 => return Ok(nth - 1),
                None => break,
            }
        }
        Err(format!(
            "{first:?} noticed only {lost} times that its lease was lost"
        ))
    });
    report("an operator frozen at each of its calls", counts);
}
