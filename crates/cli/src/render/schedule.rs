//! Windows to come: what would be, what was done, and the list of them.

use jiff::{Timestamp, Zoned};
use maintenance_control::describe::relative;
use maintenance_control::{RoleSchedule, ScheduleReport, WindowDocument};
use maintenance_flag::{App, Mode, ScheduleOutcome, ScheduledWindow};
use serde_json::{Value, json};

use super::Reader;
use super::history::moment;
use super::product::title;
use super::table::{self, dash};
use crate::printable::printable;
use crate::settings::ProductSettings;

/// A window to come, and the roles that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) window: ScheduledWindow,
    /// `web`, or `billing-prod web` where there are several apps.
    pub(crate) places: Vec<String>,
}

/// What no gate does.
const BY_A_PROCESS: &str = "only where `maintenance serve` or `maintenance observe` runs then; elsewhere `maintenance on` during the window pauses them, and `maintenance off` restores them";

/// Above the question, and what follows of each app.
pub(crate) fn will_schedule_product(product: &ProductSettings) -> String {
    format!("Will schedule maintenance mode for {}", title(product))
}

/// The question: what is scheduled, and what happens to functions.
pub(crate) fn will_schedule(
    report: &ScheduleReport,
    accepts_loss: bool,
    reader: &Reader,
) -> Vec<String> {
    let mut lines: Vec<String> = report
        .roles
        .iter()
        .map(|role| verb("Will", role, &report.app, reader))
        .collect();
    lines.extend(about_functions(&report.roles, accepts_loss, reader));
    lines
}

/// The plan, as text.
pub(crate) fn would_reschedule(report: &ScheduleReport, reader: &Reader) -> Vec<String> {
    let mut lines: Vec<String> = report
        .roles
        .iter()
        .map(|role| verb("Would", role, &report.app, reader))
        .collect();
    let is_new = |role: &&RoleSchedule| role.outcome == ScheduleOutcome::Scheduled;
    let new: Vec<_> = report.roles.iter().filter(is_new).cloned().collect();
    let accepts_loss = new.iter().all(|role| role.window.accept_event_loss);
    lines.extend(about_functions(&new, accepts_loss, reader));
    lines
}

/// What was done, a line a role; what happens to functions once.
pub(crate) fn rescheduled(report: &ScheduleReport, reader: &Reader) -> Vec<String> {
    let mut lines = Vec::new();
    for role in &report.roles {
        let name = role.role.capitalized();
        let RoleSchedule { window, .. } = role;
        let (from, until) = (reader.moment(window.starts_at), reader.moment(window.until));
        lines.push(match (role.outcome, &role.before) {
            (ScheduleOutcome::Scheduled, _) => {
                format!("{name} maintenance is scheduled from {from} until {until}")
            }
            (ScheduleOutcome::AlreadyScheduled, _) => {
                format!("{name} maintenance is already scheduled from {from} until {until}")
            }
            (ScheduleOutcome::Moved, Some(before)) => format!(
                "{name} maintenance has been moved: changed from {} to {from}, until {until}",
                reader.moment(before.starts_at)
            ),
            (ScheduleOutcome::Moved, None) => {
                format!("{name} maintenance has been moved to {from}, until {until}")
            }
            (ScheduleOutcome::Cancelled, _) => {
                format!("{name} maintenance scheduled for {from} has been cancelled")
            }
        });
        lines.extend(role.warnings.iter().map(|it| reader.warning(it)));
    }
    let is_new = |role: &&RoleSchedule| {
        matches!(
            role.outcome,
            ScheduleOutcome::Scheduled | ScheduleOutcome::AlreadyScheduled
        )
    };
    let new: Vec<_> = report.roles.iter().filter(is_new).cloned().collect();
    if let Some(first) = new.first() {
        let window = &first.window.window;
        lines.push(reader.advice(&format!(
            "To undo it: `maintenance schedule cancel {window}`"
        )));
        let accepts_loss = first.window.accept_event_loss;
        lines.extend(about_functions(&new, accepts_loss, reader));
    }
    lines
}

/// `Will schedule web maintenance mode for demo-dev from … until …`.
fn verb(will: &str, role: &RoleSchedule, app: &App, reader: &Reader) -> String {
    let RoleSchedule { window, .. } = role;
    let (from, until) = (reader.moment(window.starts_at), reader.moment(window.until));
    let what = match window.mode {
        Mode::ReadOnly => "read-only maintenance mode",
        Mode::On | Mode::Off => "maintenance mode",
    };
    let what = format!("{} {what} for {app}", role.role);
    match (role.outcome, &role.before) {
        (ScheduleOutcome::Scheduled, _) => {
            format!("{will} schedule {what} from {from} until {until}")
        }
        (ScheduleOutcome::AlreadyScheduled, _) => {
            format!("{what} is already scheduled from {from} until {until}")
        }
        (ScheduleOutcome::Moved, before) => {
            let before = before.as_ref().map_or_else(String::new, |before| {
                format!(" from {}", reader.moment(before.starts_at))
            });
            format!("{will} move {what}{before} to {from}, until {until}")
        }
        (ScheduleOutcome::Cancelled, _) => {
            format!("{will} cancel {what}, scheduled from {from} until {until}")
        }
    }
}

/// Who pauses the functions of these roles, and which of them are not.
fn about_functions(roles: &[RoleSchedule], accepts_loss: bool, reader: &Reader) -> Vec<String> {
    let scaled: Vec<&str> = roles
        .iter()
        .filter(|role| role.has_functions)
        .map(|role| role.role.as_str())
        .collect();
    if scaled.is_empty() {
        return Vec::new();
    }
    let roles = scaled.join(" and ");
    let mut lines = vec![reader.advice(&format!(
        "The gates open and close by themselves; the functions of {roles} are paused and restored {BY_A_PROCESS}"
    ))];
    if !accepts_loss {
        lines.push(
            "Functions that would lose asynchronous events then are left running; pass --accept-event-loss to pause them, too"
                .to_owned(),
        );
    }
    lines
}

/// The windows to come, as JSON.
pub(crate) fn schedule_document(listed: &[Listed]) -> Vec<Value> {
    let document = |it: &Listed| {
        let mut document =
            serde_json::to_value(WindowDocument::from(&it.window)).unwrap_or_default();
        if let Value::Object(map) = &mut document {
            map.insert("roles".to_owned(), json!(it.places));
        }
        document
    };
    listed.iter().map(document).collect()
}

/// The columns. Where a terminal is too narrow for all, the last ones are on a line below.
const COLUMNS: [&str; 8] = [
    "WINDOW",
    "STARTS",
    "FOR",
    "IN",
    "ROLES",
    "BY",
    "RECURRING",
    "REASON",
];
/// How many columns are never below.
const FIRST: usize = 5;

/// One line a window, columns apart by two spaces, and a dash where there is nothing. A terminal has a `width`, and
/// shows times as a person reads them; elsewhere no cell but the last has a space in it.
pub(crate) fn schedule(listed: &[Listed], now: &Zoned, width: Option<usize>) -> String {
    let is_read = width.is_some();
    let rows: Vec<_> = listed.iter().map(|it| cells(it, now, is_read)).collect();
    let all = table::lines(&table::new(COLUMNS, rows.clone()));
    let longest = all.iter().map(|line| line.chars().count()).max();
    if width.is_none_or(|width| longest <= Some(width)) {
        return all.concat();
    }
    let first = |row: &[String]| row.iter().take(FIRST).cloned().collect::<Vec<_>>();
    let header = first(&COLUMNS.map(str::to_owned));
    let table = table::new(header, rows.iter().map(|row| first(row)));
    let mut narrow = table::lines(&table);
    for (line, it) in narrow.iter_mut().skip(1).zip(listed) {
        let window = &it.window;
        let below = match (&window.recurring, &window.by) {
            (Some(name), _) => Some(format!("as {name}")),
            (None, by) => by.as_ref().map(|by| format!("by {by}")),
        };
        let below = below.into_iter().chain(window.reason.clone());
        line.extend(below.map(|text| format!("    {}\n", printable(&text))));
    }
    narrow.concat()
}

/// What stands in a row; for a person to read, or without spaces.
fn cells(listed: &Listed, now: &Zoned, is_read: bool) -> [String; COLUMNS.len()] {
    let ScheduledWindow {
        window,
        starts_at,
        until,
        ..
    } = &listed.window;
    let zone = now.time_zone();
    let text = |text: &Option<String>| {
        let text = text.as_deref().map(printable);
        text.map_or_else(dash, |text| text.into_owned())
    };
    let distance = relative(*starts_at, now.timestamp());
    let distance = distance.trim_start_matches("in ");
    let (places, by) = (listed.places.join(","), text(&listed.window.by));
    let (starts, distance, places, by) = match is_read {
        true => (moment(*starts_at, zone), distance.to_owned(), places, by),
        false => (
            starts_at
                .to_zoned(zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string(),
            distance.replace(' ', "_"),
            places.replace(' ', "/"),
            by.replace(' ', "_"),
        ),
    };
    [
        window.to_string(),
        starts,
        length(*starts_at, *until),
        distance,
        places,
        by,
        text(&listed.window.recurring),
        text(&listed.window.reason),
    ]
}

/// How long it takes: `1h30m`.
fn length(from: Timestamp, until: Timestamp) -> String {
    let seconds = until.duration_since(from).as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_as_it_is_typed() {
        for (seconds, words) in [(7_200, "2h"), (5_400, "1h30m"), (90_061, "1d1h1m1s")] {
            let until = Timestamp::from_second(seconds).unwrap();
            assert_eq!(length(Timestamp::UNIX_EPOCH, until), words);
        }
    }
}
