//! Observe: how functions stand, read in bulk where AWS has bulk reads. Nothing is changed here.
//!
//! One [`Account`] serves all roles of an operation, so that the account's functions and event source
//! mappings are listed once, whatever the number of roles. What is decided from it is in
//! [`plan`](crate::plan).

mod function;
mod policy;
mod triggers;

pub(crate) use function::{INVOKING, ObservedFunction};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use maintenance_flag::{Reserved, Role};
use tokio::sync::OnceCell;

use crate::aws::{AwsError, AwsErrorKind};
use crate::error::{Error, failure};
use crate::event::{Context, Event};
use crate::events::FunctionEvents;
use crate::fence::Fence;
use crate::fleet::LambdaError;
use crate::fleet::{
    AT_ONCE, Absent, Fleet, LAG, Mapping, Selected, Versions, not_found_but_listed,
};
use crate::heartbeat::Heartbeat;
use crate::report::Failure;
use crate::saved::Saved;
use crate::selection::Selection;
use crate::store::Store;
use crate::text::in_full;
use triggers::{Reader, settle};

/// The functions that a role selects, and those that are saved for it, as they stand.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Every function that exists, by name.
    pub(crate) functions: BTreeMap<String, ObservedFunction>,
    /// Saved functions that do not exist any more.
    pub(crate) gone: Vec<String>,
    /// Functions that could not be read. The others are read all the same.
    pub(crate) failed: BTreeMap<String, LambdaError>,
    /// The triggers of those that are not saved, by function name, if they were asked for.
    pub(crate) events: Vec<FunctionEvents>,
}

impl Inventory {
    /// What could not be read, and why.
    pub(crate) fn failures(&self) -> impl Iterator<Item = Failure> {
        let failed = self.failed.iter();
        failed.map(|(name, error)| failure(name.clone(), error))
    }

    /// Takes out the functions at 0 that have nothing saved: saving them now would record 0 as what they had.
    pub(crate) fn refuse_unexplained(&mut self, saved: &Saved) {
        let unexplained = self
            .functions
            .extract_if(.., |name, function| function.is_unexplained(name, saved));
        self.failed.extend(unexplained.map(|(function, _)| {
            let error = LambdaError::Unexplained {
                function: function.clone(),
            };
            (function, error)
        }));
    }
}

/// What to read of a role's functions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObserveOptions<'a> {
    /// The role, for progress.
    pub(crate) role: &'a Role,
    /// The functions that it selects. None: only those that are saved.
    pub(crate) selection: Option<&'a Selection>,
    /// Whether to read the triggers of functions that are not saved, too. Those that are saved are paused
    /// already, or were about to be when the loss of events was accepted.
    pub(crate) events: bool,
}

/// The functions of one account and region, as one operation reads them.
pub(crate) struct Account<'a> {
    fleet: &'a Fleet,
    /// Ends reading when the lease is lost or the operation is cancelled.
    fence: Option<&'a Fence>,
    context: &'a Context<'a>,
    /// The functions that any of these selects are listed.
    selections: Vec<&'a Selection>,
    /// Which of their versions.
    versions: Versions,
    listed: OnceCell<Vec<Selected>>,
    mappings: OnceCell<HashMap<String, Vec<Mapping>>>,
}

impl<'a> Account<'a> {
    /// Nothing is read yet. `selections` are those of all roles that will be read.
    pub(crate) fn new(
        fleet: &'a Fleet,
        selections: impl IntoIterator<Item = &'a Selection>,
        versions: Versions,
        fence: Option<&'a Fence>,
        context: &'a Context<'a>,
    ) -> Self {
        Self {
            fleet,
            fence,
            context,
            selections: selections.into_iter().collect(),
            versions,
            listed: OnceCell::new(),
            mappings: OnceCell::new(),
        }
    }

    async fn listed(&self, selection: &Selection) -> Result<Vec<Selected>, LambdaError> {
        let is_selected = |name: &str| self.selections.iter().any(|it| it.matches_name(name));
        let list = || self.fleet.list(is_selected, self.versions, self.fence);
        let all = self.listed.get_or_try_init(list).await?.iter();
        let selected = all.filter(|function| selection.matches_name(&function.name));
        Ok(selected.cloned().collect())
    }

    async fn mappings(&self) -> Result<&HashMap<String, Vec<Mapping>>, LambdaError> {
        let list = || self.fleet.mappings(self.fence);
        self.mappings.get_or_try_init(list).await
    }

    /// Reads the functions that a role selects, and those that are saved for it.
    pub(crate) async fn observe(
        &self,
        saved: &Saved,
        options: ObserveOptions<'_>,
    ) -> Result<Inventory, LambdaError> {
        let reading = |done, total| {
            let role = options.role;
            self.context.emit(Event::Reading { role, done, total });
        };
        reading(0, None);
        let candidates = self.candidates(saved, options.selection).await?;
        if candidates.is_empty() {
            reading(0, Some(0));
            return Ok(Inventory::default());
        }
        self.mappings().await?;
        let total = Some(candidates.len());
        reading(0, total);
        let reader = Reader::new(self.fleet, self.fence);
        let read = candidates.into_iter().map(|(name, candidate)| {
            let reader = &reader;
            let is_saved = saved.functions.contains_key(&name);
            async move {
                let tags = options.selection.filter(|_| !is_saved);
                let reader = Some(reader).filter(|_| options.events && !is_saved);
                let found = self.read(&name, candidate, tags).await;
                let found = with_events(&name, found, reader).await;
                (name, is_saved, found)
            }
        });
        let read = stream::iter(read).buffer_unordered(AT_ONCE);
        let mut read = Heartbeat::new(read, || {
            self.context.emit(Event::Waiting(self.fleet.waiting()))
        });
        let mut inventory = Inventory::default();
        // Those that were not found, and whether they are saved.
        let mut missing = BTreeMap::new();
        let mut done = 0;
        while let Some((name, is_saved, found)) = read.next().await {
            done += 1;
            reading(done, total);
            match found {
                Ok(Some((mut function, events))) => {
                    function.is_invoking = saved.is_invoking(&name);
                    inventory.events.extend(events);
                    inventory.functions.insert(name, function);
                }
                Ok(None) => {}
                Err(LambdaError::Gone { .. }) => {
                    missing.insert(name, is_saved);
                }
                // Every other read would fail as well.
                Err(error) if error.is_of_all_calls() => return Err(error),
                Err(error) => {
                    inventory.failed.insert(name, error);
                }
            }
        }
        self.settle_missing(&mut inventory, missing).await?;
        // A permission that is missing for all of them is not a failure of single functions.
        if inventory.functions.is_empty()
            && inventory.gone.is_empty()
            && let Some((_, error)) = inventory.failed.pop_first()
        {
            return Err(error);
        }
        settle(&mut inventory.events, &inventory.functions);
        Ok(inventory)
    }

    /// One function, with its versions; none if it does not exist.
    pub(crate) async fn observe_one(
        &self,
        name: &str,
        saved: &Saved,
    ) -> Result<Option<ObservedFunction>, LambdaError> {
        let listed = self.fleet.list_versions_of(name.to_owned(), self.fence);
        let read = match listed.await? {
            Some(listed) => self.read(name, listed, None).await,
            None => Ok(None),
        };
        match read {
            Ok(Some(function)) => Ok(Some(ObservedFunction {
                is_invoking: saved.is_invoking(name),
                ..function
            })),
            Ok(None) | Err(LambdaError::Gone { .. }) => {
                let absent = Absent::Function(name);
                self.fleet.is_certainly_gone(absent, self.fence).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What invokes a paused function by itself, once it may run.
    pub(crate) async fn triggers(
        &self,
        name: &str,
        function: &ObservedFunction,
    ) -> Result<FunctionEvents, LambdaError> {
        let running = ObservedFunction {
            reserved: INVOKING,
            ..function.clone()
        };
        Reader::new(self.fleet, self.fence)
            .read(name, &running)
            .await
    }

    /// The functions to read, with what the list of functions says of them.
    async fn candidates(
        &self,
        saved: &Saved,
        selection: Option<&Selection>,
    ) -> Result<BTreeMap<String, Selected>, LambdaError> {
        let mut candidates = BTreeMap::new();
        if let Some(selection) = selection {
            let selected = self.listed(selection).await?.into_iter();
            candidates.extend(selected.map(|function| (function.name.clone(), function)));
        }
        for (name, capacity) in &saved.functions {
            let candidate = candidates.entry(name.clone()).or_default();
            candidate.has_versions |= !capacity.provisioned.is_empty();
        }
        Ok(candidates)
    }

    /// Reads one function; none if its tags are not those that are selected.
    async fn read(
        &self,
        name: &str,
        candidate: Selected,
        tags: Option<&Selection>,
    ) -> Result<Option<ObservedFunction>, LambdaError> {
        let Some(described) = self.fleet.describe(name, self.fence).await? else {
            return Err(LambdaError::gone(name));
        };
        if let Some(selection) = tags.filter(|selection| selection.needs_tags()) {
            // GetFunction shows tags only to callers that may list them [Lambda API, GetFunction].
            if let Some(hidden) = described.tags_hidden {
                let kind = AwsErrorKind::Denied;
                return Err(AwsError::new("lambda:ListTags", name, kind, hidden).into());
            }
            if !selection.matches_tags(&described.tags) {
                return Ok(None);
            }
        }
        let provisioned = if candidate.has_versions {
            self.fleet.provisioned(name, self.fence).await?
        } else {
            BTreeMap::new()
        };
        let mappings = self.mappings().await?.get(name);
        Ok(Some(ObservedFunction {
            reserved: described.reserved,
            provisioned,
            mappings: mappings.cloned().unwrap_or_default(),
            origin: described.origin,
            timeout: candidate.timeout.max(described.timeout),
            versions: candidate.versions,
            is_invoking: false,
        }))
    }

    /// Distinguishes deleted functions from those that AWS merely failed to find: what was saved of a function
    /// that a list shows must not be given up.
    async fn settle_missing(
        &self,
        inventory: &mut Inventory,
        missing: BTreeMap<String, bool>,
    ) -> Result<(), LambdaError> {
        if missing.is_empty() {
            return Ok(());
        }
        let listed = match self.fleet.names(self.fence).await {
            Ok(listed) => listed,
            Err(error) if error.is_of_all_calls() => return Err(error),
            Err(error) => {
                let why = format!(
                    "AWS does not find it, and the list of functions, which would show whether it is gone, could not be read: {}",
                    in_full(&error)
                );
                let failed = missing.into_keys().map(|function| {
                    let (action, kind) = ("lambda:GetFunction", AwsErrorKind::Unexpected);
                    let uncertain = AwsError::new(action, &function, kind, why.as_str());
                    (function, uncertain.into())
                });
                inventory.failed.extend(failed);
                return Ok(());
            }
        };
        for (name, is_saved) in missing {
            if listed.contains(&name) {
                let error = not_found_but_listed("lambda:GetFunction", &name);
                inventory.failed.insert(name, error);
            } else if is_saved {
                inventory.gone.push(name);
            }
        }
        Ok(())
    }

    /// The selected functions at 0 that have nothing saved for any role (`explained` has those that do), by
    /// name. No operation gives them anything back: perhaps they are meant to be stopped, perhaps what was saved
    /// was deleted by hand, or a call that was given up took effect long after. An operation, which has a
    /// fence, confirms it by a second look.
    pub(crate) async fn unexplained(
        &self,
        selection: &Selection,
        explained: &BTreeSet<String>,
    ) -> Result<Vec<String>, LambdaError> {
        let selected = self.listed(selection).await?.into_iter();
        let names = selected.map(|function| function.name);
        let names = names.filter(|name| !explained.contains(name)).collect();
        let mut at_zero = self.at_zero(selection, names).await?;
        // Status does not change anything, and is run again.
        if let Some(fence) = self.fence.filter(|_| !at_zero.is_empty()) {
            fence.until_stopped(tokio::time::sleep(LAG)).await?;
            at_zero = self.at_zero(selection, at_zero).await?;
        }
        at_zero.sort();
        Ok(at_zero)
    }

    async fn at_zero(
        &self,
        selection: &Selection,
        names: Vec<String>,
    ) -> Result<Vec<String>, LambdaError> {
        let read = names.into_iter().map(|name| async move {
            let described = self.fleet.describe(&name, self.fence).await?;
            let is_at_zero = described.is_some_and(|described| {
                described.reserved == Reserved::Limit(0) && selection.matches_tags(&described.tags)
            });
            Ok(is_at_zero.then_some(name))
        });
        let read = stream::iter(read).buffer_unordered(AT_ONCE);
        let at_zero = read.try_filter_map(|name| async { Ok(name) });
        at_zero.try_collect().await
    }

    /// The account and region of these functions; an error if something saved is elsewhere.
    ///
    /// With the wrong profile every saved function would look deleted, and what was saved would be given
    /// up. A store in AWS is in the same place as the functions; a folder is not.
    pub(crate) async fn origin(
        &self,
        store: &Store,
        saved: &Saved,
        inventory: &Inventory,
    ) -> Result<Option<String>, Error> {
        let origins = saved.documents.iter().map(|d| d.origin.as_str());
        // An earlier version could save a document without one.
        let origins: BTreeSet<&str> = origins.filter(|origin| !origin.is_empty()).collect();
        let here = match (inventory.functions.values().next(), store) {
            (Some(function), _) => Some(function.origin.clone()),
            (None, Store::File(_)) if !origins.is_empty() => self.fleet.origin(self.fence).await?,
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
}

/// Adds a function's triggers. They are read as soon as the function is, while other functions are still
/// read: the two are on different budgets.
async fn with_events(
    name: &str,
    found: Result<Option<ObservedFunction>, LambdaError>,
    reader: Option<&Reader<'_>>,
) -> Result<Option<(ObservedFunction, Option<FunctionEvents>)>, LambdaError> {
    let Some(function) = found? else {
        return Ok(None);
    };
    let events = match reader {
        Some(reader) => Some(reader.read(name, &function).await?),
        None => None,
    };
    Ok(Some((function, events)))
}
