//! How a report reads: the sentences that people and their scripts know. Pure; nothing is printed here.

use maintenance_control::{
    Action, Drift, Report, RoleOutcome, RoleReport, RoleStatus, State, WorkersReport, WorkersStatus,
};
use maintenance_flag::{App, Role};

use crate::exit_code::Outcome;
use crate::failure::Failure;

/// What is said of the worker role when nothing is configured for it.
pub(crate) const NO_FUNCTIONS: &str = "The worker role selects no functions: only its flag is set";

/// `3 functions`.
pub(crate) fn functions(count: usize) -> String {
    match count {
        1 => "1 function".to_owned(),
        _ => format!("{count} functions"),
    }
}

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

/// What became of a role's flag.
pub(crate) fn outcome(report: &RoleReport) -> String {
    let role = report.role.capitalized();
    match report.outcome {
        RoleOutcome::TurnedOn => format!("{role} maintenance has been turned on"),
        RoleOutcome::AlreadyOn => format!("{role} maintenance is already on"),
        RoleOutcome::TurnedOff => format!("{role} maintenance has been turned off"),
        RoleOutcome::AlreadyOff => format!("{role} maintenance is already off"),
        RoleOutcome::StillOn => format!("{role} maintenance is still on"),
        RoleOutcome::NotBegun => format!("{role} maintenance was not begun"),
    }
}

/// All that is said of a finished role, its flag first. `selects` is whether it selects functions.
pub(crate) fn finished(action: Action, report: &RoleReport, selects: bool) -> Vec<String> {
    let mut lines = vec![outcome(report)];
    match &report.workers {
        Some(workers) => lines.extend(workers_done(action, workers)),
        None if selects => {}
        None => lines.extend(note_without_functions(action, &report.role)),
    }
    lines.extend(
        report
            .warnings
            .iter()
            .map(|warning| format!("Warning: {warning}")),
    );
    lines
}

/// What `on` says of a worker role without functions. Other roles are flags alone on purpose.
fn note_without_functions(action: Action, role: &Role) -> Option<String> {
    (action == Action::On && *role == Role::worker()).then(|| NO_FUNCTIONS.to_owned())
}

fn workers_done(action: Action, workers: &WorkersReport) -> Vec<String> {
    let done = match action {
        Action::On => "paused",
        Action::Off => "restored",
    };
    let mut lines = Vec::new();
    if !workers.changed.is_empty() || workers.unchanged.is_empty() {
        lines.push(format!("{} {done}", functions(workers.changed.len())));
    }
    if !workers.unchanged.is_empty() {
        lines.push(already(action, workers.unchanged.len()));
    }
    lines.extend(workers.drifted.iter().map(drifted));
    lines.extend(workers.gone.iter().map(|it| gone(it)));
    lines
}

/// Functions that need nothing.
fn already(action: Action, count: usize) -> String {
    match action {
        Action::On => format!("{} at zero already", functions(count)),
        Action::Off => format!("{} unchanged", functions(count)),
    }
}

fn drifted(drift: &Drift) -> String {
    let Drift {
        function,
        setting,
        saved,
        now,
    } = drift;
    format!(
        "{function} drifted: somebody changed its {setting}, which is {now} and was {saved}; it was left so"
    )
}

fn gone(what: &str) -> String {
    format!("{what} is gone: it was saved, and does not exist any more")
}

/// The plan, as text: what `--dry-run` answers. `selects` is whether a role selects functions.
pub(crate) fn plan(report: &Report, selects: impl Fn(&Role) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for role in &report.roles {
        let verb = match role.outcome {
            RoleOutcome::TurnedOn => Some("enable"),
            RoleOutcome::TurnedOff => Some("disable"),
            RoleOutcome::AlreadyOn
            | RoleOutcome::AlreadyOff
            | RoleOutcome::StillOn
            | RoleOutcome::NotBegun => None,
        };
        lines.push(match verb {
            Some(verb) => format!(
                "Would {verb} {} maintenance mode for {}",
                role.role, report.app
            ),
            None => outcome(role),
        });
        match &role.workers {
            Some(workers) => lines.extend(workers_planned(report.action, workers)),
            None if selects(&role.role) => {}
            None => lines.extend(note_without_functions(report.action, &role.role)),
        }
        lines.extend(
            role.warnings
                .iter()
                .map(|warning| format!("Warning: {warning}")),
        );
    }
    lines
}

fn workers_planned(action: Action, workers: &WorkersReport) -> Vec<String> {
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
        lines.extend(workers.changed.iter().map(|name| format!("  {name}")));
    }
    if !workers.unchanged.is_empty() || workers.changed.is_empty() {
        lines.push(already(action, workers.unchanged.len()));
    }
    for failure in &workers.failed {
        lines.push(format!(
            "{} could not be read: {}",
            failure.function, failure.error
        ));
    }
    lines.extend(workers.drifted.iter().map(drifted));
    lines.extend(workers.gone.iter().map(|it| gone(it)));
    lines
}

/// What went wrong in a finished operation, if anything did. `back` is the command that goes the other
/// way.
pub(crate) fn problem(report: &Report, back: &str) -> Option<Failure> {
    if report.interrupted {
        let failure = Failure::new(
            Outcome::Interrupted,
            "interrupted before everything was done",
        );
        return Some(with_failures(failure, report).hint(format!(
            "run the same command again to go on where it stopped, or `{back}` to go back"
        )));
    }
    if report.is_complete() {
        return None;
    }
    let state = match report.action {
        Action::On => "not paused",
        Action::Off => "not restored",
    };
    let left: Vec<String> = report
        .roles
        .iter()
        .filter(|role| !role.is_complete())
        .map(|role| {
            let workers = role.workers.as_ref();
            let selected = workers.map_or(0, |workers| workers.selected);
            let count = workers.map_or(0, |workers| not_where_they_should_be(role, workers));
            let of = if selected > count {
                format!("{count} of ")
            } else {
                String::new()
            };
            format!(
                "{of}{} of the {} role",
                functions(selected.max(count)),
                role.role
            )
        })
        .collect();
    let verb = if left.len() == 1 && left[0].starts_with("1 ") {
        "is"
    } else {
        "are"
    };
    let message = format!("{} {verb} {state}", left.join(" and "));
    let failure = with_failures(Failure::new(Outcome::Partial, message), report);
    Some(failure.hint("run the same command again: it goes on with what is left"))
}

/// How many functions keep the role from being complete.
fn not_where_they_should_be(role: &RoleReport, workers: &WorkersReport) -> usize {
    let drifted = match role.outcome {
        RoleOutcome::TurnedOn | RoleOutcome::AlreadyOn => {
            let mut names: Vec<_> = workers
                .drifted
                .iter()
                .map(|drift| &drift.function)
                .collect();
            names.dedup();
            names.len()
        }
        _ => 0,
    };
    workers.failed.len() + workers.unfinished.len() + drifted
}

/// Every function that failed, by name and why, and each thing to do about it once.
fn with_failures(mut failure: Failure, report: &Report) -> Failure {
    let workers = || report.roles.iter().filter_map(|role| role.workers.as_ref());
    for failed in workers().flat_map(|workers| &workers.failed) {
        failure = failure.cause(format!("{}: {}", failed.function, failed.error));
    }
    if report.action == Action::On {
        for drift in workers().flat_map(|workers| &workers.drifted) {
            failure = failure.cause(drifted(drift));
        }
    }
    for hint in workers()
        .flat_map(|workers| &workers.failed)
        .filter_map(|it| it.hint.as_ref())
    {
        if !failure.hints().contains(hint) {
            failure = failure.hint(hint.clone());
        }
    }
    failure
}

/// The line above a status.
pub(crate) fn status_heading(roles: &[RoleStatus], all: bool, app: &App) -> String {
    match roles {
        [only] if !all => format!("{} maintenance status for {app}", only.role.capitalized()),
        _ => format!("Maintenance status for {app}"),
    }
}

/// `on`, `off` or `malformed`.
pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::On => "on",
        State::Off => "off",
        State::Malformed => "malformed",
    }
}

/// What a person should know of a role beside on and off.
pub(crate) fn status_notes(status: &RoleStatus) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(workers) = &status.workers {
        lines.extend(workers_standing(status, workers));
    }
    if status.state != State::Malformed {
        lines.extend(
            status
                .warnings
                .iter()
                .map(|warning| format!("Warning: {warning}")),
        );
    }
    lines
}

fn workers_standing(status: &RoleStatus, workers: &WorkersStatus) -> Vec<String> {
    let mut lines = vec![format!(
        "{} of {} of the {} role paused",
        workers.paused,
        functions(workers.selected),
        status.role
    )];
    lines.extend(
        workers
            .pending
            .iter()
            .map(|name| format!("{name} is not paused")),
    );
    lines.extend(
        workers
            .drifted
            .iter()
            .map(|name| format!("{name} drifted: somebody changed it")),
    );
    lines.extend(workers.gone.iter().map(|it| gone(it)));
    lines
}

/// Since when, by whom and why a role is on: for `-v`.
pub(crate) fn status_details(status: &RoleStatus) -> Option<String> {
    let flag = status.flag.as_ref().filter(|flag| flag.mode.is_on())?;
    let mut line = format!("{} maintenance is {}", status.role.capitalized(), flag.mode);
    if let Some(since) = flag.since {
        line += &format!(" since {since}");
    }
    if let Some(by) = &flag.by {
        line += &format!(" by {by}");
    }
    if let Some(owner) = &flag.owner {
        line += &format!(", held by {owner}");
    }
    if let Some(reason) = &flag.reason {
        line += &format!(": {reason}");
    }
    Some(line)
}
