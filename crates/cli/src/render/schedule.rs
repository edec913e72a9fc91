//! Windows to come: what would be, what was done, and the list of them.

use jiff::{Timestamp, Zoned};
use maintenance_control::describe::relative;
use maintenance_control::{RoleSchedule, ScheduleReport, WindowDocument};
use maintenance_flag::{App, Mode, ScheduleOutcome, ScheduledWindow};
use serde_json::{Value, json};

use super::Reader;
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

/// One line a window, columns apart by two spaces, and a dash where there is nothing.
pub(crate) fn schedule(listed: &[Listed], now: &Zoned) -> String {
    let header = [
        "WINDOW",
        "STARTS",
        "FOR",
        "IN",
        "ROLES",
        "BY",
        "RECURRING",
        "REASON",
    ];
    let rows = listed.iter().map(|it| cells(it, now));
    table::lines(&table::new(header, rows)).concat()
}

fn cells(listed: &Listed, now: &Zoned) -> [String; 8] {
    let ScheduledWindow {
        window,
        starts_at,
        until,
        ..
    } = &listed.window;
    let local = starts_at.to_zoned(now.time_zone().clone());
    let text = |text: &Option<String>| {
        let text = text.as_deref().map(printable);
        text.map_or_else(dash, |text| text.into_owned())
    };
    [
        window.to_string(),
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        length(*starts_at, *until),
        relative(*starts_at, now.timestamp())
            .trim_start_matches("in ")
            .replace(' ', "_"),
        listed.places.join(",").replace(' ', "/"),
        text(&listed.window.by).replace(' ', "_"),
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
