//! The table of `maintenance history`.

use std::time::Duration;

use comfy_table::presets;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use jiff::tz::TimeZone;
use maintenance_control::{RoleTransition, describe};

use super::reader::localized;
use crate::printable::printable;
use crate::settings;

const COLUMNS: [&str; 10] = [
    "WHEN", "APP", "ROLE", "CHANGE", "BY", "SOURCE", "DURATION", "RESULT", "USER", "NOTE",
];

/// One line a transition, columns apart by two spaces, and a dash where there is nothing. In a terminal whose
/// `width` is too narrow for that, the source, the user and the note are on lines of their own. Those of a product
/// have a column that names the app.
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
    let Some(width) = width.filter(|width| longest > Some(*width)) else {
        return all.concat();
    };
    let mut table = table(&rows, |name| {
        shown(name) && !["SOURCE", "USER", "NOTE"].contains(&name)
    });
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.try_into().unwrap_or(u16::MAX));
    let mut narrow = lines(&table);
    // Unless a name is so long that it is broken, each row is a line.
    if narrow.len() == rows.len() + 1 {
        for (line, transition) in narrow.iter_mut().skip(1).zip(transitions) {
            let mut notes = notes(transition);
            let user = transition.entry.user.as_ref();
            notes.extend(user.map(|user| format!("as {}", printable(user))));
            line.extend(notes.iter().map(|note| format!("    {note}\n")));
        }
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
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(of(&COLUMNS.map(str::to_owned)))
        .add_rows(rows.iter().map(|row| of(row)));
    for (n, name) in kept.iter().map(|n| COLUMNS[*n]).enumerate() {
        if let Some(column) = table.column_mut(n) {
            column.set_padding((0, 2));
            if name != "BY" {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    table
}

fn lines(table: &Table) -> Vec<String> {
    let lines = table.lines();
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

fn dash() -> String {
    "-".to_owned()
}
