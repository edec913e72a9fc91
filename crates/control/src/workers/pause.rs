//! Pausing: disable the event source mappings, delete the provisioned concurrency, reserve 0.
//!
//! In this order [AWS]: a mapping that goes on polling a function at zero burns its messages' receive
//! counts, and a reservation may not be below the provisioned concurrency.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use maintenance_flag::{Capacity, Reserved, WindowId};
use tokio::sync::Mutex;

use super::current::Current;
use super::drift::{disputed, of_provisioned, of_reserved};
use super::queue::{Queue, Turn, end_of_all};
use super::saved::{Place, Saved, check_savable};
use super::survey::{Look, Survey, is_unexplained, place, survey};
use super::{Done, End, each};
use crate::control::RoleSpec;
use crate::error::{Error, LambdaError};
use crate::event::Run;
use crate::events::FunctionEvents;
use crate::fleet::{Absent, Change, Fleet, MappingState};
use crate::lease::Guard;
use crate::report::{Action, Drift, Failure, WorkersReport};
use crate::store::Store;

/// How often what somebody else changes is saved anew before the function is left to them.
const ROUNDS: u32 = 5;
/// How long after a look that differed from what was saved another must say the same.
const CONFIRMED_AFTER: Duration = Duration::from_secs(3);

/// How long looking at the mappings again may take.
const LAST_LOOK: Duration = Duration::from_secs(30);

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
    mut saved: Saved,
    look: Look<'_>,
) -> Result<Preparation, Error> {
    if let Some((name, source)) = saved.unreadable.pop() {
        return Err(Error::Unreadable { name, source });
    }
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
    let origin = place(fleet, store, &saved, &survey, look.guard)
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
            if !drifted.is_empty() {
                report.drifted.extend(drifted);
            } else if steps {
                report.changed.push(name.clone());
            } else {
                report.unchanged.push(name.clone());
            }
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

    /// The functions at 0 of which nothing is saved: 0 is what is saved of them next.
    pub(crate) fn unsaved_at_zero(&self) -> Vec<&str> {
        let functions = self.survey.functions.iter();
        let at_zero =
            functions.filter(|(name, current)| is_unexplained(name, current, &self.saved));
        at_zero.map(|(name, _)| name.as_str()).collect()
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
        let saved = Mutex::new(saved);
        let context = Context {
            fleet,
            place,
            origin: &origin,
            saved: &saved,
            guard,
        };
        let mut queue = Queue::new(fleet, place, guard, origin.clone(), &saved, functions).await?;
        let turns = queue.turns();
        let work = turns.map(|(name, turn)| {
            let paused = pause(context, name.clone(), turn);
            (name, paused)
        });
        let mut report = each(fleet, Action::On, place.role, run, total, work).await?;
        refuse_enabled(fleet, guard, &mut report).await;
        report.selected += gone.len() + failed.len();
        report.gone.extend(gone);
        report.failed.extend(failed);
        report.events = events;
        let timeouts = queue.into_timeouts();
        let saved = saved.into_inner();
        Ok(Paused {
            timeouts: Timeouts::of(&timeouts, &saved, &report),
            saved: (!saved.is_unsure()).then_some(saved.numbers),
            report,
        })
    }
}

/// Looks at the event source mappings of what was paused once more: one that somebody enabled or created
/// since they were read goes on polling a function at zero, so that the function is not paused.
async fn refuse_enabled(fleet: &Fleet, guard: &Guard, report: &mut WorkersReport) {
    if report.changed.is_empty() && report.unchanged.is_empty() {
        return;
    }
    let enabled = tokio::time::timeout(LAST_LOOK, enabled_still(fleet, guard, report)).await;
    match enabled {
        Ok(Ok(enabled)) => {
            report.changed.retain(|name| !enabled.contains_key(name));
            report.unchanged.retain(|name| !enabled.contains_key(name));
            report
                .failed
                .extend(enabled.into_iter().map(|(function, uuid)| {
                    let error = format!("its event source mapping {uuid} was enabled meanwhile");
                    let hint =
                        "run the same command again: it is saved and disabled then".to_owned();
                    Failure {
                        function,
                        error,
                        hint: Some(hint),
                    }
                }));
        }
        Ok(Err(error)) => tracing::warn!(%error, "could not look at the mappings again"),
        Err(_) => tracing::warn!("AWS did not let the mappings be looked at again"),
    }
}

/// The functions that were paused and have an enabled mapping, by two looks: a read that lags shows what was
/// enabled before.
async fn enabled_still(
    fleet: &Fleet,
    guard: &Guard,
    report: &WorkersReport,
) -> Result<BTreeMap<String, String>, LambdaError> {
    let paused: BTreeSet<&String> = report.changed.iter().chain(&report.unchanged).collect();
    let look = async || {
        let mappings = fleet.mappings(Some(guard)).await?.into_iter();
        let paused = mappings.filter(|(name, _)| paused.contains(name));
        let enabled = paused.filter_map(|(name, mappings)| {
            let mut mappings = mappings.into_iter();
            let enabled = mappings.find(|it| it.state == MappingState::Enabled)?;
            Some((name, enabled.uuid))
        });
        Ok::<BTreeMap<_, _>, LambdaError>(enabled.collect())
    };
    let first = look().await?;
    if first.is_empty() {
        return Ok(first);
    }
    guard.stop().or(tokio::time::sleep(CONFIRMED_AFTER)).await?;
    look().await
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

/// What pausing each of a role's functions needs.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    fleet: &'a Fleet,
    place: Place<'a>,
    origin: &'a str,
    saved: &'a Mutex<Saved>,
    guard: &'a Guard,
}

async fn pause(context: Context<'_>, name: String, turn: Turn) -> Done {
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
    let one = One {
        context,
        name: &name,
        current: &current,
    };
    match one.take(&steps).await {
        Ok(()) => {}
        Err(Ended::Drifted(drift)) => done.drifted.push(drift),
        Err(Ended::Unsaved(error)) => done.end = end_of_all(&error),
        Err(Ended::Failed(LambdaError::Gone { .. })) => match one.is_gone().await {
            Ok(()) => {
                done.gone.push(name);
                done.end = End::Gone;
            }
            Err(error) => done.end = End::from(error),
        },
        Err(Ended::Failed(error)) => done.end = End::from(error),
    }
    done
}

/// Why a function is not paused.
enum Ended {
    Failed(LambdaError),
    /// What somebody else has made of it could not be saved, so that it was left.
    Unsaved(Error),
    /// Somebody else has changed what an operation before had saved, or what was paused already.
    Drifted(Drift),
}

impl From<LambdaError> for Ended {
    fn from(error: LambdaError) -> Self {
        Self::Failed(error)
    }
}

/// One function to pause. What is saved of it is locked only while it is looked at or saved anew.
struct One<'a> {
    context: Context<'a>,
    name: &'a str,
    current: &'a Current,
}

impl One<'_> {
    async fn take(&self, steps: &Steps) -> Result<(), Ended> {
        let Context { fleet, guard, .. } = self.context;
        let disable = steps.disable.iter().map(|uuid| self.disable(uuid));
        let disabling = steps.disabling.iter().map(|uuid| async {
            let disabled = |state| state != MappingState::Disabling;
            match fleet.await_mapping(uuid, disabled, guard).await {
                Err(LambdaError::Gone { .. }) => Ok(()),
                other => other.map(drop).map_err(Ended::from),
            }
        });
        // All of them to their end, whatever becomes of one.
        let all = futures_util::future::join(join_all(disable), join_all(disabling));
        let (disabled, were_disabled) = all.await;
        let ended = disabled.into_iter().chain(were_disabled);
        ended.collect::<Result<(), _>>()?;
        for qualifier in &steps.unprovision {
            self.unprovision(qualifier).await?;
        }
        if steps.reserve_zero {
            self.reserve_zero().await?;
        }
        Ok(())
    }

    async fn disable(&self, uuid: &str) -> Result<(), Ended> {
        let Context { fleet, guard, .. } = self.context;
        match fleet.disable_mapping(uuid, guard).await {
            Ok(Change::Made) => Ok(()),
            // Somebody else has disabled it since it was read, and `off` must not enable it.
            Ok(Change::Theirs { .. }) => self.save_without(uuid).await,
            // Deleted meanwhile: it delivers nothing.
            Err(LambdaError::Gone { .. }) => {
                fleet
                    .is_certainly_gone(Absent::Mapping(uuid), Some(guard))
                    .await?;
                self.save_without(uuid).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn save_without(&self, uuid: &str) -> Result<(), Ended> {
        if !self
            .is_fresh(|saved| saved.is_fresh_mapping(self.name, uuid))
            .await
        {
            return Ok(());
        }
        self.save_anew(|capacity| capacity.mappings.retain(|it| it != uuid))
            .await
    }

    async fn unprovision(&self, qualifier: &str) -> Result<(), Ended> {
        let Context { fleet, guard, .. } = self.context;
        let mut known = self.current.provisioned.get(qualifier).copied();
        for _ in 0..ROUNDS {
            let expected = |now| now == known;
            let deleted = fleet.delete_provisioned(self.name, qualifier, expected, guard);
            let (now, touched) = match deleted.await? {
                Change::Made => return Ok(()),
                Change::Theirs { now, touched } => (now, touched),
            };
            let is_fresh = |saved: &Saved| saved.is_fresh_provisioned(self.name, qualifier);
            if touched || !self.is_fresh(is_fresh).await {
                if now.is_none() {
                    return Ok(());
                }
                let words = now.map_or_else(|| "none".to_owned(), |now| now.to_string());
                let drift = of_provisioned(self.name, qualifier, known.as_ref(), words);
                return Err(Ended::Drifted(drift));
            }
            let all = self.confirmed(fleet.all_provisioned(self.name, Some(guard)));
            if all.await?.get(qualifier).copied() != now {
                continue;
            }
            self.save_anew(|capacity| match now {
                Some(now) => drop(capacity.provisioned.insert(qualifier.to_owned(), now)),
                None => drop(capacity.provisioned.remove(qualifier)),
            })
            .await?;
            if now.is_none() {
                return Ok(());
            }
            known = now;
        }
        Err(self.restless("the provisioned concurrency"))
    }

    async fn reserve_zero(&self) -> Result<(), Ended> {
        let Context { fleet, guard, .. } = self.context;
        let zero = Reserved::Limit(0);
        let mut known = self.current.reserved;
        for _ in 0..ROUNDS {
            let expected = |now| now == known;
            let set = fleet.set_reserved(self.name, zero, expected, guard).await?;
            let (now, touched) = match set {
                Change::Made => return Ok(()),
                Change::Theirs { now, touched } => (now, touched),
            };
            // Ours: the answer to our own attempt was lost.
            if touched && now == zero {
                return Ok(());
            }
            let described = self.confirmed(fleet.describe(self.name, Some(guard)));
            if described.await?.map(|described| described.reserved) != Some(now) {
                continue;
            }
            let is_fresh = |saved: &Saved| saved.is_fresh_reserved(self.name);
            if !touched && self.is_fresh(is_fresh).await {
                self.save_anew(|capacity| capacity.reserved = now).await?;
            } else if now != zero {
                let drift = of_reserved(self.name, known, now);
                return Err(Ended::Drifted(drift));
            }
            if now == zero {
                return Ok(());
            }
            known = now;
        }
        Err(self.restless("the reserved concurrency"))
    }

    async fn is_fresh(&self, asked: impl FnOnce(&Saved) -> bool) -> bool {
        asked(&*self.context.saved.lock().await)
    }

    /// What a look says some seconds after another that differed from what was saved: a read that lags may
    /// show what was before.
    async fn confirmed<T>(
        &self,
        look: impl Future<Output = Result<T, LambdaError>>,
    ) -> Result<T, LambdaError> {
        let wait = tokio::time::sleep(CONFIRMED_AFTER);
        self.context.guard.stop().or(wait).await?;
        look.await
    }

    /// Saves what the function has now instead of what this operation saved.
    async fn save_anew(&self, amend: impl FnOnce(&mut Capacity)) -> Result<(), Ended> {
        let Context {
            place,
            origin,
            guard,
            ..
        } = self.context;
        let mut saved = self.context.saved.lock().await;
        let Some(mut capacity) = saved.functions.get(self.name).cloned() else {
            return Ok(());
        };
        amend(&mut capacity);
        saved
            .save_anew(place, origin, self.name, &capacity, guard)
            .await
            .map_err(Ended::Unsaved)
    }

    /// That it does not exist any more is certain.
    async fn is_gone(&self) -> Result<(), LambdaError> {
        let Context { fleet, guard, .. } = self.context;
        let absent = Absent::Function(self.name);
        fleet.is_certainly_gone(absent, Some(guard)).await
    }

    fn restless(&self, what: &str) -> Ended {
        Ended::Failed(LambdaError::Ended {
            function: self.name.to_owned(),
            what: what.to_owned(),
            ended: "changes again and again".to_owned(),
        })
    }
}
