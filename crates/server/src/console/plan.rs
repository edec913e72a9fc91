//! What an operation would do, as the pages show it that ask whether to go on.

use std::collections::{BTreeMap, BTreeSet};

use maintenance_control::{
    Action, Error, FunctionEvents, Report, RoleOutcome, RoleReport, WorkersReport, describe,
};
use sha2::{Digest, Sha256};

use super::plans::Planned;
use super::text::Failure;

/// What it would do with one app.
pub(super) struct AppPlan {
    pub(super) name: String,
    /// Why it cannot be done, or not be known.
    pub(super) failure: Option<Failure>,
    pub(super) roles: Vec<RolePlan>,
    /// Functions that lose events, or may.
    pub(super) losses: Vec<LossView>,
    /// The other functions that stop, by what becomes of their events.
    pub(super) stops: Vec<(String, Vec<String>)>,
    /// Functions that are restored, by name.
    pub(super) restored: Vec<String>,
    /// What a person should look at first.
    pub(super) warnings: Vec<String>,
    /// Whether functions have drifted.
    pub(super) has_drifted: bool,
}

pub(super) struct RolePlan {
    pub(super) name: String,
    pub(super) what: String,
    /// It is on already.
    pub(super) is_on: bool,
    /// Something of it will change.
    pub(super) changes: bool,
}

/// Functions that would lose the same events.
pub(super) struct LossView {
    pub(super) functions: Vec<String>,
    pub(super) what: String,
    /// They were not part of what the person saw before.
    pub(super) is_new: bool,
}

/// What a page has shown of losses: a digest of each, which the form sends back. So a yes is one to what was
/// seen, and nothing of the fleet has to be kept for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown(BTreeSet<String>);

impl Shown {
    /// What `planned` would lose.
    pub(super) fn of(planned: &Planned) -> Self {
        Self(
            losses(planned.results())
                .flat_map(|(app, it)| digests(app, it))
                .collect(),
        )
    }

    /// As a form sends it.
    pub(super) fn parse(text: &str) -> Self {
        let parts = text.split(',').filter(|part| !part.is_empty());
        Self(parts.map(str::to_owned).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this shows all that the function would lose. What could not be read was shown as what may all
    /// be lost.
    fn has(&self, app: &str, events: &FunctionEvents) -> bool {
        self.0.contains(&digest(&[app, &events.function, "unread"]))
            || digests(app, events).all(|digest| self.0.contains(&digest))
    }

    /// Whether this shows all that would be lost.
    pub(super) fn has_all(&self, planned: &Planned) -> bool {
        losses(planned.results()).all(|(app, it)| self.has(&app, it))
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, digest) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{digest}")?;
        }
        Ok(())
    }
}

/// The functions that would lose events, or may, with their app.
fn losses(plan: &[Result<Report, Error>]) -> impl Iterator<Item = (String, &FunctionEvents)> {
    let reports = plan.iter().filter_map(|result| result.as_ref().ok());
    reports.flat_map(|report| {
        let lossy = events_of(report).filter(|events| events.is_lossy());
        lossy.map(|events| (report.app.to_string(), events))
    })
}

/// What becomes of the work of all functions that stop.
pub(super) fn all_events(plan: &[Result<Report, Error>]) -> Vec<FunctionEvents> {
    let reports = plan.iter().filter_map(|result| result.as_ref().ok());
    reports.flat_map(events_of).cloned().collect()
}

fn events_of(report: &Report) -> impl Iterator<Item = &FunctionEvents> {
    let workers = report.roles.iter().filter_map(|role| role.workers.as_ref());
    workers.flat_map(|workers| &workers.events)
}

fn digests(app: impl AsRef<str>, events: &FunctionEvents) -> impl Iterator<Item = String> {
    let app = app.as_ref().to_owned();
    let unread = (!events.unread.is_empty()).then(|| digest(&[&app, &events.function, "unread"]));
    let lost = events.lost().map(move |it| {
        let source = it.source.as_deref().unwrap_or_default();
        let qualifier = it.qualifier.as_deref().unwrap_or_default();
        digest(&[&app, &events.function, "lost", &it.from, source, qualifier])
    });
    unread.into_iter().chain(lost)
}

/// 48 bits: as many as keep thousands of losses of one product apart.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl AppPlan {
    /// Of all apps. `seen` is what the person has seen, if anything.
    pub(super) fn all(planned: &Planned, seen: Option<&Shown>) -> Vec<Self> {
        let apps = planned.target.apps.iter().zip(planned.results());
        apps.map(|((app, _), result)| Self::of(app.app().to_string(), result, seen))
            .collect()
    }

    fn of(name: String, result: &Result<Report, Error>, seen: Option<&Shown>) -> Self {
        let mut plan = Self {
            name,
            failure: None,
            roles: Vec::new(),
            losses: Vec::new(),
            stops: Vec::new(),
            restored: Vec::new(),
            warnings: Vec::new(),
            has_drifted: false,
        };
        match result {
            Ok(report) => {
                for role in &report.roles {
                    plan.add(report.action, role, seen);
                }
            }
            Err(error) => plan.failure = Some(Failure::of(error)),
        }
        plan
    }

    fn add(&mut self, action: Action, role: &RoleReport, seen: Option<&Shown>) {
        let mut what = becomes(role.outcome).to_owned();
        if let Some(workers) = &role.workers {
            what = format!("{what}; {}", counted(action, workers));
            self.add_functions(action, workers, seen);
        }
        self.roles.push(RolePlan {
            name: role.role.to_string(),
            what,
            is_on: matches!(
                role.outcome,
                RoleOutcome::AlreadyOn | RoleOutcome::OptionsUpdated
            ),
            changes: !matches!(role.outcome, RoleOutcome::AlreadyOff | RoleOutcome::LeftOn)
                || role
                    .workers
                    .as_ref()
                    .is_some_and(|it| !it.changed.is_empty()),
        });
        self.warnings
            .extend(role.warnings.iter().map(ToString::to_string));
    }

    fn add_functions(&mut self, action: Action, workers: &WorkersReport, seen: Option<&Shown>) {
        let (lossy, others): (Vec<_>, Vec<_>) =
            workers.events.iter().partition(|events| events.is_lossy());
        for events in lossy {
            let what = describe::losses(events);
            let is_new = seen.is_some_and(|seen| !seen.has(&self.name, events));
            let function = events.function.clone();
            let mut losses = self.losses.iter_mut();
            match losses.find(|loss| loss.what == what && loss.is_new == is_new) {
                Some(loss) => loss.functions.push(function),
                None => self.losses.push(LossView {
                    functions: vec![function],
                    what,
                    is_new,
                }),
            }
        }
        let mut stops: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for events in others {
            let names = stops.entry(describe::arrivals(events)).or_default();
            names.push(events.function.clone());
        }
        self.stops.extend(stops);
        if action == Action::Off {
            self.restored.extend(workers.changed.iter().cloned());
        }
        self.has_drifted |= !workers.drifted.is_empty();
        self.warnings
            .extend(workers.drifted.iter().map(describe::drifted));
        self.warnings
            .extend(workers.gone.iter().map(|what| describe::gone(what)));
        let failed = workers.failed.iter();
        self.warnings
            .extend(failed.map(|it| format!("{}: {}", it.function, it.error)));
    }
}

/// What becomes of a role's flag.
fn becomes(outcome: RoleOutcome) -> &'static str {
    match outcome {
        RoleOutcome::TurnedOn => "turns on",
        RoleOutcome::AlreadyOn => "is on already",
        RoleOutcome::OptionsUpdated => "stays on, with other options",
        RoleOutcome::TurnedOff => "turns off",
        RoleOutcome::AlreadyOff => "is off already",
        RoleOutcome::LeftOn => "stays on: it was not turned on for this product",
        RoleOutcome::StillOn => "stays on",
        RoleOutcome::Unfinished | RoleOutcome::NotBegun => "stays as it is",
    }
}

fn counted(action: Action, workers: &WorkersReport) -> String {
    let (stop, already) = match action {
        Action::On => (("stops", "stop"), "already at zero"),
        Action::Off => (("is restored", "are restored"), "unchanged"),
    };
    let changed = workers.changed.len();
    let verb = if changed == 1 { stop.0 } else { stop.1 };
    let mut words = format!("{} {verb}", describe::functions(changed));
    if !workers.unchanged.is_empty() {
        words = format!("{words}, {} {already}", workers.unchanged.len());
    }
    words
}
