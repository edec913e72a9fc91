//! How roles stand: who turned maintenance on, why, since and until when, and whether it is safe to migrate.

use maintenance_control::describe::{functions, gone};
use maintenance_control::{RoleStatus, State, WorkersStatus};
use maintenance_flag::{App, Flag, OwnerKind, ScheduledWindow};
use owo_colors::AnsiColors;

use super::line::Line;
use super::options::window_summary;
use super::reader::Reader;

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

/// What a person should know of a role besides on and off.
pub(crate) fn status_notes(status: &RoleStatus, reader: &Reader) -> Vec<Line> {
    let mut lines = Vec::new();
    let role = status.role.capitalized();
    if let Some(flag) = status.flag.as_ref().filter(|_| status.state == State::On) {
        let label = format!("{role} maintenance is {}", flag.mode);
        lines.push(Line::labelled(
            label,
            AnsiColors::Yellow,
            who_and_why(flag, reader),
        ));
        lines.push(safe_to_migrate(flag, reader));
    }
    let mut notes = Vec::new();
    if let Some(options) = status.options() {
        notes.extend(window_summary(&options, reader));
    }
    if let Some(next) = status.scheduled.first() {
        notes.push(next_window(status, next, reader));
    }
    if let Some(end) = status.opened_at() {
        let end = reader.moment(end);
        notes.push(format!("{role} maintenance turned off by itself at {end}"));
    }
    if let Some(workers) = &status.workers {
        notes.extend(workers_standing(status, workers));
    }
    if status.state != State::Malformed {
        notes.extend(status.warnings.iter().map(|it| reader.warning(it)));
    }
    lines.extend(notes.into_iter().map(Line::from));
    lines
}

/// `Web maintenance is scheduled from 22:00:00 CET (in 2 h) until 23:00:00 CET (in 3 h) by ana@laptop: a new database`.
fn next_window(status: &RoleStatus, next: &ScheduledWindow, reader: &Reader) -> String {
    let mut line = format!(
        "{} maintenance is scheduled from {} until {}",
        status.role.capitalized(),
        reader.moment(next.starts_at),
        reader.moment(next.until)
    );
    match (&next.recurring, &next.by) {
        (Some(name), _) => line += &format!(" as {name}"),
        (None, Some(by)) => line += &format!(" by {by}"),
        (None, None) => {}
    }
    if let Some(reason) = &next.reason {
        line += &format!(": {reason}");
    }
    match status.scheduled.len() - 1 {
        0 => line,
        more => {
            let more = format!(" ({more} more: `maintenance schedule`)");
            line + &reader.advice(&more)
        }
    }
}

/// ` since 10:41:21 CET (17 min ago) by ana@laptop: a new database`.
fn who_and_why(flag: &Flag, reader: &Reader) -> String {
    let mut line = String::new();
    if let Some(since) = flag.since {
        line += &format!(" since {}", reader.moment(since));
    }
    let by = flag.by.as_deref();
    match &flag.owner {
        Some(owner) => {
            line += &format!(" by {owner}");
            let is_other = |by: &&str| *by != owner.name;
            if let Some(by) = by.filter(is_other) {
                line += &format!(", last changed by {by}");
            }
            if owner.kind == OwnerKind::Observer {
                line += " (only it, or `off --force`, ends this)";
            }
        }
        None => line += &by.map_or_else(String::new, |by| format!(" by {by}")),
    }
    if let Some(reason) = &flag.reason {
        line += &format!(": {reason}");
    }
    line
}

fn safe_to_migrate(flag: &Flag, reader: &Reader) -> Line {
    match flag.drained_at {
        Some(at) if reader.is_past(at) => {
            let text = format!(" since {}", reader.moment(at));
            Line::labelled("  safe to migrate", AnsiColors::Green, text)
        }
        Some(at) => Line::labelled(
            "  safe to migrate after",
            AnsiColors::Yellow,
            format!(" {}", reader.moment(at)),
        ),
        None => Line::labelled(
            "  not yet safe to migrate:",
            AnsiColors::Yellow,
            " the end of in-flight work is unknown",
        ),
    }
}

fn workers_standing(status: &RoleStatus, workers: &WorkersStatus) -> Vec<String> {
    let mut lines = Vec::new();
    // Of a role that is off, only functions that are left are named.
    if workers.selected > workers.unexplained.len() || status.state != State::Off {
        lines.push(format!(
            "  {} of {} of the {} role paused",
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
    let pending = pending.filter(|name| !workers.invoking.contains(name));
    lines.extend(pending.map(|name| format!("  {name} is not paused")));
    let invoking = workers.invoking.iter();
    lines.extend(invoking.map(|name| {
        format!("  {name} may run once: `maintenance invoke` is running, or was interrupted")
    }));
    let drifted = workers.drifted.iter();
    lines.extend(drifted.map(|name| format!("  {name} drifted: changed while paused")));
    lines.extend(workers.gone.iter().map(|it| format!("  {}", gone(it))));
    let unexplained = workers.unexplained.iter();
    lines.extend(unexplained.map(|name| format!("  {name} is at 0, and nothing is saved for it")));
    lines
}
