//! What must be true at the end, whatever happened: every function is as it was, or is named with the
//! reason, and nothing is left behind.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use maintenance_control::Report;
use maintenance_sandbox::FunctionState;

use crate::fleet::Edit;
use crate::world::{Edited, Violation, World};

impl World {
    /// Nothing of the selected functions runs, but for what somebody else did.
    pub(crate) fn check_paused(&self) -> Result<(), Violation> {
        for (name, function) in self.settled() {
            let stopped = function.reserved == Some(0)
                && function.provisioned.is_empty()
                && function.mappings.values().all(|mapping| !mapping.enabled);
            if !stopped && !self.edited.contains_key(&name) {
                return Err(format!("{name} is not paused after on: {function:?}"));
            }
        }
        Ok(())
    }

    /// After the last `off`: every function is as it was, or is named with the reason; and with the
    /// flag off nothing is saved and no lease is held.
    pub(crate) fn check_restored(&self, last: &Report) -> Result<(), Violation> {
        let now = self.settled();
        let mut named = self.named();
        named.extend(self.forgotten().iter().cloned());
        for (name, expected) in &self.expected {
            let Some(function) = now.get(name) else {
                return Err(format!("{name} is not there any more"));
            };
            match self.edited.get(name) {
                None if function == expected => {}
                None => {
                    return Err(format!(
                        "{name} is not as it was:\n was {expected:?}\n is  {function:?}"
                    ));
                }
                Some(edited) => {
                    self.check_edited(name, edited, function, named.contains(name))?;
                }
            }
        }
        for (name, edited) in &self.edited {
            if edited.edit == Edit::DeleteFunction && edited.was_saved && !named.contains(name) {
                return Err(format!("{name} is gone, and no report says so"));
            }
        }
        self.check_clean(last)
    }

    /// With the flag off nothing is saved, and in any case no lease is held.
    pub(crate) fn check_clean(&self, last: &Report) -> Result<(), Violation> {
        let on = self.flag("worker").mode.is_on();
        if on && last.is_complete() {
            return Err("the flag is on after a complete off".to_owned());
        }
        let saved = self.parameters("capacity");
        if !on && !saved.is_empty() {
            return Err(format!("the flag is off and this is saved: {saved:?}"));
        }
        match self.lease() {
            Some(lease) if lease.is_held(self.now()) => Err(format!("still held: {lease:?}")),
            _ => Ok(()),
        }
    }

    fn check_edited(
        &self,
        name: &str,
        edited: &Edited,
        function: &FunctionState,
        is_named: bool,
    ) -> Result<(), Violation> {
        let expected = &self.expected[name];
        let is_known = is_named || !edited.was_saved || self.adopted().contains(name);
        if function == expected && is_known {
            return Ok(());
        }
        if !is_named {
            return Err(format!(
                "{name} was edited ({:?}), and no report says so:\n should be {expected:?}\n is {function:?}",
                edited.edit
            ));
        }
        // Named: then the rest may be missing, but not what somebody set.
        let kept = match &edited.edit {
            Edit::Reserve(limit) => function.reserved == *limit,
            Edit::Provision(..) => function.provisioned == expected.provisioned,
            Edit::EnableMapping(_) | Edit::DisableMapping(_) | Edit::DeleteMapping(_) => {
                function.mappings == expected.mappings
            }
            Edit::DeleteFunction => true,
        };
        if !kept {
            return Err(format!(
                "{name} was edited ({:?}) and that was not kept: {function:?}",
                edited.edit
            ));
        }
        Ok(())
    }

    /// The functions that some report names with a reason.
    fn named(&self) -> BTreeSet<String> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.iter().flat_map(named_in).collect()
    }
}

/// The functions that a report names with a reason.
pub(crate) fn named_in(report: &Report) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for workers in report.roles.iter().filter_map(|role| role.workers.as_ref()) {
        named.extend(workers.drifted.iter().map(|drift| drift.function.clone()));
        named.extend(
            workers
                .failed
                .iter()
                .map(|failure| failure.function.clone()),
        );
        named.extend(workers.gone.iter().map(|gone| {
            let end = gone.find([' ', ':']).unwrap_or(gone.len());
            gone[..end].to_owned()
        }));
    }
    named
}
