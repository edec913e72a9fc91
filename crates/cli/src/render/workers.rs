//! The table of `maintenance workers`.

use comfy_table::presets;
use comfy_table::{CellAlignment, Table};
use maintenance_control::{Settings, Worker, WorkerState, Workers};

use crate::printable::printable;

/// One line a function, columns apart by two spaces, as `cut` and `awk` like them: a dash where there
/// is nothing, and `now/saved` where both are known and differ.
pub(crate) fn workers(workers: &Workers) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "ROLE",
        "FUNCTION",
        "STATE",
        "RESERVED",
        "PROVISIONED",
        "SOURCES",
        "TIMEOUT",
        "SAVED",
    ]);
    for worker in &workers.workers {
        table.add_row([
            worker.role.to_string(),
            printable(&worker.function).into_owned(),
            state(worker.state).to_owned(),
            worker
                .now
                .as_ref()
                .map_or_else(dash, |now| now.reserved.to_string()),
            worker.now.as_ref().map_or_else(dash, provisioned),
            worker
                .now
                .as_ref()
                .map_or_else(dash, |now| sources(worker, now)),
            worker
                .timeout
                .map_or_else(dash, |timeout| format!("{timeout}s")),
            worker.saved.as_ref().map_or_else(dash, saved),
        ]);
    }
    for n in 0..8 {
        if let Some(column) = table.column_mut(n) {
            column.set_padding((0, 2));
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

fn dash() -> String {
    "-".to_owned()
}

pub(crate) fn state(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Running => "running",
        WorkerState::Paused => "paused",
        WorkerState::Pausing => "pausing",
        WorkerState::Restoring => "restoring",
        WorkerState::Restored => "restored",
        WorkerState::Drifted => "drifted",
        WorkerState::Gone => "gone",
        WorkerState::Unexplained => "at 0, nothing saved",
    }
}

/// `live=3,2=5`.
fn provisioned(settings: &Settings) -> String {
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
fn sources(worker: &Worker, now: &Settings) -> String {
    match worker.mappings {
        0 => dash(),
        all => format!("{}/{all}", now.event_sources.len()),
    }
}

/// `reserved=20 provisioned=live=3 sources=2`: what `off` gives back.
fn saved(saved: &Settings) -> String {
    let mut parts = vec![format!("reserved={}", saved.reserved)];
    if !saved.provisioned.is_empty() {
        parts.push(format!("provisioned={}", provisioned(saved)));
    }
    if !saved.event_sources.is_empty() {
        parts.push(format!("sources={}", saved.event_sources.len()));
    }
    parts.join(" ")
}
