//! The plan of all functions of a role.

use std::collections::{BTreeMap, BTreeSet};

use maintenance_flag::{Capacity, DecodeError, PackError, WindowId, pack};

use super::function::{FunctionPlan, plan_pause, plan_restore};
use crate::events::FunctionEvents;
use crate::fleet::LambdaError;
use crate::observe::Inventory;
use crate::report::{Failure, FunctionSteps, GivenUp, WorkersReport};
use crate::saved::Saved;

/// What becomes of a role's functions.
pub(crate) enum FunctionsPlan {
    Pause(PausePlan),
    Restore(RestorePlan),
}

impl FunctionsPlan {
    pub(crate) fn preview(&self) -> WorkersReport {
        match self {
            Self::Pause(pause) => pause.preview(),
            Self::Restore(restore) => restore.preview(),
        }
    }
}

/// Pausing the functions of a role.
#[derive(Debug)]
pub(crate) struct PausePlan {
    pub(crate) saved: Saved,
    pub(crate) inventory: Inventory,
    /// The account and region of the functions.
    pub(crate) origin: String,
}

impl PausePlan {
    /// Whether everything that may have to be saved can be.
    pub(crate) fn check_savable(&self) -> Result<(), PackError> {
        // The longest origin there is makes this answer hold for any.
        pack(&"o".repeat(64), self.not_yet_saved_at_most()).map(drop)
    }

    /// The most that may have to be saved.
    fn not_yet_saved_at_most(&self) -> BTreeMap<String, Capacity> {
        let functions = self.inventory.functions.iter();
        let capacities = functions
            .map(|(name, function)| (name.clone(), function.capacity_at_most()))
            .collect();
        self.saved.not_yet_saved(&capacities)
    }

    /// Whether there is something to save, or may be when all mappings have settled. That needs a window.
    pub(crate) fn has_unsaved(&self) -> bool {
        !self.not_yet_saved_at_most().is_empty()
    }

    /// The triggers of the functions that are new to the window, if they were asked for.
    pub(crate) fn events(&self) -> &[FunctionEvents] {
        &self.inventory.events
    }

    /// Takes out the functions that would lose events: they are not paused, and count as failed.
    pub(crate) fn spare_lossy(&mut self) {
        let Inventory {
            functions,
            failed,
            events,
            ..
        } = &mut self.inventory;
        for lossy in events.extract_if(.., |events| events.is_lossy()) {
            let function = lossy.function;
            functions.remove(&function);
            let error = LambdaError::WouldLoseEvents {
                function: function.clone(),
            };
            failed.insert(function, error);
        }
    }

    /// The functions that exist, by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let Inventory {
            functions, failed, ..
        } = &self.inventory;
        functions.keys().chain(failed.keys())
    }

    fn plans(&self) -> impl Iterator<Item = (&String, FunctionPlan)> {
        let functions = self.inventory.functions.iter();
        functions.map(|(name, function)| {
            let saved = self.saved.functions.get(name);
            (name, plan_pause(name, function, saved))
        })
    }

    /// Whether there is something to change, or may be when all mappings have settled.
    pub(crate) fn has_steps(&self) -> bool {
        self.has_unsettled() || self.plans().any(|(_, plan)| plan.changes)
    }

    pub(crate) fn has_unsettled(&self) -> bool {
        let mut functions = self.inventory.functions.values();
        functions.any(|function| !function.is_settled())
    }

    /// The functions at 0 that have nothing saved: 0 is what is saved of them next.
    pub(crate) fn unsaved_at_zero(&self) -> Vec<&str> {
        let functions = self.inventory.functions.iter();
        let at_zero = functions.filter(|(name, it)| it.is_unexplained(name, &self.saved));
        at_zero.map(|(name, _)| name.as_str()).collect()
    }

    fn preview(&self) -> WorkersReport {
        let mut report = WorkersReport {
            selected: self.names().count() + self.inventory.gone.len(),
            gone: self.inventory.gone.clone(),
            failed: self.inventory.failures().collect(),
            events: self.inventory.events.clone(),
            ..WorkersReport::default()
        };
        for (name, mut plan) in self.plans() {
            // One that is not saved yet becomes part of the window, even if it is at 0 already.
            plan.changes |= !self.saved.functions.contains_key(name);
            report.add_plan(name, plan);
        }
        report
    }
}

/// Restoring the functions that are saved for a role.
#[derive(Debug)]
pub(crate) struct RestorePlan {
    pub(crate) saved: Saved,
    pub(crate) inventory: Inventory,
    /// Put back what was saved over what another client set meanwhile.
    pub(crate) overwrite: bool,
}

impl RestorePlan {
    pub(crate) fn plans(&self) -> impl Iterator<Item = (&String, FunctionPlan)> {
        let functions = self.inventory.functions.iter();
        functions.filter_map(|(name, function)| {
            let saved = self.saved.functions.get(name)?;
            Some((name, plan_restore(name, function, saved, self.overwrite)))
        })
    }

    fn preview(&self) -> WorkersReport {
        let mut report = WorkersReport::default();
        for (name, plan) in self.plans() {
            report.add_plan(name, plan);
        }
        self.complete(report)
    }

    /// Adds what is not about functions that exist.
    pub(crate) fn complete(&self, mut report: WorkersReport) -> WorkersReport {
        report.selected = self.saved.functions.len();
        report.gone.extend(self.inventory.gone.iter().cloned());
        report.given_up = report
            .gone
            .iter()
            .filter_map(|what| GivenUp::of(what, &self.saved.functions))
            .collect();
        report.failed.extend(self.inventory.failures());
        report
            .failed
            .extend(self.saved.unreadable.iter().map(|(name, error)| Failure {
                function: name.clone(),
                error: error.to_string(),
                hint: Some(way_out(error).to_owned()),
                is_lasting: true,
            }));
        report
    }

    /// The documents that are done with once all but these functions are restored, and the numbers of
    /// those that stay. A later document replaces or adds to what an earlier one says of a function, so
    /// that it stays as long as that one does.
    pub(crate) fn restored_documents<'a>(
        &'a self,
        unrestored: impl Iterator<Item = &'a str>,
    ) -> (Vec<String>, BTreeSet<(WindowId, u32)>) {
        let failed = self.inventory.failed.keys().map(String::as_str);
        let mut kept: BTreeSet<&str> = unrestored.chain(failed).collect();
        let mut remaining = self.saved.numbers.clone();
        let mut done = Vec::new();
        for document in &self.saved.documents {
            let mut functions = document.functions.iter().map(String::as_str);
            if document.is_damaged || functions.any(|function| kept.contains(function)) {
                kept.extend(document.functions.iter().map(String::as_str));
            } else {
                remaining.remove(&document.number());
                done.push(document.name.clone());
            }
        }
        (done, remaining)
    }
}

/// What to do about saved capacity that cannot be read.
fn way_out(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Malformed { .. } => {
            "what it says was saved could not be restored: look at it, set that by hand and delete it"
        }
        // A newer version wrote it.
        _ => "upgrade maintenance, then try again",
    }
}

impl WorkersReport {
    /// Adds what a plan does with a function.
    fn add_plan(&mut self, name: &str, plan: FunctionPlan) {
        if !plan.drifted.is_empty() {
            self.drifted.extend(plan.drifted);
        } else if plan.changes {
            self.changed.push(name.to_owned());
        } else {
            self.unchanged.push(name.to_owned());
        }
        if !plan.steps.is_empty() {
            self.steps.push(FunctionSteps {
                function: name.to_owned(),
                steps: plan.steps,
            });
        }
    }
}
