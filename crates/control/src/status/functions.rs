//! How the functions of a role stand, for `status` and `workers`.

use std::collections::BTreeSet;

use maintenance_flag::{Reserved, Role};

use crate::observe::Inventory;
use crate::plan::drift;
use crate::report::{Worker, WorkerState, WorkersStatus};
use crate::saved::Saved;

/// Every function of a role, one by one, for `workers`. `on` is whether the role is in maintenance.
/// `explained` are the functions that are saved for any role.
pub(crate) fn rows(
    inventory: &Inventory,
    saved: &Saved,
    explained: &BTreeSet<String>,
    role: &Role,
    on: bool,
) -> Vec<Worker> {
    let now = inventory.functions.iter().map(|(name, function)| {
        let saved = saved.functions.get(name);
        let is_at_zero = function.reserved == Reserved::Limit(0);
        let state = match saved {
            None if is_at_zero && explained.contains(name) => WorkerState::Paused,
            None if is_at_zero => WorkerState::Unexplained,
            None => WorkerState::Running,
            Some(_) if function.is_paused() => WorkerState::Paused,
            Some(_) if function.is_reserved_by_invoke() => WorkerState::Invoking,
            Some(saved) if !drift(name, saved, function).is_empty() => WorkerState::Drifted,
            Some(saved) if function.has(saved) => WorkerState::Restored,
            Some(_) if on => WorkerState::Pausing,
            Some(_) => WorkerState::Restoring,
        };
        Worker {
            role: role.clone(),
            function: name.clone(),
            state,
            now: Some(function.capacity()),
            mappings: function.mappings.len(),
            saved: saved.cloned(),
            timeout: Some(function.timeout),
        }
    });
    let gone = inventory.gone.iter().map(|name| Worker {
        role: role.clone(),
        function: name.clone(),
        state: WorkerState::Gone,
        now: None,
        mappings: 0,
        saved: saved.functions.get(name).cloned(),
        timeout: None,
    });
    let mut rows: Vec<Worker> = now.chain(gone).collect();
    rows.sort_by(|a, b| a.function.cmp(&b.function));
    rows
}

/// How the functions of a role stand, for `status`. `explained` are the functions that are saved for any
/// role.
pub(crate) fn status(
    inventory: &Inventory,
    saved: &Saved,
    explained: &BTreeSet<String>,
) -> WorkersStatus {
    let mut status = WorkersStatus {
        selected: inventory.functions.len() + inventory.gone.len() + inventory.failed.len(),
        pending: inventory.failed.keys().cloned().collect(),
        gone: inventory.gone.clone(),
        ..WorkersStatus::default()
    };
    for (name, function) in &inventory.functions {
        let known = saved.functions.get(name);
        if known.is_some() && function.is_paused() {
            status.paused += 1;
        } else if known.is_some_and(|known| !drift(name, known, function).is_empty()) {
            status.drifted.push(name.clone());
        } else if function.is_unexplained(name, saved) && !explained.contains(name) {
            status.unexplained.push(name.clone());
        } else {
            if function.is_reserved_by_invoke() {
                status.invoking.push(name.clone());
            }
            status.pending.push(name.clone());
        }
    }
    status
}
