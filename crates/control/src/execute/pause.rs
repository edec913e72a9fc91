//! Pausing the functions of a role: each is saved, and only then touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use maintenance_flag::{Reserved, WindowId};
use tokio::sync::Mutex;

use super::function::{FunctionRun, Saving};
use super::queue::{Queue, Ready};
use super::{End, FunctionOutcome, run_all};
use crate::error::Error;
use crate::event::Context;
use crate::fence::{AbortReason, Fence};
use crate::fleet::LambdaError;
use crate::fleet::{Fleet, LAG, MappingState};
use crate::observe::Inventory;
use crate::plan::{PausePlan, plan_pause};
use crate::report::{Action, Failure, WorkersReport};
use crate::saved::{Place, Saved};
use crate::store::{Store, StoreError};

/// How long reading the mappings once more may take.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// What came of pausing a role.
#[derive(Debug)]
pub(crate) struct Paused {
    pub(crate) report: WorkersReport,
    /// What is saved now. None if a write failed that may have taken effect.
    pub(crate) saved: Option<BTreeSet<(WindowId, u32)>>,
    /// How long what is paused may still run.
    pub(crate) timeouts: Timeouts,
    /// An error if the lease was lost before all was done.
    pub(crate) end: Result<(), AbortReason>,
}

/// How long functions may still run after they were paused: the longest of their timeouts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Of those that this operation paused.
    pub(crate) changed: Duration,
    /// Of all that are paused.
    pub(crate) all: Duration,
}

impl Timeouts {
    /// Of functions with timeouts of so many seconds.
    fn of(seconds: &BTreeMap<String, u32>, saved: &Saved, report: &WorkersReport) -> Self {
        let longest = |names: &mut dyn Iterator<Item = &String>| {
            let seconds = names.filter_map(|name| seconds.get(name));
            Duration::from_secs(seconds.copied().max().unwrap_or(0).into())
        };
        // What had 0 before was not running.
        let saved = saved.functions.iter();
        let ran = saved.filter(|(_, saved)| saved.reserved != Reserved::Limit(0));
        Self {
            changed: longest(&mut report.changed.iter()),
            all: longest(&mut ran.map(|(name, _)| name)),
        }
    }
}

/// Saves, then pauses: first the functions whose mappings are settled, then the others as theirs settle. An
/// error means that no function was touched.
pub(crate) async fn pause(
    plan: PausePlan,
    fleet: &Fleet,
    place: Place<'_>,
    fence: &Fence,
    context: &Context<'_>,
) -> Result<Paused, Error> {
    let PausePlan {
        saved,
        inventory,
        origin,
    } = plan;
    let failed = inventory.failures().collect::<Vec<_>>();
    let Inventory {
        functions,
        gone,
        events,
        ..
    } = inventory;
    let total = functions.len();
    let saved = Mutex::new(saved);
    let saving = Saving {
        place,
        origin: &origin,
        saved: &saved,
    };
    let mut queue = Queue::new(fleet, saving, fence, functions).await?;
    let ready = queue.ready();
    let work = ready.map(|(name, ready)| {
        async move {
            let paused = pause_one(fleet, fence, name.clone(), saving, ready).await;
            (name, paused)
        }
        .boxed()
    });
    let (mut report, end) = run_all(fleet, Action::On, place.role, context, total, work).await;
    if end.is_ok() {
        refuse_enabled(fleet, fence, &mut report).await;
    }
    report.selected += gone.len() + failed.len();
    report.gone.extend(gone);
    report.failed.extend(failed);
    report.events = events;
    let timeouts = queue.into_timeouts();
    let mut saved = saved.into_inner();
    if end.is_ok() {
        unmark(&mut saved, place.store, fence, &report).await;
    }
    Ok(Paused {
        timeouts: Timeouts::of(&timeouts, &saved, &report),
        saved: (!saved.is_unsure()).then_some(saved.numbers),
        report,
        end,
    })
}

async fn pause_one(
    fleet: &Fleet,
    fence: &Fence,
    name: String,
    saving: Saving<'_>,
    ready: Ready,
) -> FunctionOutcome {
    match ready {
        Ready::Saved(function) => {
            // What is saved may differ from what it has: another operation may have saved it before.
            let plan = {
                let saved = saving.saved.lock().await;
                plan_pause(&name, &function, saved.functions.get(&name))
            };
            let context = FunctionRun::new(fleet, fence, &name, Some(saving));
            context.run(plan).await
        }
        Ready::Left(End::Failed(LambdaError::Gone { .. })) => {
            let is_saved = saving.saved.lock().await.functions.contains_key(&name);
            match is_saved {
                true => End::Gone.into(),
                false => End::Vanished.into(),
            }
        }
        Ready::Left(end) => end.into(),
    }
}

/// Deletes the marks of functions that an `invoke` which died left at 1: they are at 0 again, or another client
/// has set something else. A mark that stays is for the next operation.
async fn unmark(saved: &mut Saved, store: &Store, fence: &Fence, report: &WorkersReport) {
    let marked: BTreeSet<String> = saved.invoking().cloned().collect();
    let drifted = report.drifted.iter().map(|drift| &drift.function);
    let settled = report.changed.iter().chain(&report.unchanged);
    let settled = settled.chain(&report.gone).chain(drifted);
    let settled = settled.filter(|name| marked.contains(*name));
    let settled: BTreeSet<&str> = settled.map(String::as_str).collect();
    if settled.is_empty() {
        return;
    }
    let waited = fence.until_stopped(tokio::time::sleep(LAG)).await;
    let unmarked = match waited {
        Ok(()) => saved.unmark(store, &settled, fence).await,
        Err(halt) => Err(StoreError::Halted(halt)),
    };
    if let Err(error) = unmarked {
        tracing::warn!(%error, "could not delete the mark of an invocation");
    }
}

/// Reads the event source mappings of what was paused once more: one that was enabled or created since
/// they were read polls for a function at 0, so that the function is not paused.
async fn refuse_enabled(fleet: &Fleet, fence: &Fence, report: &mut WorkersReport) {
    if report.changed.is_empty() && report.unchanged.is_empty() {
        return;
    }
    let enabled = tokio::time::timeout(LAST_LOOK, enabled_again(fleet, fence, report)).await;
    match enabled {
        Ok(Ok(enabled)) => {
            report.changed.retain(|name| !enabled.contains_key(name));
            report.unchanged.retain(|name| !enabled.contains_key(name));
            let failed = enabled.into_iter().map(|(function, uuid)| {
                let error = format!("its event source mapping {uuid} was enabled meanwhile");
                let hint = "try again to save and disable it".to_owned();
                Failure::new(&function, error, Some(hint))
            });
            report.failed.extend(failed);
        }
        Ok(Err(error)) => tracing::warn!(%error, "could not read the mappings again"),
        Err(_) => tracing::warn!("reading the mappings again took too long"),
    }
}

/// The functions that were paused and have an enabled mapping, by two reads: one that lags shows what was
/// enabled before.
async fn enabled_again(
    fleet: &Fleet,
    fence: &Fence,
    report: &WorkersReport,
) -> Result<BTreeMap<String, String>, LambdaError> {
    let paused: BTreeSet<&String> = report.changed.iter().chain(&report.unchanged).collect();
    let read = async || {
        let mappings = fleet.mappings(Some(fence)).await?.into_iter();
        let paused = mappings.filter(|(name, _)| paused.contains(name));
        let enabled = paused.filter_map(|(name, mappings)| {
            let mut mappings = mappings.into_iter();
            let enabled = mappings.find(|it| it.state == MappingState::Enabled)?;
            Some((name, enabled.uuid))
        });
        Ok::<BTreeMap<_, _>, LambdaError>(enabled.collect())
    };
    let first = read().await?;
    if first.is_empty() {
        return Ok(first);
    }
    fence.until_stopped(tokio::time::sleep(LAG)).await?;
    read().await
}
