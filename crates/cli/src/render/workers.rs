//! The table of `maintenance workers`.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use maintenance_control::{Worker, WorkerState, Workers};
use maintenance_flag::{App, Capacity};

use super::table::{self, dash, lines};
use crate::printable::printable;

/// One line a function, columns apart by two spaces, as `cut` and `awk` like them, and a dash where there is
/// nothing. In a terminal whose `width` is too narrow for that, columns that say least are left out, and saved
/// settings are on a line of their own. Those of a product have a column that names the app.
pub(crate) fn workers(apps: &[&Workers], is_product: bool, width: Option<usize>) -> String {
    let of_app = |app: &&'_ Workers| app.workers.iter().map(|it| cells(&app.app, it)).collect();
    let rows: Vec<Vec<_>> = apps.iter().map(of_app).collect();
    let rows = rows.concat();
    let shown = |name: &str| is_product || name != "APP";
    let all = lines(&table(&rows, |_, name| shown(name)));
    let longest = all.iter().map(|line| line.chars().count()).max();
    let Some(width) = width.filter(|width| longest > Some(*width)) else {
        return all.concat();
    };
    let says_something = |n: usize| rows.iter().any(|row| row[n] != dash());
    let mut table = table(&rows, |n, name| {
        shown(name) && !["TIMEOUT", "SAVED"].contains(&name) && says_something(n)
    });
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.try_into().unwrap_or(u16::MAX));
    let mut narrow = lines(&table);
    // Unless a name is so long that it is broken, each row is a line.
    if narrow.len() == rows.len() + 1 {
        let workers = apps.iter().flat_map(|app| &app.workers);
        for (line, worker) in narrow.iter_mut().skip(1).zip(workers) {
            let saved = worker.saved.as_ref().map(saved);
            line.extend(saved.map(|saved| format!("        saved: {saved}\n")));
        }
    }
    narrow.concat()
}

const COLUMNS: [&str; 9] = [
    "APP",
    "ROLE",
    "FUNCTION",
    "STATE",
    "RESERVED",
    "PROVISIONED",
    "SOURCES",
    "TIMEOUT",
    "SAVED",
];

fn cells(app: &App, worker: &Worker) -> [String; COLUMNS.len()] {
    let now = |cell: &dyn Fn(&Capacity) -> String| worker.now.as_ref().map_or_else(dash, cell);
    [
        app.to_string(),
        worker.role.to_string(),
        printable(&worker.function).into_owned(),
        state(worker.state).to_owned(),
        now(&|now| now.reserved.to_string()),
        now(&provisioned),
        now(&|now| sources(worker, now)),
        worker
            .timeout
            .map_or_else(dash, |timeout| format!("{timeout}s")),
        worker.saved.as_ref().map_or_else(dash, saved),
    ]
}

/// The columns that are `kept`, by number and name.
fn table(rows: &[[String; COLUMNS.len()]], kept: impl Fn(usize, &str) -> bool) -> Table {
    let kept: Vec<usize> = (0..COLUMNS.len())
        .filter(|n| kept(*n, COLUMNS[*n]))
        .collect();
    let of = |row: &[String]| kept.iter().map(|n| row[*n].clone()).collect::<Vec<_>>();
    let mut table = table::new(
        of(&COLUMNS.map(str::to_owned)),
        rows.iter().map(|row| of(row)),
    );
    for (n, column) in kept.iter().zip(table.column_iter_mut()) {
        column.set_cell_alignment(CellAlignment::Left);
        if COLUMNS[*n] != "FUNCTION" {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

pub(crate) fn state(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Running => "running",
        WorkerState::Paused => "paused",
        WorkerState::Pausing => "pausing",
        WorkerState::Invoking => "invoking",
        WorkerState::Restoring => "restoring",
        WorkerState::Restored => "restored",
        WorkerState::Drifted => "drifted",
        WorkerState::Gone => "gone",
        WorkerState::Unexplained => "at 0",
    }
}

/// `live=3,2=5`.
fn provisioned(settings: &Capacity) -> String {
    if settings.provisioned.is_empty() {
        return dash();
    }
    let each = settings
        .provisioned
        .iter()
        .map(|(qualifier, n)| format!("{qualifier}={n}"));
    each.collect::<Vec<_>>().join(",")
}

/// `1/2`: one of two mappings delivers.
fn sources(worker: &Worker, now: &Capacity) -> String {
    match worker.mappings {
        0 => dash(),
        all => format!("{}/{all}", now.mappings.len()),
    }
}

/// `reserved=20 provisioned=live=3 sources=2`: what `off` gives back.
fn saved(saved: &Capacity) -> String {
    let mut parts = vec![format!("reserved={}", saved.reserved)];
    if !saved.provisioned.is_empty() {
        parts.push(format!("provisioned={}", provisioned(saved)));
    }
    if !saved.mappings.is_empty() {
        parts.push(format!("sources={}", saved.mappings.len()));
    }
    parts.join(" ")
}
