//! Scheduled windows: what would be, what was done, and the list of them.

use jiff::{Timestamp, Zoned};
use maintenance_control::describe::relative;
use maintenance_control::{RoleSchedule, ScheduleReport};
use maintenance_flag::{Mode, ScheduleOutcome, ScheduledWindow};
use serde_json::{Value, json};

use super::Reader;
use super::history::moment;
use super::product::title;
use super::table::{self, dash};
use crate::printable::printable;
use crate::settings::ProductSettings;

/// A scheduled window, and the roles that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) window: ScheduledWindow,
    /// `web`, or `billing-prod web` where there are several apps.
    pub(crate) places: Vec<String>,
}

/// What no gate does.
const BY_A_PROCESS: &str = "only if `maintenance serve` or `maintenance observe` is running then; otherwise `maintenance on` during the window pauses them, and `maintenance off` restores them";

/// Above the question, and what follows of each app.
pub(crate) fn will_schedule_product(product: &ProductSettings) -> String {
    format!("Will schedule maintenance mode for {}", title(product))
}

/// The question, or with *Would* the plan: a line a role.
pub(crate) fn schedules(will: &str, report: &ScheduleReport, reader: &Reader) -> Vec<String> {
    let line = |role: &RoleSchedule| {
        let what = match role.window.mode {
            Mode::ReadOnly => "read-only maintenance mode",
            Mode::On | Mode::Off => "maintenance mode",
        };
        let what = format!("{} {what} for {}", role.role, report.app);
        let Change { verb, done, when } = Change::of(role, reader);
        match verb {
            Some(verb) => format!("{will} {verb} {what}{when}"),
            None => format!("{what} {done}{when}"),
        }
    };
    report.roles.iter().map(line).collect()
}

/// What was done, a line a role.
pub(crate) fn rescheduled(report: &ScheduleReport, reader: &Reader) -> Vec<String> {
    let lines = |role: &RoleSchedule| {
        let Change { done, when, .. } = Change::of(role, reader);
        let line = format!("{} maintenance {done}{when}", role.role.capitalized());
        let warnings = role.warnings.iter().map(|it| reader.warning(it));
        std::iter::once(line).chain(warnings).collect::<Vec<_>>()
    };
    report.roles.iter().flat_map(lines).collect()
}

/// What is done to the window of a role.
struct Change {
    /// None, if that is nothing.
    verb: Option<&'static str>,
    done: &'static str,
    when: String,
}

impl Change {
    fn of(role: &RoleSchedule, reader: &Reader) -> Self {
        let (window, before) = (&role.window, role.before.as_ref());
        let (from, until) = (reader.moment(window.starts_at), reader.moment(window.until));
        let moved_end = before.filter(|before| before.starts_at == window.starts_at);
        let (verb, done, when) = match (role.outcome, moved_end) {
            (ScheduleOutcome::Scheduled, _) => {
                let when = format!(" from {from} until {until}");
                (Some("schedule"), "is scheduled", when)
            }
            (ScheduleOutcome::AlreadyScheduled, _) => {
                let when = format!(" from {from} until {until}");
                (None, "is already scheduled", when)
            }
            (ScheduleOutcome::Moved, Some(before)) => {
                let before = reader.moment(before.until);
                let when = format!(" at {until}, not {before}; it starts at {from}");
                (Some("end"), "now ends", when)
            }
            (ScheduleOutcome::Moved, None) => {
                let before = before.map(|it| format!(" from {}", reader.moment(it.starts_at)));
                let before = before.unwrap_or_default();
                let when = format!("{before} to {from}, until {until}");
                (Some("move"), "has been moved", when)
            }
            (ScheduleOutcome::Cancelled, _) => {
                let when = format!(" (scheduled from {from} until {until})");
                (Some("cancel"), "has been cancelled", when)
            }
        };
        Self { verb, done, when }
    }
}

/// How a window that was scheduled is cancelled, for all of its apps.
pub(crate) fn undo(reports: &[ScheduleReport], reader: &Reader) -> Option<String> {
    let window = &new_roles(reports).next()?.window.window;
    let undo = format!("To undo it: `maintenance schedule cancel {window}`");
    Some(reader.advice(&undo))
}

/// Who pauses the functions of the roles that a window was scheduled for, and which of them are not: once for all apps.
pub(crate) fn about_functions(reports: &[ScheduleReport], reader: &Reader) -> Vec<String> {
    let scaled: Vec<_> = new_roles(reports).filter(|it| it.has_functions).collect();
    if scaled.is_empty() {
        return Vec::new();
    }
    let mut roles: Vec<&str> = Vec::new();
    for role in &scaled {
        if !roles.contains(&role.role.as_str()) {
            roles.push(role.role.as_str());
        }
    }
    let roles = roles.join(" and ");
    let mut lines = vec![reader.advice(&format!(
        "The gates open and close by themselves; the functions of {roles} are paused and restored {BY_A_PROCESS}"
    ))];
    if !scaled.iter().all(|role| role.window.accept_event_loss) {
        lines.push(
            "Functions that would lose asynchronous events then are left running; pass --accept-event-loss to pause them, too"
                .to_owned(),
        );
    }
    lines
}

/// The roles that have, or will have, a window that was asked for now.
fn new_roles(reports: &[ScheduleReport]) -> impl Iterator<Item = &RoleSchedule> {
    let roles = reports.iter().flat_map(|report| &report.roles);
    roles.filter(|role| {
        matches!(
            role.outcome,
            ScheduleOutcome::Scheduled | ScheduleOutcome::AlreadyScheduled
        )
    })
}

/// The scheduled windows, as JSON.
pub(crate) fn schedule_document(listed: &[Listed]) -> Vec<Value> {
    let document = |it: &Listed| {
        let mut document = serde_json::to_value(&it.window).unwrap_or_default();
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
/// Where the roles are; what follows them is below where a terminal is too narrow.
const ROLES: usize = 4;

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
    let width = width.unwrap_or(usize::MAX);
    let first = |count: usize| {
        let first = move |row: &[String]| row.iter().take(count).cloned().collect::<Vec<_>>();
        let header = first(&COLUMNS.map(str::to_owned));
        table::lines(&table::new(header, rows.iter().map(|row| first(row))))
    };
    let with_roles = first(ROLES + 1);
    let is_narrow = with_roles.iter().any(|line| line.chars().count() > width);
    let mut narrow = match is_narrow {
        true => first(ROLES),
        false => with_roles,
    };
    for (line, it) in narrow.iter_mut().skip(1).zip(listed) {
        let window = &it.window;
        let mut below: Vec<String> = Vec::new();
        if is_narrow {
            below.extend(it.places.iter().cloned());
        }
        below.extend(match (&window.recurring, &window.by) {
            (Some(name), _) => Some(format!("as {name}")),
            (None, by) => by.as_ref().map(|by| format!("by {by}")),
        });
        below.extend(window.reason.clone());
        let lines = below
            .iter()
            .map(|text| format!("    {}\n", printable(text)));
        line.extend(lines);
    }
    narrow.concat()
}

/// The cells of a row; for a person to read, or without spaces.
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
