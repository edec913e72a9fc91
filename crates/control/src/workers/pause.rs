//! Pausing: disable the event source mappings, delete the provisioned concurrency, reserve 0.
//!
//! In this order [AWS]: a mapping that goes on polling a function at zero burns its messages' receive
//! counts, and a reservation may not be below the provisioned concurrency.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use maintenance_flag::{Capacity, Reserved, WindowId};

use super::current::Current;
use super::drift::disputed;
use super::queue::{Known, Queue, Turn};
use super::saved::{Place, Saved, check_savable};
use super::survey::{Look, Survey, place, survey};
use super::{Done, End, each};
use crate::control::RoleSpec;
use crate::error::{Error, LambdaError};
use crate::event::Run;
use crate::events::FunctionEvents;
use crate::fleet::{Fleet, MappingState};
use crate::lease::Guard;
use crate::report::{Action, WorkersReport};
use crate::store::Store;

/// What pausing a role would take, as far as reading tells.
#[derive(Debug)]
pub(crate) struct Preparation {
    saved: Saved,
    survey: Survey,
    origin: String,
}

/// Reads everything that pausing needs, and checks that it can be saved. Changes nothing.
pub(crate) async fn prepare(
    fleet: &Fleet,
    store: &Store,
    spec: &RoleSpec,
    saved: Saved,
    look: Look<'_>,
) -> Result<Preparation, Error> {
    if let Some((name, source)) = saved.unreadable.into_iter().next() {
        return Err(Error::Unreadable { name, source });
    }
    let saved = Saved {
        unreadable: Vec::new(),
        ..saved
    };
    let mut survey = survey(fleet, spec.functions.as_ref(), &saved, look).await?;
    if !saved.missing.is_empty() {
        survey.refuse_unexplained(&saved);
    }
    if let Some(selection) = &spec.functions
        && survey.functions.is_empty()
        && survey.gone.is_empty()
        && survey.failed.is_empty()
    {
        let (role, looked_for) = (spec.role.clone(), selection.to_string());
        return Err(Error::NoFunctions { role, looked_for });
    }
    let origin = place(fleet, store, &saved, &survey)
        .await?
        .unwrap_or_default();
    let preparation = Preparation {
        saved,
        survey,
        origin,
    };
    check_savable(&preparation.missing_at_most())?;
    Ok(preparation)
}

impl Preparation {
    /// The most that may have to be saved.
    fn missing_at_most(&self) -> BTreeMap<String, Capacity> {
        let survey = self.survey.functions.iter();
        let capacities = survey
            .map(|(name, current)| (name.clone(), current.capacity_at_most()))
            .collect();
        self.saved.missing(&capacities)
    }

    /// What becomes of the work of the functions that are new to the window, if it was asked for.
    pub(crate) fn events(&self) -> &[FunctionEvents] {
        &self.survey.events
    }

    /// What pausing would do, without doing it.
    pub(crate) fn plan(&self) -> WorkersReport {
        let mut report = self.empty_report();
        for (name, current) in &self.survey.functions {
            let known = self.saved.functions.get(name);
            let drifted = known.map_or_else(Vec::new, |saved| disputed(name, saved, current));
            let steps = known.is_none() || !Steps::of(current, known).is_empty();
            if drifted.is_empty() && steps {
                report.changed.push(name.clone());
            } else {
                report.unchanged.push(name.clone());
            }
            report.drifted.extend(drifted);
        }
        report
    }

    fn empty_report(&self) -> WorkersReport {
        WorkersReport {
            selected: self.names().count() + self.survey.gone.len(),
            gone: self.survey.gone.clone(),
            failed: self.survey.failures().collect(),
            events: self.survey.events.clone(),
            ..WorkersReport::default()
        }
    }

    /// The functions that exist, by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.survey
            .functions
            .keys()
            .chain(self.survey.failed.keys())
    }

    /// Whether there is something to change, or may be when all mappings have settled.
    pub(crate) fn has_steps(&self) -> bool {
        let mut functions = self.survey.functions.iter();
        functions.any(|(name, current)| {
            let steps = Steps::of(current, self.saved.functions.get(name));
            !steps.is_empty() || !current.is_settled()
        })
    }

    /// Whether some mapping has to settle first.
    pub(crate) fn has_unsettled(&self) -> bool {
        let mut functions = self.survey.functions.values();
        functions.any(|current| !current.is_settled())
    }

    /// Whether there is something to save, or may be when all mappings have settled. That needs a window.
    pub(crate) fn has_unsaved(&self) -> bool {
        !self.missing_at_most().is_empty()
    }

    /// Saves, then pauses: first the functions whose mappings are settled, then the others as theirs
    /// settle. An error, but for a lost lease, means that no function was touched.
    pub(crate) async fn pause(
        self,
        fleet: &Fleet,
        place: Place<'_>,
        guard: &Guard,
        run: &Run<'_>,
    ) -> Result<Paused, Error> {
        let Self {
            saved,
            survey,
            origin,
        } = self;
        let failed = survey.failures().collect::<Vec<_>>();
        let Survey {
            functions,
            gone,
            events,
            ..
        } = survey;
        let total = functions.len();
        let mut queue = Queue::new(fleet, place, guard, origin, saved, functions).await?;
        let turns = queue.turns();
        let work = turns.map(|(name, turn)| {
            let paused = pause(fleet, name.clone(), turn, guard);
            (name, paused)
        });
        let mut report = each(fleet, Action::On, place.role, run, total, work).await?;
        report.selected += gone.len() + failed.len();
        report.gone.extend(gone);
        report.failed.extend(failed);
        report.events = events;
        let Known {
            saved,
            is_all,
            timeouts,
        } = queue.into_known();
        Ok(Paused {
            timeouts: Timeouts::of(&timeouts, &saved, &report),
            saved: is_all.then_some(saved.numbers),
            report,
        })
    }
}

/// What came of pausing a role.
#[derive(Debug)]
pub(crate) struct Paused {
    pub(crate) report: WorkersReport,
    /// What is saved now. None if a write failed that may have taken effect.
    pub(crate) saved: Option<BTreeSet<(WindowId, u32)>>,
    /// How long what is paused may still run.
    pub(crate) timeouts: Timeouts,
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
        let mut ran = saved
            .functions
            .iter()
            .filter(|(_, saved)| saved.reserved != Reserved::Limit(0))
            .map(|(name, _)| name);
        Self {
            changed: longest(&mut report.changed.iter()),
            all: longest(&mut ran),
        }
    }
}

/// What there is to change of one function.
#[derive(Debug)]
struct Steps {
    disable: Vec<String>,
    /// Mappings that are on their way to disabled: they may still deliver.
    disabling: Vec<String>,
    unprovision: Vec<String>,
    reserve_zero: bool,
}

impl Steps {
    fn of(current: &Current, saved: Option<&Capacity>) -> Self {
        // What is neither saved nor paused is somebody else's.
        let ours = |qualifier: &str, now: u32| {
            saved
                .and_then(|saved| saved.provisioned.get(qualifier))
                .is_none_or(|n| *n == now)
        };
        let reserve_zero = current.reserved != Reserved::Limit(0)
            && saved.is_none_or(|saved| saved.reserved == current.reserved);
        let provisioned = current.provisioned.iter();
        Self {
            disable: current.enabled().map(str::to_owned).collect(),
            disabling: current.disabling().map(str::to_owned).collect(),
            unprovision: provisioned
                .filter(|(qualifier, now)| ours(qualifier, **now))
                .map(|(qualifier, _)| qualifier.clone())
                .collect(),
            reserve_zero,
        }
    }

    /// Whether there is nothing to change.
    fn is_empty(&self) -> bool {
        self.disable.is_empty() && self.unprovision.is_empty() && !self.reserve_zero
    }
}

async fn pause(fleet: &Fleet, name: String, turn: Turn, guard: &Guard) -> Done {
    let (current, saved) = match turn {
        Turn::Pause(current, saved) => (current, saved),
        Turn::Gone(is_saved) => {
            return Done {
                gone: is_saved.then_some(name).into_iter().collect(),
                end: if is_saved { End::Gone } else { End::NeverOurs },
                ..Done::default()
            };
        }
        Turn::Leave(end) => {
            return Done {
                end,
                ..Done::default()
            };
        }
    };
    let saved = saved.as_ref();
    let drifted = saved.map_or_else(Vec::new, |saved| disputed(&name, saved, &current));
    if !drifted.is_empty() {
        // Pausing the rest of it would only make a muddle of what somebody is doing just now.
        return Done {
            drifted,
            ..Done::default()
        };
    }
    let steps = Steps::of(&current, saved);
    let mut done = Done {
        changed: !steps.is_empty(),
        ..Done::default()
    };
    match take(fleet, &name, &steps, guard).await {
        Ok(()) => {}
        Err(LambdaError::Gone { function }) => done.gone.push(function),
        Err(error) => done.end = End::from(error),
    }
    done
}

async fn take(fleet: &Fleet, name: &str, steps: &Steps, guard: &Guard) -> Result<(), LambdaError> {
    let disable = steps.disable.iter().map(|uuid| async {
        match fleet.set_mapping(uuid, false, guard).await {
            // Deleted meanwhile: it delivers nothing.
            Err(LambdaError::Gone { .. }) => Ok(()),
            other => other,
        }
    });
    let disabling = steps.disabling.iter().map(|uuid| async {
        let disabled = |state| state != MappingState::Disabling;
        match fleet.await_mapping(uuid, disabled, guard).await {
            Err(LambdaError::Gone { .. }) => Ok(()),
            other => other.map(drop),
        }
    });
    // All of them to their end, whatever becomes of one.
    let all = futures_util::future::join(join_all(disable), join_all(disabling));
    let (disabled, were_disabled) = all.await;
    let ended = disabled.into_iter().chain(were_disabled);
    ended.collect::<Result<(), _>>()?;
    for qualifier in &steps.unprovision {
        fleet.delete_provisioned(name, qualifier, guard).await?;
    }
    if steps.reserve_zero {
        fleet.set_reserved(name, Reserved::Limit(0), guard).await?;
    }
    Ok(())
}
