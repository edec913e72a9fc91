//! The table of `maintenance history`.

use std::time::Duration;

use comfy_table::{ColumnConstraint, Table};
use jiff::tz::TimeZone;
use maintenance_control::{RoleTransition, describe};

use super::reader::localized;
use super::table::{self, dash, lines};
use crate::printable::printable;
use crate::settings;

/// The longest name in a terminal that is narrow.
const MOST_BY: usize = 12;
const BY: usize = 4;
const DURATION: usize = 6;
const RESULT: usize = 7;
const COLUMNS: [&str; 10] = [
    "WHEN", "APP", "ROLE", "CHANGE", "BY", "SOURCE", "DURATION", "RESULT", "USER", "NOTE",
];

/// One line a transition, columns apart by two spaces, and a dash where there is nothing. In a terminal whose
/// `width` is too narrow for that, what says least is on lines of its own below. Those of a product have a column that
/// names the app.
pub(crate) fn history(
    transitions: &[&RoleTransition],
    is_product: bool,
    width: Option<usize>,
) -> String {
    let zone = settings::now().time_zone().clone();
    let rows: Vec<_> = transitions.iter().map(|it| cells(it, &zone)).collect();
    let shown = |name: &str| is_product || name != "APP";
    let all = lines(&table(&rows, shown));
    let longest = all.iter().map(|line| line.chars().count()).max();
    if width.is_none_or(|width| longest <= Some(width)) {
        return all.concat();
    }
    // A name that is longer is below.
    let mut short = rows.clone();
    for row in &mut short {
        if let Some((end, _)) = row[BY].char_indices().nth(MOST_BY) {
            row[BY].replace_range(end.., "…");
        }
    }
    let below: &[&str] = match is_product {
        true => &["SOURCE", "USER", "NOTE", "DURATION", "RESULT"],
        false => &["SOURCE", "USER", "NOTE"],
    };
    let table = table(&short, |name| shown(name) && !below.contains(&name));
    let mut narrow = lines(&table);
    for (line, (row, transition)) in narrow.iter_mut().skip(1).zip(rows.iter().zip(transitions)) {
        let mut under = Vec::new();
        if is_product {
            under.push(match row[DURATION].as_str() {
                "-" => row[RESULT].clone(),
                duration => format!("{duration}, {}", row[RESULT]),
            });
        }
        if row[BY].chars().count() > MOST_BY {
            under.push(format!("by {}", row[BY]));
        }
        under.extend(notes(transition));
        let user = transition.entry.user.as_ref();
        under.extend(user.map(|user| format!("as {}", printable(user))));
        line.extend(under.iter().map(|note| format!("    {note}\n")));
    }
    narrow.concat()
}

fn cells(transition: &RoleTransition, zone: &TimeZone) -> [String; COLUMNS.len()] {
    let entry = &transition.entry;
    let text = |text: &Option<String>| {
        let text = text.as_deref();
        text.map_or_else(dash, |it| printable(it).into_owned())
    };
    let notes = notes(transition);
    [
        moment(transition.at(), zone),
        transition.app.to_string(),
        transition.role.to_string(),
        describe::transition(entry),
        text(&entry.by),
        entry.source.map_or_else(dash, |it| it.as_str().to_owned()),
        entry.duration.map_or_else(dash, length),
        entry.result.as_str().to_owned(),
        text(&entry.user),
        match notes.is_empty() {
            true => dash(),
            false => notes.join("; "),
        },
    ]
}

/// What a row says besides.
fn notes(transition: &RoleTransition) -> Vec<String> {
    let now = settings::now();
    let notes = describe::transition_notes(&transition.entry).into_iter();
    notes
        .map(|note| printable(&localized(&note, &now)).into_owned())
        .collect()
}

/// `2026-11-22 08:00:00 CET`.
pub(super) fn moment(at: jiff::Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

fn length(duration: Duration) -> String {
    describe::duration(Duration::from_secs(duration.as_secs()))
}

fn table(rows: &[[String; COLUMNS.len()]], kept: impl Fn(&str) -> bool) -> Table {
    let kept: Vec<usize> = (0..COLUMNS.len()).filter(|n| kept(COLUMNS[*n])).collect();
    let of = |row: &[String]| kept.iter().map(|n| row[*n].clone()).collect::<Vec<_>>();
    let mut table = table::new(
        of(&COLUMNS.map(str::to_owned)),
        rows.iter().map(|row| of(row)),
    );
    for column in table.column_iter_mut() {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}
