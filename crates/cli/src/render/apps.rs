//! The table of `maintenance apps`.

use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use jiff::tz::TimeZone;
use maintenance_control::{RoleStatus, State, Status};

use super::history::moment;
use super::status::state;
use super::table::{self, lines};
use crate::printable::printable;
use crate::settings;

const COLUMNS: [&str; 6] = ["APP", "ROLE", "MODE", "SINCE", "BY", "REASON"];

/// One line a role, columns apart by two spaces, and a dash where there is nothing. In a terminal whose `width` is
/// too narrow for that, the reason is on a line of its own.
pub(crate) fn apps(statuses: &[Status], width: Option<usize>) -> String {
    let zone = settings::now().time_zone().clone();
    let roles = || {
        let each = statuses.iter();
        each.flat_map(|status| status.roles.iter().map(move |role| (status, role)))
    };
    let rows: Vec<_> = roles()
        .map(|(status, role)| cells(status, role, &zone))
        .collect();
    let all = lines(&table(&rows, COLUMNS.len()));
    let longest = all.iter().map(|line| line.chars().count()).max();
    let Some(width) = width.filter(|width| longest > Some(*width)) else {
        return all.concat();
    };
    let mut table = table(&rows, COLUMNS.len() - 1);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.try_into().unwrap_or(u16::MAX));
    let mut narrow = lines(&table);
    if narrow.len() == rows.len() + 1 {
        for (line, row) in narrow.iter_mut().skip(1).zip(&rows) {
            let reason = &row[COLUMNS.len() - 1];
            if reason != "-" {
                line.push_str(&format!("    {reason}\n"));
            }
        }
    }
    narrow.concat()
}

fn cells(status: &Status, role: &RoleStatus, zone: &TimeZone) -> [String; COLUMNS.len()] {
    let dash = || "-".to_owned();
    let flag = role.flag.as_ref();
    let on = flag.filter(|_| role.state == State::On);
    let mode = on.map_or(state(role.state), |flag| flag.mode.as_str());
    let by = on.and_then(|flag| match &flag.owner {
        Some(owner) => Some(owner.to_string()),
        None => flag.by.clone(),
    });
    let by = by.or_else(|| flag.and_then(|flag| flag.by.clone()));
    let reason = on.and_then(|flag| flag.reason.as_deref());
    [
        status.app.to_string(),
        role.role.to_string(),
        mode.to_owned(),
        flag.and_then(|flag| flag.since)
            .map_or_else(dash, |at| moment(at, zone)),
        by.map_or_else(dash, |by| printable(&by).into_owned()),
        reason.map_or_else(dash, |it| printable(it).into_owned()),
    ]
}

fn table(rows: &[[String; COLUMNS.len()]], columns: usize) -> Table {
    let cells = rows.iter().map(|row| row[..columns].to_vec());
    let mut table = table::new(COLUMNS[..columns].to_vec(), cells);
    for (column, name) in table.column_iter_mut().zip(COLUMNS) {
        if name != "BY" {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}
