//! `on` and `off` killed at every call, before and after its effect, then recovered: by `off`, by `on`,
//! or by something that is killed too.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Mutex;

use maintenance_sandbox::EmptyPages;
use proptest::test_runner::TestError;

use crate::fleet::{Edit, FunctionPlan, MappingPlan, Plan, fleets, runner};
use crate::parallel;
use crate::support::worker;
use crate::wire::{Broken, Side};
use crate::world::{Violation, World};

/// How many cuts an ordinary run makes at least. `MAINTENANCE_CUTS=20000` makes it a long one.
const CUTS: usize = 600;

fn asked() -> Option<usize> {
    std::env::var("MAINTENANCE_CUTS").ok()?.parse().ok()
}

/// Whether this is the long run, in which all that takes long is done too.
pub(crate) fn is_long() -> bool {
    asked().is_some_and(|cuts| cuts > CUTS)
}

/// Which operation is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    On,
    Off,
}

/// How somebody goes on after the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Recovery {
    /// With `off`.
    Off,
    /// With `on`, and later `off`.
    OnThenOff,
    /// With `off` that is cut too, at this call, and then with `off`.
    CutOff(u64, Side),
    /// With `on` that is cut too, at this call, and then with `off`.
    CutOn(u64, Side),
}

/// One cut.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Cut {
    pub(crate) operation: Operation,
    pub(crate) nth: u64,
    pub(crate) side: Side,
    pub(crate) recovery: Recovery,
}

impl Cut {
    /// The cut of an operation at its `nth` call; the recovery differs from one call to the next, and
    /// from one fleet to the next.
    fn at(operation: Operation, nth: u64, side: Side, salt: u64) -> Self {
        let side_too = |turn: u64| {
            if turn.is_multiple_of(2) {
                Side::Before
            } else {
                Side::After
            }
        };
        let mix = nth + salt;
        // Mostly the shortest way, which leaves most to see of this cut.
        let recovery = match mix % 8 {
            1 | 6 => Recovery::OnThenOff,
            3 => Recovery::CutOff(1 + mix * 7 % 45, side_too(mix / 8)),
            5 => Recovery::CutOn(1 + mix * 5 % 45, side_too(mix / 8)),
            _ => Recovery::Off,
        };
        Self {
            operation,
            nth,
            side,
            recovery,
        }
    }
}

/// Runs one cut. False if the operation had ended before.
pub(crate) async fn run(plan: &Plan, cut: Cut, broken: Option<Broken>) -> Result<bool, Violation> {
    let what = |violation: Violation| format!("{cut:?}: {violation}");
    attempt(plan, cut, broken).await.map_err(what)
}

async fn attempt(plan: &Plan, cut: Cut, broken: Option<Broken>) -> Result<bool, Violation> {
    let mut world = World::new(plan, broken).await;
    if cut.operation == Operation::Off {
        world.on().await?;
        world.check_paused()?;
        world.arrive(plan);
        world.edit(plan);
    }
    let ana = world.operator("ana");
    ana.wire.die_at(cut.nth, cut.side);
    let ended = match cut.operation {
        Operation::On => ana.wire.until_death(ana.on(&[worker()])).await,
        Operation::Off => ana.wire.until_death(ana.off(&[worker()])).await,
    };
    if let Some(ended) = ended {
        world.note_end("what was not cut", ended)?;
        return Ok(false);
    }
    world.expire_lease().await;
    if cut.operation == Operation::On {
        world.arrive(plan);
        world.edit(plan);
    }
    recover(&world, cut.recovery).await?;
    let last = world.off().await?;
    world.check_restored(&last)?;
    Ok(true)
}

async fn recover(world: &World, recovery: Recovery) -> Result<(), Violation> {
    let again = world.operator("dan");
    let ended = match recovery {
        Recovery::Off => return Ok(()),
        Recovery::OnThenOff => {
            world.on().await?;
            return world.check_paused();
        }
        Recovery::CutOff(nth, side) => {
            again.wire.die_at(nth, side);
            again.wire.until_death(again.off(&[worker()])).await
        }
        Recovery::CutOn(nth, side) => {
            again.wire.die_at(nth, side);
            again.wire.until_death(again.on(&[worker()])).await
        }
    };
    match ended {
        Some(ended) => world.note_end("a recovery that was not cut", ended),
        None => {
            world.expire_lease().await;
            Ok(())
        }
    }
}

/// The cuts made so far: a number for each fleet, point and recovery, so that none counts twice.
type Cuts = BTreeSet<u64>;

fn number(plan: &Plan, cut: Cut) -> u64 {
    let mut hasher = DefaultHasher::new();
    // A fleet that looks the same is the same.
    format!("{plan:?}").hash(&mut hasher);
    cut.hash(&mut hasher);
    hasher.finish()
}

/// Cuts each of these cases at its calls, and returns how many cuts that were of each: at every call in the long
/// run, at every other one in an ordinary run.
pub(crate) fn cut_each<X: Copy + std::fmt::Debug + Sync>(
    cases: &[(Operation, X)],
    cut: impl AsyncFn(Operation, u64, Side, X) -> Result<bool, Violation> + Sync,
) -> Vec<usize> {
    // Before a call is after the one before it, but for those that are under way together.
    let sides: &[Side] = match is_long() {
        true => &[Side::After, Side::Before],
        false => &[Side::After],
    };
    let all: Vec<_> = cases
        .iter()
        .flat_map(|case| sides.iter().map(move |side| (*case, *side)))
        .collect();
    parallel::each(all.len(), |n| {
        let ((operation, case), side) = all[n];
        let is_cut = |nth: &u64| {
            let was_cut = parallel::alone(n, cut(operation, *nth, side, case));
            was_cut.unwrap_or_else(|violation| {
                panic!("{operation:?} cut {side:?} its call {nth}, {case:?}: {violation}")
            })
        };
        let step = if is_long() { 1 } else { 2 };
        (1 + n as u64 % 2..)
            .step_by(step)
            .take_while(is_cut)
            .count()
    })
}

/// Cuts `on` and `off` of a fleet at every `step`-th call. Which cuts that were.
fn every_cut(
    plan: &Plan,
    salt: u64,
    step: usize,
    broken: Option<Broken>,
) -> Result<Cuts, Violation> {
    let mut cuts = Cuts::new();
    for operation in [Operation::On, Operation::Off] {
        for side in [Side::Before, Side::After] {
            for nth in (1 + salt % step as u64..).step_by(step) {
                let cut = Cut::at(operation, nth, side, salt);
                let seed = cuts.len();
                if !parallel::alone(seed, run(plan, cut, broken))? {
                    break;
                }
                cuts.insert(number(plan, cut));
            }
        }
    }
    Ok(cuts)
}

/// Generates fleets and cuts them until so many different cuts are made, or until one leaves a
/// violation.
pub(crate) fn cut_fleets(
    wanted: usize,
    in_files: bool,
    broken: Option<Broken>,
) -> Result<usize, Violation> {
    let made: Mutex<Cuts> = Mutex::default();
    let found: Mutex<BTreeMap<usize, Violation>> = Mutex::default();
    // The long run finds all there is.
    let goes_on = is_long() && broken.is_none();
    // More than enough fleets: those that are not needed are not made.
    let fleets_at_most = 4 + wanted;
    parallel::each(fleets_at_most, |shard| {
        let count = || made.lock().expect("no panic").len();
        let stops = || !goes_on && !found.lock().expect("no panic").is_empty();
        let enough = || count() >= wanted || stops();
        if !enough()
            && let Err(violation) = cut_fleet(shard, in_files, broken, &made)
        {
            if goes_on {
                println!("{violation}");
            }
            found.lock().expect("no panic").insert(shard, violation);
        }
    });
    let found = found.into_inner().expect("no panic");
    if found.is_empty() {
        return Ok(made.into_inner().expect("no panic").len());
    }
    let found: Vec<Violation> = found.into_values().collect();
    Err(found.join("\n\n"))
}

fn cut_fleet(
    shard: usize,
    in_files: bool,
    broken: Option<Broken>,
    made: &Mutex<Cuts>,
) -> Result<(), Violation> {
    // Most are small and cut at every call; now and then one is large and cut here and there.
    let (sizes, step) = match shard % 12 {
        5 => (8..=14, 29),
        11 => (30..=40, 131),
        n if n % 4 != 3 => (1..=2, 1),
        _ => (2..=4, 1),
    };
    // What a broken build does need not be made small.
    let shrinks = if broken.is_none() { 40 } else { 0 };
    let checked = runner(shard as u64, shrinks).run(&fleets(sizes), |plan| {
        let plan = Plan { in_files, ..plan };
        let cuts = every_cut(&plan, shard as u64, step, broken)
            .map_err(proptest::test_runner::TestCaseError::fail)?;
        let mut made = made.lock().expect("no panic");
        let before = made.len();
        made.extend(cuts);
        if is_long() && broken.is_none() && before / 1_000 < made.len() / 1_000 {
            println!("{} distinct cuts until now", made.len());
        }
        Ok(())
    });
    checked.map_err(|error| match error {
        TestError::Fail(reason, plan) => format!("{reason}\nof fleet {shard}, {plan:#?}"),
        TestError::Abort(reason) => reason.to_string(),
    })
}

#[test]
fn whatever_is_killed_whenever_the_next_off_gives_everything_back() {
    let wanted = asked().unwrap_or(CUTS);
    let cuts = cut_fleets(wanted, false, None).unwrap_or_else(|violation| panic!("{violation}"));
    println!("{cuts} distinct cuts");
    assert!(cuts >= wanted, "only {cuts} cuts of {wanted}");
}

/// The same with a folder as the store: killed at every call to it, too.
#[test]
fn whatever_is_killed_whenever_the_next_off_gives_everything_back_from_files() {
    let wanted = asked().unwrap_or(CUTS) / 4;
    let cuts = cut_fleets(wanted, true, None).unwrap_or_else(|violation| panic!("{violation}"));
    println!("{cuts} distinct cuts of operations on files");
    assert!(cuts >= wanted, "only {cuts} cuts of {wanted}");
}

/// A fleet of one function that somebody edits, as the long run found it.
fn found(mappings: Vec<MappingPlan>, edit: Edit, empty_pages: EmptyPages) -> Plan {
    let function = FunctionPlan {
        spare: None,
        versions: 0,
        provisioned: BTreeMap::new(),
        mappings,
    };
    Plan {
        functions: vec![function],
        newcomer: None,
        edits: vec![(0, edit)],
        read_lag: 0,
        empty_pages,
        in_files: false,
    }
}

fn check_found(plan: &Plan, nth: u64, recovery: Recovery) {
    let cut = Cut {
        operation: Operation::On,
        nth,
        side: Side::Before,
        recovery,
    };
    let was_cut = parallel::alone(0, run(plan, cut, None));
    assert!(was_cut.unwrap_or_else(|violation| panic!("{violation}")));
}

/// The only function of the account is deleted, and the store is a folder: an account without functions could be
/// another one.
#[test]
fn the_only_function_of_the_account_is_deleted_after_an_on_to_files_that_died() {
    let plan = Plan {
        in_files: true,
        ..found(Vec::new(), Edit::DeleteFunction, EmptyPages::Every(3))
    };
    check_found(&plan, 14, Recovery::CutOff(21, Side::Before));
}

/// There is nothing left to pause, and `on` says so.
#[test]
fn every_function_is_deleted_after_an_on_that_saved_nothing() {
    let plan = found(Vec::new(), Edit::DeleteFunction, EmptyPages::Every(3));
    check_found(&plan, 1, Recovery::OnThenOff);
    check_found(&plan, 1, Recovery::CutOn(90, Side::After));
}

/// A disabled mapping is not saved, so that it is gone is not told.
#[test]
fn a_disabled_mapping_of_a_saved_function_is_deleted() {
    let (mappings, edit) = (vec![MappingPlan::Disabled], Edit::DeleteMapping(0));
    let plan = found(mappings, edit, EmptyPages::Every(1));
    check_found(&plan, 15, Recovery::OnThenOff);
    check_found(&plan, 15, Recovery::Off);
}
