//! How roles stand, in words.

use jiff::Timestamp;
use maintenance_control::{RoleStatus, State, WorkersStatus};
use maintenance_flag::App;

use super::operation::{functions, gone};
use super::options::window_summary;

/// The line above a status.
pub(crate) fn status_heading(roles: &[RoleStatus], all: bool, app: &App) -> String {
    match roles {
        [only] if !all => format!("{} maintenance status for {app}", only.role.capitalized()),
        _ => format!("Maintenance status for {app}"),
    }
}

/// `on`, `off`, `malformed` or `unknown`.
pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::On => "on",
        State::Off => "off",
        State::Malformed => "malformed",
        State::Unknown => "unknown",
    }
}

/// What a person should know of a role beside on and off; with `named`, a line above has named the role.
pub(crate) fn status_notes(status: &RoleStatus, named: bool, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let role = status.role.capitalized();
    if let Some(options) = status.options() {
        if !named {
            lines.push(format!("{role} maintenance is {}", options.mode));
        }
        lines.extend(window_summary(&options, now));
    }
    if let Some(end) = status.opened_at() {
        lines.push(format!(
            "{role} maintenance has ended: it opened by itself at {end}"
        ));
    }
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
    let mut lines = Vec::new();
    // Of a role that is off, only what is left is told.
    if workers.selected > workers.unexplained.len() || status.state != State::Off {
        lines.push(format!(
            "{} of {} of the {} role paused",
            workers.paused,
            functions(workers.selected),
            status.role
        ));
    }
    let is_unread = |name: &&String| {
        let mut unread = status.unread.iter();
        unread.any(|it| it.function.as_ref() == Some(*name))
    };
    let pending = workers.pending.iter().filter(|name| !is_unread(name));
    lines.extend(pending.map(|name| format!("{name} is not paused")));
    lines.extend(
        workers
            .drifted
            .iter()
            .map(|name| format!("{name} drifted: somebody changed it")),
    );
    lines.extend(workers.gone.iter().map(|it| gone(it)));
    let unexplained = workers.unexplained.iter();
    lines.extend(unexplained.map(|name| format!("{name} is at 0, and nothing is saved of it")));
    lines
}

/// Since when, by whom and why a role is on: for `-v`.
pub(crate) fn status_details(status: &RoleStatus) -> Option<String> {
    let flag = status.flag.as_ref().filter(|_| status.state == State::On)?;
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
