//! Executing the plan of one role.

use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{LeaseRecord, Outcome};

use super::Operation;
use super::flag::FlagWriter;
use crate::drain;
use crate::error::Error;
use crate::event::Event;
use crate::execute::{Paused, Restored, Timeouts, pause, restore};
use crate::fence::AbortReason;
use crate::lease::LeaseGuard;
use crate::plan::{FunctionsPlan, PausePlan, RolePlan, with_lost};
use crate::report::{Action, RoleOutcome, RoleReport, WorkersReport};
use crate::saved::Place;

/// What writing a flag may take without its being written once more with a later moment.
const WRITING: Duration = Duration::from_secs(1);

impl Operation<'_> {
    /// Writes the flag, then pauses the functions, then notes when the role is drained. The report has what was
    /// done, also if an error ends it.
    pub(super) async fn turn_on(
        &self,
        plan: RolePlan<'_>,
        held: &LeaseGuard,
        report: &mut RoleReport,
    ) -> Result<(), Error> {
        let control = self.control;
        let is_off = report.outcome == RoleOutcome::AlreadyOff;
        let RolePlan {
            spec,
            stored,
            transition,
            functions,
            documents,
            options,
            tightens,
            warnings,
            ..
        } = plan;
        report.options = options;
        report.warnings = warnings;
        let pausing = match functions {
            Some(FunctionsPlan::Pause(pausing)) => Some(pausing),
            _ => None,
        };
        let mut writer = FlagWriter::new(control, &spec.role, held.fence(), stored);
        let mut flag = transition.flag;
        let changed = transition.outcome.changed();
        let mut write = changed;
        if transition.outcome == Outcome::TurnedOn {
            self.context.emit(Event::RoleStarted {
                action: Action::On,
                role: &spec.role,
            });
        }
        let window = flag.window.clone().unwrap_or_else(|| control.new_window());
        // A bare `on`, typed by hand, opened a window without a name; what is saved needs one.
        if flag.window.is_none() && pausing.as_ref().is_some_and(PausePlan::has_unsaved) {
            flag.window = Some(window.clone());
            write = true;
        }
        // What is about to be paused may run on for longer: until that is done, the end is unknown.
        let noted = flag.drained_at;
        if noted.is_some() && pausing.as_ref().is_some_and(PausePlan::has_steps) {
            flag.drained_at = None;
            write = true;
        }
        // A mere change of message moves nothing, unless the end was never noted.
        let starts = tightens || (changed && noted.is_none());
        let longest = spec.drain.longest();
        let gate_drains = || drain::after(control.clock.now(), longest);
        let is_noted_now = starts && pausing.is_none();
        if is_noted_now {
            flag.drained_at = Some(drain::after(control.clock.now(), longest + WRITING));
        }
        if write {
            writer.write(&flag).await?;
        }
        report.flag = Some(flag.clone());
        // Requests that a gate let pass before may run on longer than the functions.
        let handlers = spec.has_gates().then(|| match noted {
            Some(at) if !starts => at,
            _ => gate_drains(),
        });
        // No gate has seen it before it was written, however long that took.
        let seen = is_noted_now.then(gate_drains);
        if seen > flag.drained_at {
            writer.note_drained(&mut flag, seen).await?;
        }
        let is_flag_alone = pausing.is_none();
        let mut saved = Some(documents);
        if let Some(pausing) = pausing {
            let place = Place {
                store: &control.store,
                names: &control.names,
                role: &spec.role,
                window: &window,
                first: held.first_document(),
            };
            let names: Vec<String> = pausing.names().cloned().collect();
            let paused = pause(pausing, &control.fleet, place, held.fence(), self.context).await;
            let Paused {
                report: workers,
                saved: now,
                timeouts,
                end,
            } = match paused {
                Ok(paused) => paused,
                Err(error) => {
                    let reason = error.halt();
                    // While saving, with the flag on and nothing touched.
                    report.workers = reason.map(|_| WorkersReport {
                        selected: names.len(),
                        unfinished: names,
                        ..WorkersReport::default()
                    });
                    report.warnings.extend(writer.warnings);
                    return match reason {
                        Some(AbortReason::Stopped) => Ok(()),
                        _ => Err(error),
                    };
                }
            };
            let workers = report.workers.insert(workers);
            end?;
            saved = now;
            let drained_at = self.drained_at(noted, workers, timeouts);
            let drained_at = drained_at.map(|at| handlers.map_or(at, |it| it.max(at)));
            if drained_at != flag.drained_at {
                writer.note_drained(&mut flag, drained_at).await?;
            }
        }
        if let Some(saved) = saved {
            let flag = writer.version();
            held.record(&spec.role, LeaseRecord { flag, saved });
        }
        // It was never noted when the flag was set by hand: from now on, to be safe.
        let unknown = (is_flag_alone && !is_off).then(gate_drains);
        report.drained_at = flag.drained_at.or(unknown);
        report.flag = Some(flag);
        report.warnings.extend(writer.warnings);
        Ok(())
    }

    /// When none of a role's functions can still be running: not known unless all of them are paused.
    fn drained_at(
        &self,
        noted: Option<Timestamp>,
        report: &WorkersReport,
        timeouts: Timeouts,
    ) -> Option<Timestamp> {
        let paused =
            report.failed.is_empty() && report.unfinished.is_empty() && report.drifted.is_empty();
        if !paused {
            return None;
        }
        let now = self.control.clock.now();
        match noted {
            Some(at) if report.changed.is_empty() => Some(at),
            Some(at) => Some(at.max(drain::after(now, timeouts.changed))),
            // The operation that paused some of them did not come to note it.
            None => Some(drain::after(now, timeouts.all)),
        }
    }

    /// Restores the functions, then writes the flag if all of them are back. The report has what was done, also if
    /// an error ends it.
    pub(super) async fn turn_off(
        &self,
        plan: RolePlan<'_>,
        held: &LeaseGuard,
        report: &mut RoleReport,
    ) -> Result<(), Error> {
        let control = self.control;
        let role = &plan.spec.role;
        report.left = plan.left();
        report.flag = Some(plan.before.clone());
        if !plan.is_idle() {
            self.context.emit(Event::RoleStarted {
                action: Action::Off,
                role,
            });
        }
        let mut saved = plan.documents;
        let (mut workers, mut end) = (None, Ok(()));
        if let Some(FunctionsPlan::Restore(restoring)) = &plan.functions {
            let (fleet, store) = (&control.fleet, &control.store);
            let restored = restore(restoring, fleet, store, role, held.fence(), self.context);
            let restored: Restored = restored.await;
            saved = restored.saved;
            workers = Some(restored.report);
            end = restored.end;
        }
        report.workers = with_lost(workers, plan.lost);
        report.warnings = plan.warnings;
        end?;
        let mut writer = FlagWriter::new(control, role, held.fence(), plan.stored);
        if plan.transition.outcome.changed() {
            if report.is_complete() {
                match writer.write(&plan.transition.flag).await {
                    Err(error) if error.halt() == Some(AbortReason::Stopped) => {
                        report.outcome = RoleOutcome::StillOn;
                    }
                    Err(error) => {
                        // The flag may have been written all the same.
                        report.flag = None;
                        return Err(error);
                    }
                    Ok(()) => {}
                }
            } else {
                report.outcome = RoleOutcome::StillOn;
            }
        }
        let flag = writer.version();
        held.record(role, LeaseRecord { flag, saved });
        report.warnings.extend(writer.warnings);
        Ok(())
    }
}
