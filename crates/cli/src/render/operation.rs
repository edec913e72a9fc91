//! What `on` and `off` say while they are at work, and what a plan says.

pub(crate) use maintenance_control::describe::functions;
use maintenance_control::describe::{arrivals, drifted, gone, outcome, updated};
use maintenance_control::{Action, GivenUp, Report, RoleOutcome, RoleReport, WorkersReport};
use maintenance_flag::{App, Owner, OwnerKind, Role};

use super::options::window_summary;
use super::reader::Reader;

/// A worker role without functions.
pub(crate) const NO_FUNCTIONS: &str = "The worker role selects no functions: only its flag is set";

/// Before the question.
pub(crate) fn will_enable(role: &Role, app: &App) -> String {
    format!("Will enable {role} maintenance mode for {app}")
}

/// Before a flag changes.
pub(crate) fn started(action: Action, role: &Role, app: &App) -> String {
    let verb = match action {
        Action::On => "Enabling",
        Action::Off => "Disabling",
    };
    format!("{verb} {role} maintenance mode for {app}")
}

/// What visitors get from now on, where that is new.
pub(crate) fn new_window_summary(report: &RoleReport, reader: &Reader) -> Vec<String> {
    let options = report.options.as_ref();
    match report.outcome {
        RoleOutcome::TurnedOn | RoleOutcome::OptionsUpdated => {
            options.map_or_else(Vec::new, |options| window_summary(options, reader))
        }
        _ => Vec::new(),
    }
}

/// All that is said of a finished role, its flag first. `selects` is whether it selects functions, and
/// `was_confirmed` whether the question said what visitors get.
pub(crate) fn finished(
    action: Action,
    report: &RoleReport,
    selects: bool,
    was_confirmed: bool,
    reader: &Reader,
) -> Vec<String> {
    let mut lines = vec![outcome(report)];
    if !was_confirmed {
        lines.extend(new_window_summary(report, reader));
    }
    match &report.workers {
        Some(workers) => lines.extend(workers_done(action, report.outcome, workers, reader)),
        None if selects => {}
        None => lines.extend(note_without_functions(action, &report.role)),
    }
    lines.extend(left_on(report, reader));
    lines.extend(report.warnings.iter().map(|it| reader.warning(it)));
    lines
}

/// Whose window it is that stays open, and what ends it.
fn left_on(report: &RoleReport, reader: &Reader) -> Option<String> {
    let left = report.left.as_ref()?;
    let by = left.owner.as_ref();
    let by = by.map_or_else(|| "by hand".to_owned(), |owner| format!("by {owner}"));
    let is_observers = |owner: &Owner| owner.kind == OwnerKind::Observer;
    let role = &report.role;
    let (of, end) = match (&left.product, left.owner.as_ref().is_some_and(is_observers)) {
        (Some(product), _) => {
            let of = format!(" for the product {product}");
            (of, format!("maintenance off --product {product}"))
        }
        (None, false) => (String::new(), format!("maintenance off --role {role}")),
        (None, true) => (
            String::new(),
            format!("maintenance off --role {role} --force --reason WHY"),
        ),
    };
    Some(reader.advice(&format!("  it was turned on {by}{of}; `{end}` ends it")))
}

/// What `on` says of a worker role without functions. Other roles are flags alone on purpose.
fn note_without_functions(action: Action, role: &Role) -> Option<String> {
    (action == Action::On && *role == Role::worker()).then(|| NO_FUNCTIONS.to_owned())
}

fn workers_done(
    action: Action,
    outcome: RoleOutcome,
    workers: &WorkersReport,
    reader: &Reader,
) -> Vec<String> {
    let done = match action {
        Action::On => "paused",
        Action::Off => "restored",
    };
    let mut lines = Vec::new();
    let others = workers.unchanged.len() + workers.drifted.len();
    if !workers.changed.is_empty() || others == 0 {
        lines.push(format!("{} {done}", functions(workers.changed.len())));
    }
    if !workers.unchanged.is_empty() {
        lines.push(already(action, workers.unchanged.len()));
    }
    let drifted = all_drifted(workers);
    lines.extend(match action {
        // The failure names each, and says what to do.
        Action::On => drifted.into_iter().take(1).collect(),
        Action::Off => drifted,
    });
    if action == Action::Off && !workers.drifted.is_empty() {
        lines.push(match outcome {
            RoleOutcome::StillOn => reader.advice(INSIST),
            _ => BY_HAND.to_owned(),
        });
    }
    lines.extend(all_gone(workers));
    lines
}

/// What to do about drift while what was saved is kept still.
const INSIST: &str = "`maintenance off --restore-saved` restores the saved values instead";

/// And when it is not kept any more.
const BY_HAND: &str = "The saved values are deleted now: to restore one, set it by hand";

/// How many functions drifted, and in what.
fn all_drifted(workers: &WorkersReport) -> Vec<String> {
    let count = workers.drifted_functions().len();
    let counted = (count > 0).then(|| format!("{} drifted", functions(count)));
    let named = workers.drifted.iter().map(drifted);
    counted.into_iter().chain(named).collect()
}

fn all_gone(workers: &WorkersReport) -> impl Iterator<Item = String> {
    workers.gone.iter().map(|what| {
        let mut given_up = workers.given_up.iter();
        match given_up.find(|given_up| given_up.what == *what) {
            None => gone(what),
            Some(given_up) => format!(
                "{what} no longer exists; its saved settings were {}",
                lost(given_up)
            ),
        }
    })
}

/// `reserved=20 provisioned=live=3 sources=UUID`: what nothing else knows any more.
fn lost(given_up: &GivenUp) -> String {
    let mut parts = Vec::new();
    parts.extend(
        given_up
            .reserved
            .map(|reserved| format!("reserved={reserved}")),
    );
    let provisioned = given_up.provisioned.iter();
    parts.extend(provisioned.map(|(qualifier, n)| format!("provisioned={qualifier}={n}")));
    if !given_up.event_sources.is_empty() {
        parts.push(format!("sources={}", given_up.event_sources.join(",")));
    }
    parts.join(" ")
}

/// Functions that need nothing.
fn already(action: Action, count: usize) -> String {
    match action {
        Action::On => format!("{} already at zero", functions(count)),
        Action::Off => format!("{} unchanged", functions(count)),
    }
}

/// The plan, as text: what `--dry-run` answers. `selects` is whether a role selects functions.
pub(crate) fn plan(
    report: &Report,
    selects: impl Fn(&Role) -> bool,
    reader: &Reader,
) -> Vec<String> {
    let mut lines = Vec::new();
    for role in &report.roles {
        let verb = match role.outcome {
            RoleOutcome::TurnedOn => Some("enable"),
            RoleOutcome::OptionsUpdated => Some("update"),
            RoleOutcome::TurnedOff => Some("disable"),
            RoleOutcome::AlreadyOn
            | RoleOutcome::AlreadyOff
            | RoleOutcome::LeftOn
            | RoleOutcome::StillOn
            | RoleOutcome::Unfinished
            | RoleOutcome::NotBegun => None,
        };
        let options = role.options.as_ref();
        let what = options.filter(|options| !options.updated.is_empty());
        let what = what.map_or_else(String::new, |what| format!(": {}", updated(what)));
        lines.push(match verb {
            Some(verb) => format!(
                "Would {verb} {} maintenance mode for {}{what}",
                role.role, report.app
            ),
            None => outcome(role),
        });
        lines.extend(new_window_summary(role, reader));
        match &role.workers {
            Some(workers) => lines.extend(workers_planned(report.action, workers, reader)),
            None if selects(&role.role) => {}
            None => lines.extend(note_without_functions(report.action, &role.role)),
        }
        lines.extend(left_on(role, reader));
        lines.extend(role.warnings.iter().map(|it| reader.warning(it)));
    }
    lines
}

/// A function of a plan and, if it is to be paused, what becomes of its work.
fn planned(name: &str, workers: &WorkersReport) -> String {
    let events = &workers.events;
    match events.binary_search_by(|it| it.function.as_str().cmp(name)) {
        Ok(at) => format!("  {name}: {}", arrivals(&events[at])),
        Err(_) => format!("  {name}"),
    }
}

fn workers_planned(action: Action, workers: &WorkersReport, reader: &Reader) -> Vec<String> {
    let verb = match action {
        Action::On => "pause",
        Action::Off => "restore",
    };
    let mut lines = Vec::new();
    if !workers.changed.is_empty() {
        lines.push(format!(
            "Would {verb} {}:",
            functions(workers.changed.len())
        ));
        lines.extend(workers.changed.iter().map(|name| planned(name, workers)));
    }
    let others = workers.changed.len() + workers.drifted.len();
    if !workers.unchanged.is_empty() || others == 0 {
        lines.push(already(action, workers.unchanged.len()));
    }
    for failure in &workers.failed {
        lines.push(format!(
            "{} could not be read: {}",
            failure.function, failure.error
        ));
    }
    lines.extend(all_drifted(workers));
    if action == Action::Off && !workers.drifted.is_empty() {
        lines.push(reader.advice(INSIST));
    }
    lines.extend(all_gone(workers));
    lines
}
