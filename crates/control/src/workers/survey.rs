//! How functions stand now: read in bulk where AWS has bulk reads, and never changed here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::StreamExt as _;
use maintenance_flag::{Reserved, Role};

use super::current::Current;
use super::drift::drift;
use super::saved::Saved;
use super::{Told, failure};
use crate::error::{Error, LambdaError, in_full};
use crate::event::{Event, Run};
use crate::events::{self, FunctionEvents, Reader};
use crate::fleet::{AT_ONCE, Fleet, Mapping, Selected, not_found_but_listed};
use crate::lease::Guard;
use crate::report::{Failure, Settings, Worker, WorkerState, WorkersStatus};
use crate::selection::Selection;
use crate::store::Store;

/// The functions that a role selects, and those that are saved, as they stand now.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Every function that exists, by name.
    pub(crate) functions: BTreeMap<String, Current>,
    /// Saved functions that do not exist any more.
    pub(crate) gone: Vec<String>,
    /// Functions that could not be read. They stop nobody else.
    pub(crate) failed: BTreeMap<String, LambdaError>,
    /// What becomes of the work of those that are not saved, by name, if it was asked for.
    pub(crate) events: Vec<FunctionEvents>,
}

impl Survey {
    /// Takes out the functions at 0 of which nothing is saved: what is saved next would say that they had 0.
    pub(crate) fn refuse_unexplained(&mut self, saved: &Saved) {
        let unexplained = self
            .functions
            .extract_if(.., |name, current| is_unexplained(name, current, saved));
        self.failed.extend(unexplained.map(|(function, _)| {
            let error = LambdaError::Unexplained {
                function: function.clone(),
            };
            (function, error)
        }));
    }

    /// Tells those that are gone from those that AWS only does not find: what was saved of one that a list
    /// shows must not be given up.
    async fn settle_missing(
        &mut self,
        fleet: &Fleet,
        missing: BTreeMap<String, bool>,
        guard: Option<&Guard>,
    ) -> Result<(), LambdaError> {
        if missing.is_empty() {
            return Ok(());
        }
        let listed = match fleet.names(guard).await {
            Ok(listed) => listed,
            Err(error @ (LambdaError::NotConfigured(_) | LambdaError::Halted(_))) => {
                return Err(error);
            }
            Err(error) => {
                let error = in_full(&error);
                let failed = missing.into_keys().map(|name| {
                    let uncertain = LambdaError::Failed {
                        action: "lambda:GetFunction".to_owned(),
                        function: name.clone(),
                        source: format!(
                            "AWS does not find it, and whether it is gone is not certain: {error}"
                        )
                        .into(),
                    };
                    (name, uncertain)
                });
                self.failed.extend(failed);
                return Ok(());
            }
        };
        for (name, is_saved) in missing {
            if listed.contains(&name) {
                let error = not_found_but_listed("lambda:GetFunction", &name);
                self.failed.insert(name, error);
            } else if is_saved {
                self.gone.push(name);
            }
        }
        Ok(())
    }

    /// What could not be read, in words.
    pub(crate) fn failures(&self) -> impl Iterator<Item = Failure> {
        self.failed
            .iter()
            .map(|(name, error)| failure(name.clone(), error))
    }
}

/// What is known of a function before it is read by itself.
#[derive(Debug, Default)]
struct Wanted {
    has_versions: bool,
    timeout: u32,
    versions: BTreeMap<String, Option<String>>,
}

/// How functions are looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look<'a> {
    /// Who is told how far it is, and of which role.
    pub(crate) told: Option<(&'a Run<'a>, &'a Role)>,
    /// Ends it when the lease is lost or somebody asks to stop.
    pub(crate) guard: Option<&'a Guard>,
    /// Whether to read what becomes of the work of functions that are not saved, too. Those that are
    /// saved are paused already, or were about to be when what would be lost was accepted.
    pub(crate) events: bool,
}

impl<'a> Look<'a> {
    /// For who is told how far it is.
    pub(crate) fn telling(run: &'a Run<'a>, role: &'a Role) -> Self {
        Self {
            told: Some((run, role)),
            ..Self::default()
        }
    }

    fn tell_reading(&self, done: usize, total: Option<usize>) {
        if let Some((run, role)) = self.told {
            run.tell(Event::Reading { role, done, total });
        }
    }

    fn tell_waiting(&self, fleet: &Fleet) {
        if let Some((run, _)) = self.told {
            run.tell(Event::Waiting(fleet.waiting()));
        }
    }
}

/// Reads how the selected and the saved functions stand.
pub(crate) async fn survey(
    fleet: &Fleet,
    selection: Option<&Selection>,
    saved: &Saved,
    look: Look<'_>,
) -> Result<Survey, LambdaError> {
    look.tell_reading(0, None);
    let wanted = wanted(fleet, selection, saved, look.guard).await?;
    if wanted.is_empty() {
        look.tell_reading(0, Some(0));
        return Ok(Survey::default());
    }
    let mappings = fleet.mappings(look.guard).await?;
    let total = Some(wanted.len());
    look.tell_reading(0, total);
    let reader = Reader::new(fleet, look.guard);
    let read = wanted.into_iter().map(|(name, wanted)| {
        let (mappings, reader) = (&mappings, &reader);
        let is_saved = saved.functions.contains_key(&name);
        async move {
            let tags = selection.filter(|s| s.needs_tags() && !is_saved);
            let reader = Some(reader).filter(|_| look.events && !is_saved);
            let found = read(fleet, &name, wanted, mappings, tags, look.guard);
            let found = with_events(&name, found.await, reader).await;
            (name, is_saved, found)
        }
    });
    let read = futures_util::stream::iter(read).buffer_unordered(AT_ONCE);
    let mut read = Told::new(read, || look.tell_waiting(fleet));
    let mut survey = Survey::default();
    // Those that were not found, and whether they are saved.
    let mut missing = BTreeMap::new();
    let mut done = 0;
    while let Some((name, is_saved, found)) = read.next().await {
        done += 1;
        look.tell_reading(done, total);
        match found {
            Ok(Some((current, events))) => {
                survey.events.extend(events);
                survey.functions.insert(name, current);
            }
            Ok(None) => {}
            Err(LambdaError::Gone { .. }) => {
                missing.insert(name, is_saved);
            }
            // Nothing else would go through either.
            Err(error @ (LambdaError::NotConfigured(_) | LambdaError::Halted(_))) => {
                return Err(error);
            }
            Err(error) => {
                survey.failed.insert(name, error);
            }
        }
    }
    survey.settle_missing(fleet, missing, look.guard).await?;
    // A permission that is missing for all of them is no matter of single functions.
    if survey.functions.is_empty()
        && survey.gone.is_empty()
        && let Some((_, error)) = survey.failed.pop_first()
    {
        return Err(error);
    }
    events::settle(&mut survey.events, &survey.functions);
    Ok(survey)
}

/// The functions to look at, by name.
async fn wanted(
    fleet: &Fleet,
    selection: Option<&Selection>,
    saved: &Saved,
    guard: Option<&Guard>,
) -> Result<BTreeMap<String, Wanted>, LambdaError> {
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    if let Some(selection) = selection {
        let selected = fleet.list(selection, guard).await?;
        for Selected {
            name,
            has_versions,
            timeout,
            versions,
        } in selected
        {
            wanted.insert(
                name,
                Wanted {
                    has_versions,
                    timeout,
                    versions,
                },
            );
        }
    }
    for (name, capacity) in &saved.functions {
        let wanted = wanted.entry(name.clone()).or_default();
        wanted.has_versions |= !capacity.provisioned.is_empty();
    }
    Ok(wanted)
}

/// Adds what becomes of a function's work. It is read as soon as the function is, while others are still
/// read: the two are on different budgets.
async fn with_events(
    name: &str,
    found: Result<Option<Current>, LambdaError>,
    reader: Option<&Reader<'_>>,
) -> Result<Option<(Current, Option<FunctionEvents>)>, LambdaError> {
    let Some(current) = found? else {
        return Ok(None);
    };
    let events = match reader {
        Some(reader) => Some(reader.read(name, &current).await?),
        None => None,
    };
    Ok(Some((current, events)))
}

async fn read(
    fleet: &Fleet,
    name: &str,
    wanted: Wanted,
    mappings: &HashMap<String, Vec<Mapping>>,
    tags: Option<&Selection>,
    guard: Option<&Guard>,
) -> Result<Option<Current>, LambdaError> {
    let Some(described) = fleet.describe(name, guard).await? else {
        let function = name.to_owned();
        return Err(LambdaError::Gone { function });
    };
    // GetFunction shows tags only to who may list them [Lambda API, GetFunction].
    if let (Some(_), Some(hidden)) = (tags, described.tags_hidden) {
        return Err(LambdaError::AccessDenied {
            action: "lambda:ListTags".to_owned(),
            function: name.to_owned(),
            source: hidden.into(),
        });
    }
    if tags.is_some_and(|selection| !selection.matches_tags(&described.tags)) {
        return Ok(None);
    }
    let provisioned = if wanted.has_versions {
        fleet.provisioned(name, guard).await?
    } else {
        BTreeMap::new()
    };
    Ok(Some(Current {
        reserved: described.reserved,
        provisioned,
        mappings: mappings.get(name).cloned().unwrap_or_default(),
        origin: described.origin,
        timeout: wanted.timeout.max(described.timeout),
        versions: wanted.versions,
    }))
}

/// Where these functions are; an error if something saved is elsewhere.
///
/// With the wrong profile every saved function would look deleted, and what was saved would be given
/// up. A store in AWS is in the same place as the functions; a folder is not.
pub(crate) async fn place(
    fleet: &Fleet,
    store: &Store,
    saved: &Saved,
    survey: &Survey,
    guard: Option<&Guard>,
) -> Result<Option<String>, Error> {
    let origins = saved.documents.iter().map(|d| d.origin.as_str());
    // One without says nothing: an earlier version could save it so.
    let origins: BTreeSet<&str> = origins.filter(|origin| !origin.is_empty()).collect();
    let here = match (survey.functions.values().next(), store) {
        (Some(current), _) => Some(current.origin.clone()),
        (None, Store::File(_)) if !origins.is_empty() => fleet.origin(guard).await?,
        (None, _) => None,
    };
    let elsewhere = match (&here, store) {
        (Some(here), _) => origins.into_iter().find(|origin| origin != here),
        (None, Store::File(_)) => origins.into_iter().next(),
        (None, Store::Ssm(_)) => None,
    };
    match elsewhere {
        None => Ok(here),
        Some(saved) => Err(Error::WrongPlace {
            saved: saved.to_owned(),
            here: here.unwrap_or_else(|| "an account and region without functions".to_owned()),
        }),
    }
}

/// Whether a function is at 0, and nothing is saved of it.
pub(super) fn is_unexplained(name: &str, current: &Current, saved: &Saved) -> bool {
    current.reserved == Reserved::Limit(0) && !saved.functions.contains_key(name)
}

/// Every function of a role, one by one, for `workers`. `on` is whether the role is in maintenance.
/// `explained` are the functions that are saved for any role.
pub(crate) fn rows(
    survey: &Survey,
    saved: &Saved,
    explained: &BTreeSet<String>,
    role: &Role,
    on: bool,
) -> Vec<Worker> {
    let now = survey.functions.iter().map(|(name, current)| {
        let saved = saved.functions.get(name);
        let is_at_zero = current.reserved == Reserved::Limit(0);
        let state = match saved {
            None if is_at_zero && explained.contains(name) => WorkerState::Paused,
            None if is_at_zero => WorkerState::Unexplained,
            None => WorkerState::Running,
            Some(_) if current.is_paused() => WorkerState::Paused,
            Some(saved) if !drift(name, saved, current).is_empty() => WorkerState::Drifted,
            Some(_) if on => WorkerState::Pausing,
            Some(_) => WorkerState::Restoring,
        };
        Worker {
            role: role.clone(),
            function: name.clone(),
            state,
            now: Some(Settings::from(current.capacity())),
            mappings: current.mappings.len(),
            saved: saved.cloned().map(Settings::from),
            timeout: Some(current.timeout),
        }
    });
    let gone = survey.gone.iter().map(|name| Worker {
        role: role.clone(),
        function: name.clone(),
        state: WorkerState::Gone,
        now: None,
        mappings: 0,
        saved: saved.functions.get(name).cloned().map(Settings::from),
        timeout: None,
    });
    let mut rows: Vec<Worker> = now.chain(gone).collect();
    rows.sort_by(|a, b| a.function.cmp(&b.function));
    rows
}

/// How the functions of a role stand, for `status`. `explained` are the functions that are saved for any
/// role.
pub(crate) fn status(
    survey: &Survey,
    saved: &Saved,
    explained: &BTreeSet<String>,
) -> WorkersStatus {
    let mut status = WorkersStatus {
        selected: survey.functions.len() + survey.gone.len() + survey.failed.len(),
        pending: survey.failed.keys().cloned().collect(),
        gone: survey.gone.clone(),
        ..WorkersStatus::default()
    };
    for (name, current) in &survey.functions {
        let known = saved.functions.get(name);
        if known.is_some() && current.is_paused() {
            status.paused += 1;
        } else if known.is_some_and(|known| !drift(name, known, current).is_empty()) {
            status.drifted.push(name.clone());
        } else if is_unexplained(name, current, saved) && !explained.contains(name) {
            status.unexplained.push(name.clone());
        } else {
            status.pending.push(name.clone());
        }
    }
    status
}
