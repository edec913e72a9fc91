//! `invoke` killed at every call, before and after its effect, then recovered: by `off`, by `on`, by `invoke`
//! again, or by one of them that is killed too; with a hand on the function meanwhile.

use maintenance_control::{InvokeEnd, InvokeReport, InvokeRequest};
use maintenance_flag::CapacityDoc;
use maintenance_sandbox::EmptyPages;
use std::time::Duration;

use crate::crashes::is_long;
use crate::edits::{Edited, at_call};
use crate::fleet::{Edit, FunctionPlan, MappingPlan, Plan};
use crate::parallel;
use crate::support::worker;
use crate::verdict::named_in;
use crate::wire::{Broken, Side};
use crate::world::{Operator, Violation, World, name};

fn request() -> InvokeRequest {
    InvokeRequest {
        function: name(0),
        qualifier: None,
        payload: b"{}".to_vec(),
    }
}

async fn invoke(operator: &Operator) -> Result<InvokeReport, Violation> {
    let invoked = operator.invoke(&worker(), &request()).await;
    invoked.map_err(|error| format!("{error:?}"))
}

/// How the next operator goes on.
#[derive(Debug, Clone, Copy)]
enum Recovery {
    Off,
    OnThenOff,
    InvokeThenOff,
    CutOff(u64, Side),
    CutOn(u64, Side),
    CutInvoke(u64, Side),
}

fn recoveries(n: u64) -> [Recovery; 6] {
    let side = match n.is_multiple_of(2) {
        true => Side::Before,
        false => Side::After,
    };
    // At any of their calls, another one each time.
    let nth = |factor| 1 + n * factor % 40;
    [
        Recovery::Off,
        Recovery::OnThenOff,
        Recovery::InvokeThenOff,
        Recovery::CutOff(nth(7), side),
        Recovery::CutOn(nth(5), side),
        Recovery::CutInvoke(nth(3), side),
    ]
}

/// What was reserved of the function that is invoked: 1, which is what is reserved meanwhile, among it.
const RESERVED: [Option<u32>; 4] = [Some(4), None, Some(1), Some(0)];

fn plan(reserved: Option<u32>, in_files: bool) -> Plan {
    let mappings = match reserved {
        Some(4) => &[MappingPlan::Enabled][..],
        _ => &[],
    };
    Plan {
        functions: vec![
            FunctionPlan::new(reserved, &[], mappings),
            FunctionPlan::new(Some(2), &[], &[]),
        ],
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
        in_files,
    }
}

/// An app in maintenance, whose reads lag in some cases.
async fn paused(plan: &Plan, salt: u64, broken: Option<Broken>) -> Result<World, Violation> {
    let world = World::new(plan, broken).await;
    world.on().await?;
    world.check_paused()?;
    if salt.is_multiple_of(3) {
        let lag = Duration::from_millis(2_000);
        let configure = |it: &mut maintenance_sandbox::Settings| it.lambda.read_lag = lag;
        world.sandbox.configure(configure);
    }
    Ok(world)
}

fn marks(world: &World) -> usize {
    let saved = world.parameters("capacity").into_values();
    saved
        .filter(|value| CapacityDoc::decode(value).is_ok_and(|it| it.invoking.is_some()))
        .count()
}

/// Paused, and nothing is left of an invocation.
fn check_back(world: &World) -> Result<(), Violation> {
    world.check_paused()?;
    match marks(world) {
        0 => Ok(()),
        _ => Err("a mark is left".to_owned()),
    }
}

/// No operator has run it more than once.
fn check_runs(world: &World) -> Result<(), Violation> {
    for by in ["ana", "dan"] {
        let calls = world.sandbox.calls().into_iter();
        let runs = calls.filter(|it| it.call.operation == "Invoke" && it.took_effect);
        let runs = runs.filter(|it| it.call.caller == by).count();
        if runs > 1 {
            return Err(format!("{by} ran it {runs} times"));
        }
    }
    Ok(())
}

/// Whether `ana` was cut at this call: false if she was through before.
async fn cut(
    plan: &Plan,
    (nth, side): (u64, Side),
    recovery: Recovery,
    salt: u64,
    broken: Option<Broken>,
) -> Result<bool, Violation> {
    let world = paused(plan, salt, broken).await?;
    let ana = world.operator("ana");
    ana.wire.die_at(nth, side);
    match ana.wire.until_death(invoke(&ana)).await {
        Some(ended) => {
            let report = ended?;
            if !matches!(report.end, InvokeEnd::Answered(_)) || report.failure.is_some() {
                return Err(format!("it was not through: {report:?}"));
            }
            check_back(&world)?;
        }
        None => {
            world.expire_lease().await;
            recover(&world, recovery).await?;
        }
    }
    let last = world.off().await?;
    check_runs(&world)?;
    if let named @ 1.. = named_in(&last).len() {
        return Err(format!(
            "{named} functions are named, and nobody touched any"
        ));
    }
    world.check_restored(&last)?;
    Ok(ana.wire.is_dead())
}

async fn recover(world: &World, recovery: Recovery) -> Result<(), Violation> {
    let again = world.operator("dan");
    let roles = [worker()];
    let is_over = match recovery {
        Recovery::Off => return Ok(()),
        Recovery::OnThenOff => {
            world.on().await?;
            return check_back(world);
        }
        Recovery::InvokeThenOff => {
            let report = invoke(&again).await?;
            if !matches!(report.end, InvokeEnd::Answered(_)) || report.failure.is_some() {
                return Err(format!("invoke again: {report:?}"));
            }
            return check_back(world);
        }
        Recovery::CutOff(nth, side) => {
            again.wire.die_at(nth, side);
            again.wire.until_death(again.off(&roles)).await.is_some()
        }
        Recovery::CutOn(nth, side) => {
            again.wire.die_at(nth, side);
            again.wire.until_death(again.on(&roles)).await.is_some()
        }
        Recovery::CutInvoke(nth, side) => {
            again.wire.die_at(nth, side);
            again.wire.until_death(invoke(&again)).await.is_some()
        }
    };
    if !is_over {
        world.expire_lease().await;
    }
    Ok(())
}

/// Cuts at every call, before or after its effect. In an ordinary run one and then the other, and with one way to
/// go on, another one each time. How many cuts.
fn cut_everywhere(n: usize, in_files: bool) -> Result<usize, Violation> {
    let (reserved, salt) = (RESERVED[n % RESERVED.len()], n as u64);
    let plan = plan(reserved, in_files);
    let mut cuts = 0;
    for nth in 1.. {
        let sides = [Side::Before, Side::After];
        let all = recoveries(nth + salt);
        let (side, recovery) = ((nth + salt) as usize % 2, (nth / 2 + salt) as usize % 6);
        let (sides, some) = match is_long() {
            true => (&sides[..], &all[..]),
            false => (&sides[side..=side], &all[recovery..=recovery]),
        };
        let mut was_cut = false;
        for (side, recovery) in sides
            .iter()
            .flat_map(|side| some.iter().map(move |it| (side, it)))
        {
            let cutting = cut(&plan, (nth, *side), *recovery, nth + salt, None);
            let ended = parallel::alone(n, cutting);
            was_cut = ended
                .map_err(|it| format!("{reserved:?} cut at {nth} {side:?}, {recovery:?}: {it}"))?;
            cuts += usize::from(was_cut);
        }
        if !was_cut {
            break;
        }
    }
    Ok(cuts)
}

/// Of fleets whose function has these reserved.
fn each_cut(fleets: &[usize], in_files: bool) -> usize {
    let fleets = match is_long() {
        true => &[0, 1, 2, 3],
        false => fleets,
    };
    let cuts = parallel::each(fleets.len(), |n| cut_everywhere(fleets[n], in_files));
    let cuts: Result<Vec<usize>, Violation> = cuts.into_iter().collect();
    let cuts = cuts.unwrap_or_else(|violation| panic!("{violation}"));
    cuts.into_iter().sum()
}

#[test]
fn invoke_is_killed_whenever_and_the_next_operation_puts_the_function_back() {
    let cuts = each_cut(&[0, 2], false);
    println!("{cuts} cuts of invoke");
    assert!(cuts >= 2 * 25, "only {cuts} cuts");
}

#[test]
fn invoke_is_killed_whenever_and_the_next_operation_puts_the_function_back_from_files() {
    let cuts = each_cut(&[1], true);
    println!("{cuts} cuts of invoke on files");
    assert!(cuts >= 20, "only {cuts} cuts");
}

/// A build that marks the function only once 1 is reserved.
#[test]
fn a_mark_that_comes_too_late_is_caught() {
    let (plan, broken) = (plan(Some(4), false), Some(Broken::MarksTooLate));
    // From the end, which is nearer.
    let mut cuts = (1..30).rev().map(|nth| {
        let cutting = cut(&plan, (nth, Side::After), Recovery::OnThenOff, 1, broken);
        parallel::alone(0, cutting)
    });
    let violation = cuts.find_map(Result::err).expect("it was not seen");
    let seen = ["is not paused", "are named", "is not complete"];
    assert!(seen.iter().any(|it| violation.contains(it)), "{violation}");
}

/// Another client reserves something else once an invocation has died: that is kept and named.
#[test]
fn what_another_client_reserves_after_an_invocation_died_is_kept() {
    let recoveries = [Recovery::Off, Recovery::OnThenOff];
    let edited = parallel::each(recoveries.len(), |n| {
        let plan = plan(Some(4), false);
        let mut nth = 1;
        while parallel::alone(n, edit_after(&plan, nth, recoveries[n]))? {
            nth += if is_long() { 1 } else { 2 };
        }
        Ok(nth)
    });
    let edited: Result<Vec<u64>, Violation> = edited.into_iter().collect();
    edited.unwrap_or_else(|violation| panic!("{violation}"));
}

async fn edit_after(plan: &Plan, nth: u64, recovery: Recovery) -> Result<bool, Violation> {
    let mut world = paused(plan, 1, None).await?;
    let ana = world.operator("ana");
    ana.wire.die_at(nth, Side::After);
    if let Some(ended) = ana.wire.until_death(invoke(&ana)).await {
        return ended.map(|_| false);
    }
    world.edit_function(&name(0), &Edit::Reserve(Some(9)));
    world.expire_lease().await;
    if let Recovery::OnThenOff = recovery {
        let again = world.operator("dan");
        let report = again
            .on(&[worker()])
            .await
            .map_err(|it| format!("{it:?}"))?;
        if !named_in(&report).contains(&name(0)) {
            return Err(format!("on at {nth} does not name it: {report:?}"));
        }
        if marks(&world) > 0 {
            return Err(format!(
                "at {nth} a mark is left, so that a later 1 would be ours"
            ));
        }
    }
    let last = world.off().await?;
    world.check_restored(&last)?;
    Ok(true)
}

/// Another client reserves something else at each call of an invocation. It is kept, but for a hand between the
/// look just before a change and the change.
#[test]
fn what_another_client_reserves_at_any_call_of_an_invocation_is_kept() {
    let thirds = parallel::each(3, |n| {
        let step = if is_long() { 1 } else { 3 };
        let mut edits = 0;
        for nth in (1 + n % step..).step_by(step) {
            if !parallel::alone(n, edit_during(nth as u64))? {
                break;
            }
            edits += 1;
        }
        Ok(edits)
    });
    let thirds: Result<Vec<u64>, Violation> = thirds.into_iter().collect();
    let thirds = thirds.unwrap_or_else(|violation| panic!("{violation}"));
    assert!(thirds.iter().all(|edits| *edits > 5), "{thirds:?}");
}

async fn edit_during(nth: u64) -> Result<bool, Violation> {
    let world = paused(&plan(Some(4), false), 1, None).await?;
    let expected = world.expected.clone();
    let first_call = world.sandbox.calls().len();
    let done = at_call(&world.sandbox, nth, |sandbox| {
        sandbox
            .set_reserved(&name(0), Some(9))
            .expect("it is there");
    });
    let invoked = world.operator("ana").invoke(&worker(), &request()).await;
    if !done.load(std::sync::atomic::Ordering::SeqCst) {
        return invoked.map(|_| false).map_err(|it| format!("{it:?}"));
    }
    world.sandbox.clear_faults();
    let calls = world.sandbox.calls().split_off(first_call);
    let function = name(0);
    let edited = Edited {
        calls: &calls,
        nth: nth as usize,
        function: &function,
        mapping: None,
        edit: &Edit::Reserve(Some(9)),
    };
    let is_overwritten = edited.is_overwritten();
    let last = world.operator("dan").off(&[worker()]).await;
    let last = last.map_err(|error| format!("{error:?}"))?;
    let now = world.settled();
    let reserved = now[&function].reserved;
    let is_kept = reserved == Some(9) && named_in(&last).contains(&function);
    let is_restored = is_overwritten && now == expected;
    if !is_kept && !is_restored {
        return Err(format!(
            "at {nth} it has {reserved:?}: {invoked:?}, {last:?}"
        ));
    }
    world.check_clean(&last)?;
    Ok(true)
}
