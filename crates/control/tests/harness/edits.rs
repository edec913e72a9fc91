//! Somebody else's hand on a paused function, its mapping or the flag, at every call of `off`, and
//! between the operations: what they set is kept and reported, unless `restore_saved` insists.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maintenance_control::Off;
use maintenance_sandbox::{EmptyPages, Fault, Sandbox};

use crate::fleet::{Edit, FunctionPlan, MappingPlan, Plan};
use crate::parallel;
use crate::support::{off_wish, worker};
use crate::world::{Violation, World, name, perform};

fn plan() -> Plan {
    let function = |spare, provisioned: &[(&'static str, u32)], mappings: &[MappingPlan]| {
        let provisioned: BTreeMap<_, _> = provisioned.iter().copied().collect();
        FunctionPlan {
            spare,
            versions: u64::from(!provisioned.is_empty()),
            provisioned,
            mappings: mappings.to_vec(),
        }
    };
    Plan {
        functions: vec![
            function(Some(5), &[("live", 2)], &[MappingPlan::Enabled]),
            function(None, &[], &[MappingPlan::Disabled]),
        ],
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
    }
}

const EDITS: [(usize, Edit); 5] = [
    (0, Edit::Reserve(Some(40))),
    (0, Edit::Reserve(None)),
    (1, Edit::Reserve(Some(9))),
    (0, Edit::DeleteMapping(0)),
    (1, Edit::DeleteFunction),
];

/// Does it once, before the `nth` call from now. Whether it came to that.
fn at_call(
    sandbox: &Sandbox,
    nth: u64,
    edit: impl Fn(&Sandbox) + Send + Sync + 'static,
) -> Arc<AtomicBool> {
    let done = Arc::new(AtomicBool::new(false));
    let (own, told) = (sandbox.clone(), done.clone());
    sandbox.inject(Fault::any_call().nth(nth).hook(move |_| {
        edit(&own);
        told.store(true, Ordering::SeqCst);
    }));
    done
}

#[test]
fn what_somebody_set_while_a_function_was_paused_is_kept_and_reported() {
    let edited = parallel::each(EDITS.len(), |n| {
        parallel::alone(n, async {
            let (at, edit) = &EDITS[n];
            let mut world = World::new(&plan(), None).await;
            world.on().await?;
            world.edit_function(&name(*at), edit);
            let last = world.off().await?;
            world.check_restored(&last)
        })
    });
    let edited: Result<Vec<()>, Violation> = edited.into_iter().collect();
    edited.unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn restore_saved_insists_on_what_was_saved() {
    parallel::alone(0, async {
        for (at, edit) in EDITS
            .iter()
            .filter(|(_, edit)| matches!(edit, Edit::Reserve(_)))
        {
            let world = World::new(&plan(), None).await;
            let before = world.settled();
            world.on().await.unwrap();
            perform(&world.sandbox, &name(*at), &[], edit).unwrap();
            let insist = Off {
                restore_saved: true,
                ..off_wish()
            };
            let report = world.operator("cleo").off_as(&[worker()], &insist).await;
            assert!(report.unwrap().is_complete());
            assert_eq!(world.settled(), before, "{edit:?}");
        }
    });
}

/// An edit at a call of `off` either came too late to be seen, and then what was saved or what they set
/// stands, or it was seen, kept and reported. Nothing else of any function is lost.
async fn edit_during_off(at: usize, edit: &Edit, nth: u64) -> Result<bool, Violation> {
    let world = World::new(&plan(), None).await;
    let before = world.settled();
    let function = name(at);
    let uuids: Vec<String> = before[&function].mappings.keys().cloned().collect();
    world.on().await?;
    let (own, theirs) = (function.clone(), edit.clone());
    let done = at_call(&world.sandbox, nth, move |sandbox| {
        perform(sandbox, &own, &uuids, &theirs).expect("it is there");
    });
    let first = world.operator("cleo").off(&[worker()]).await;
    if !done.load(Ordering::SeqCst) {
        return Ok(false);
    }
    world.sandbox.clear_faults();
    first.map_err(|error| format!("{error:?}"))?;
    let last = world.operator("dan").off(&[worker()]).await;
    let last = last.map_err(|error| format!("{error:?}"))?;
    let now = world.settled();
    for (name, was) in before.iter().filter(|(name, _)| **name != function) {
        if now.get(name) != Some(was) {
            return Err(format!("{name} was not edited: {:?}", now.get(name)));
        }
    }
    if let (Some(was), Some(is)) = (before.get(&function), now.get(&function)) {
        let theirs = match edit {
            Edit::Reserve(limit) => is.reserved == *limit,
            _ => true,
        };
        if !theirs && is.reserved != was.reserved {
            return Err(format!("{function} has neither: {is:?}"));
        }
    }
    world.check_clean(&last)?;
    Ok(true)
}

#[test]
fn an_edit_at_any_call_of_off_loses_nothing_else() {
    let counts = parallel::each(EDITS.len(), |n| {
        let (at, edit) = &EDITS[n];
        // Every other call, and the ones between with the next edit.
        for nth in (1 + n as u64 % 2..).step_by(2) {
            let edited = parallel::alone(n, edit_during_off(*at, edit, nth));
            match edited.map_err(|violation| format!("{edit:?} at {nth}: {violation}"))? {
                true => {}
                false => return Ok(nth / 2),
            }
        }
        Ok(0)
    });
    let counts: Result<Vec<u64>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} edits at a call of off", counts.iter().sum::<u64>());
}

/// Somebody types into the console while `on` or `off` is at work.
async fn type_during(on: bool, typed: &'static str, nth: u64) -> Result<bool, Violation> {
    let world = World::new(&plan(), None).await;
    let before = world.settled();
    if !on {
        world.on().await?;
    }
    let done = at_call(&world.sandbox, nth, move |sandbox| {
        sandbox.set_parameter("/maintenance/demo-dev/flags/worker", typed);
    });
    let ana = world.operator("ana");
    let ended = if on {
        ana.on(&[worker()]).await
    } else {
        ana.off(&[worker()]).await
    };
    if !done.load(Ordering::SeqCst) {
        return Ok(false);
    }
    world.sandbox.clear_faults();
    ended.map_err(|error| format!("{error:?}"))?;
    let last = world.off().await?;
    if world.settled() != before {
        return Err("not every function is as it was".to_owned());
    }
    world.check_clean(&last)?;
    Ok(true)
}

#[test]
fn a_flag_typed_by_hand_at_any_call_loses_nothing() {
    let cases = [
        (true, "off"),
        (true, "on"),
        (true, "offf"),
        (false, "on"),
        (false, "off"),
        (false, "{"),
    ];
    let counts = parallel::each(cases.len(), |n| {
        let (on, typed) = cases[n];
        for nth in (1 + n as u64 % 3..).step_by(3) {
            let ended = parallel::alone(n, type_during(on, typed, nth));
            match ended.map_err(|violation| format!("on: {on}, {typed:?} at {nth}: {violation}"))? {
                true => {}
                false => return Ok(nth / 3),
            }
        }
        Ok(0)
    });
    let counts: Result<Vec<u64>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} flags typed at a call", counts.iter().sum::<u64>());
}
