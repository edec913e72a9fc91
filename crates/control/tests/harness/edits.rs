//! Somebody else's hand on a function, its mapping or the flag, at calls of `on` and `off`, and
//! between them: what they set is kept and reported, unless `restore_saved` insists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maintenance_control::{OffRequest, Report};
use maintenance_sandbox::{CallRecord, EmptyPages, Fault, Sandbox};

use crate::crashes::is_long;
use crate::fleet::{Edit, FunctionPlan, MappingPlan, Plan};
use crate::parallel;
use crate::support::{off_wish, worker};
use crate::verdict::named_in;
use crate::world::{Violation, World, change, name, perform};

fn plan() -> Plan {
    let function = FunctionPlan::new;
    Plan {
        functions: vec![
            function(Some(5), &[("live", 2)], &[MappingPlan::Enabled]),
            function(None, &[], &[MappingPlan::Disabled]),
            function(Some(3), &[], &[MappingPlan::Updating]),
        ],
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
        in_files: false,
    }
}

const EDITS: [(usize, Edit); 10] = [
    (0, Edit::Reserve(Some(40))),
    (0, Edit::Reserve(None)),
    (1, Edit::Reserve(Some(9))),
    (0, Edit::EnableMapping(0)),
    (1, Edit::EnableMapping(0)),
    (0, Edit::DeleteMapping(0)),
    (1, Edit::DeleteFunction),
    (2, Edit::Reserve(Some(9))),
    (2, Edit::DeleteMapping(0)),
    (2, Edit::DeleteFunction),
];

/// The same, and what can only be told from pausing while `on` or `off` has not come to it.
fn during() -> Vec<(usize, Edit)> {
    let more = [
        (1, Edit::Reserve(Some(0))),
        (2, Edit::Reserve(Some(0))),
        (0, Edit::Provision("live", Some(4))),
        (0, Edit::Provision("live", None)),
        (0, Edit::DisableMapping(0)),
        (2, Edit::DisableMapping(0)),
    ];
    EDITS.into_iter().chain(more).collect()
}

/// Whether an edit makes of a setting what pausing makes of it: from then on nobody can tell them apart.
fn looks_paused(edit: &Edit) -> bool {
    matches!(
        edit,
        Edit::Reserve(Some(0)) | Edit::Provision(_, None) | Edit::DisableMapping(_)
    )
}

/// Does it once, before the `nth` call from now. Whether it came to that.
pub(crate) fn at_call(
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

/// Runs `on` or `off` while somebody waits for a call of it; none if it never came to that call.
async fn operate(world: &World, on: bool, done: &AtomicBool) -> Result<Option<Report>, Violation> {
    let ana = world.operator("ana");
    let ended = if on {
        ana.on(&[worker()]).await
    } else {
        ana.off(&[worker()]).await
    };
    if !done.load(Ordering::SeqCst) {
        return Ok(None);
    }
    world.sandbox.clear_faults();
    ended.map(Some).map_err(|error| format!("{error:?}"))
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
        let settings = EDITS
            .iter()
            .filter(|(_, edit)| matches!(edit, Edit::Reserve(_) | Edit::EnableMapping(_)));
        for (at, edit) in settings {
            let world = World::new(&plan(), None).await;
            let before = world.settled();
            let uuids: Vec<String> = before[&name(*at)].mappings.keys().cloned().collect();
            world.on().await.unwrap();
            perform(&world.sandbox, &name(*at), &uuids, edit).unwrap();
            let insist = OffRequest {
                restore_saved: true,
                ..off_wish()
            };
            let report = world.operator("cleo").off_as(&[worker()], &insist).await;
            assert!(report.unwrap().is_complete());
            assert_eq!(world.settled(), before, "{edit:?}");
        }
    });
}

/// The calls of an operation, of which somebody edited a function just before the `nth`, counted from 1.
pub(crate) struct Edited<'a> {
    pub(crate) calls: &'a [CallRecord],
    pub(crate) nth: usize,
    pub(crate) function: &'a str,
    pub(crate) mapping: Option<&'a String>,
    pub(crate) edit: &'a Edit,
}

impl Edited<'_> {
    fn is(&self, record: &CallRecord, operations: &[&str], target: Option<&str>) -> bool {
        operations.contains(&record.call.operation.as_str())
            && record.call.target.as_deref() == target
    }

    /// Whether it reads the setting that was edited.
    fn is_look(&self, record: &CallRecord) -> bool {
        let function = Some(self.function);
        match self.edit {
            Edit::Reserve(_) | Edit::DeleteFunction => self.is(record, &["GetFunction"], function),
            Edit::Provision(..) => {
                self.is(record, &["ListProvisionedConcurrencyConfigs"], function)
            }
            Edit::EnableMapping(_) | Edit::DisableMapping(_) | Edit::DeleteMapping(_) => {
                let mapping = self.mapping.map(String::as_str);
                self.is(record, &["GetEventSourceMapping"], mapping)
            }
        }
    }

    /// Whether it changed that setting.
    fn is_write(&self, record: &CallRecord) -> bool {
        let function = Some(self.function);
        record.took_effect
            && match self.edit {
                Edit::Reserve(_) | Edit::DeleteFunction => {
                    let operations = ["PutFunctionConcurrency", "DeleteFunctionConcurrency"];
                    self.is(record, &operations, function)
                }
                Edit::Provision(..) => {
                    let operations = [
                        "PutProvisionedConcurrencyConfig",
                        "DeleteProvisionedConcurrencyConfig",
                    ];
                    self.is(record, &operations, function)
                }
                Edit::EnableMapping(_) | Edit::DisableMapping(_) | Edit::DeleteMapping(_) => {
                    let mapping = self.mapping.map(String::as_str);
                    self.is(record, &["UpdateEventSourceMapping"], mapping)
                }
            }
    }

    /// Whether it came between the look just before a change and the change: nobody can prevent that.
    pub(crate) fn is_overwritten(&self) -> bool {
        let later = self.calls.iter().skip(self.nth - 1);
        let mut until_write = later.take_while(|record| !self.is_look(record));
        until_write.any(|record| self.is_write(record))
    }

    /// Whether a change came before it.
    fn is_after_write(&self) -> bool {
        let mut earlier = self.calls.iter().take(self.nth - 1);
        earlier.any(|record| self.is_write(record))
    }

    /// Whether `off` saw it.
    fn is_seen(&self) -> bool {
        let mut later = self.calls.iter().skip(self.nth - 1);
        match self.edit {
            Edit::EnableMapping(_) => {
                later.any(|it| it.call.operation == "ListEventSourceMappings")
            }
            Edit::DeleteMapping(_) => later.any(|it| {
                it.call.operation == "UpdateEventSourceMapping"
                    && it.call.target.as_ref() == self.mapping
            }),
            _ => later.any(|record| self.is_look(record)),
        }
    }
}

/// An edit at a call of `on` or `off` survives: it was seen before that setting was changed, or it is kept
/// afterwards. `off` reports what it saw. But for one that came between the last look and the change, and
/// one that looks like pausing after pausing. Nothing else of any function is lost.
async fn edit_during(on: bool, at: usize, edit: &Edit, nth: u64) -> Result<bool, Violation> {
    let world = World::new(&plan(), None).await;
    let before = world.settled();
    let function = name(at);
    let uuids: Vec<String> = before[&function].mappings.keys().cloned().collect();
    let mut theirs = before[&function].clone();
    change(&mut theirs, &uuids, edit);
    if !on {
        world.on().await?;
    }
    let first_call = world.sandbox.calls().len();
    let mapping = uuids.first().cloned();
    let (own, edited) = (function.clone(), edit.clone());
    let done = at_call(&world.sandbox, nth, move |sandbox| {
        perform(sandbox, &own, &uuids, &edited).expect("it is there");
    });
    let Some(first) = operate(&world, on, &done).await? else {
        return Ok(false);
    };
    let calls = world.sandbox.calls().split_off(first_call);
    let edited = Edited {
        calls: &calls,
        nth: nth as usize,
        function: &function,
        mapping: mapping.as_ref(),
        edit,
    };
    let is_lost =
        edited.is_overwritten() || looks_paused(edit) && (on == edited.is_after_write() || !on);
    let sets_what_was = theirs == before[&function];
    if !on && !is_lost && !sets_what_was && edited.is_seen() {
        let named = named_in(&first);
        if !named.contains(&function) {
            return Err(format!("{function} is not among {named:?}"));
        }
    }
    let last = world.operator("dan").off(&[worker()]).await;
    let last = last.map_err(|error| format!("{error:?}"))?;
    let now = world.settled();
    for (name, was) in &before {
        match now.get(name) {
            Some(is) if *name != function && is == was => {}
            None if *name == function && *edit == Edit::DeleteFunction => {}
            Some(is) if *name == function && *edit != Edit::DeleteFunction => {
                if *is != theirs && !(is_lost && is == was) {
                    return Err(format!("theirs is {theirs:?}\nit is {is:?}"));
                }
            }
            is => return Err(format!("{name} was not edited: {is:?}")),
        }
    }
    world.check_clean(&last)?;
    Ok(true)
}

#[test]
fn an_edit_at_any_call_loses_nothing_else() {
    let edits = during();
    let counts = parallel::each(2 * edits.len(), |n| {
        let (on, (at, edit)) = (n % 2 == 0, &edits[n / 2]);
        // An ordinary run takes one call in five, and the ones between with the next edit.
        let step = if is_long() { 1 } else { 5 };
        let mut edits = 0;
        for nth in (1 + n / 2 % step..).step_by(step) {
            let edited = parallel::alone(n, edit_during(on, *at, edit, nth as u64));
            match edited.map_err(|it| format!("on: {on}, {edit:?} at {nth}: {it}"))? {
                true => edits += 1,
                false => break,
            }
        }
        Ok(edits)
    });
    let counts: Result<Vec<u64>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} edits at a call", counts.iter().sum::<u64>());
    assert!(counts.iter().all(|edits| *edits > 2), "{counts:?}");
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
    if operate(&world, on, &done).await?.is_none() {
        return Ok(false);
    }
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
        let step = if is_long() { 1 } else { 5 };
        let mut times = 0;
        for nth in (1 + n % step..).step_by(step) {
            let ended = parallel::alone(n, type_during(on, typed, nth as u64));
            match ended.map_err(|violation| format!("on: {on}, {typed:?} at {nth}: {violation}"))? {
                true => times += 1,
                false => break,
            }
        }
        Ok(times)
    });
    let counts: Result<Vec<u64>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} flags typed at a call", counts.iter().sum::<u64>());
}
