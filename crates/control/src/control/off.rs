//! Turning maintenance off.

use std::collections::BTreeSet;

use maintenance_flag::{
    Event as Transition, Exit, Force, Left, Mode, Outcome, Role, Step, WindowId, next,
};

use super::read::{LooksBack, Read};
use super::{Control, Off, RoleSpec, Who, finish, in_order};
use crate::error::{Error, LambdaError, in_full};
use crate::event::{Event, Run};
use crate::lease::{Halt, Held, Knowledge};
use crate::report::{Action, Failure, Report, RoleOutcome, RoleReport, WorkersReport};
use crate::workers::{Look, Restoration, Saved, failure, restore, unexplained};

/// A role whose flag and saved capacity are read, and whose transition is allowed.
struct Looked<'a> {
    spec: &'a RoleSpec,
    read: Read,
    step: Step,
    warnings: Vec<String>,
    saved: Saved,
}

/// A role with everything read and checked, and nothing changed.
struct Ready<'a> {
    spec: &'a RoleSpec,
    read: Read,
    step: Step,
    warnings: Vec<String>,
    workers: Option<Restoration>,
    /// The windows and numbers of what is saved, and of what is missed.
    numbers: BTreeSet<(WindowId, u32)>,
    /// What was saved and is not any more, as far as that is known to be a loss: functions at 0 that
    /// nothing explains, or what was saved itself where the role's functions are not known.
    lost: Vec<Failure>,
}

impl Ready<'_> {
    fn is_idle(&self) -> bool {
        !self.step.outcome.changed() && self.workers.is_none() && self.lost.is_empty()
    }

    /// Whether it opens only once the others are back: one with functions has its own to give back, but
    /// that of the visitors opens last of all.
    fn waits_for_others(&self) -> bool {
        let is_flag_alone = self.spec.functions.is_none() && self.workers.is_none();
        is_flag_alone || self.spec.role == Role::web()
    }

    fn outcome(&self) -> RoleOutcome {
        match self.step.outcome {
            Outcome::TurnedOff => RoleOutcome::TurnedOff,
            Outcome::AlreadyOff
            | Outcome::TurnedOn
            | Outcome::OptionsUpdated
            | Outcome::AlreadyOn => RoleOutcome::AlreadyOff,
        }
    }

    fn plan(self) -> RoleReport {
        RoleReport {
            role: self.spec.role.clone(),
            outcome: self.outcome(),
            workers: with_lost(self.workers.as_ref().map(Restoration::plan), self.lost),
            options: None,
            drained_at: None,
            warnings: self.warnings,
        }
    }
}

impl Control {
    /// Turns maintenance off for these roles: those with functions first, those that are a flag alone
    /// last, and those only once every function is back. Whatever is saved for a role is restored, even
    /// if somebody set its flag by hand meanwhile or its configuration selects no functions any more.
    ///
    /// # Errors
    /// [`Error`]; a failure of single functions is in the report instead.
    pub async fn off(&self, roles: &[RoleSpec], off: &Off, run: &Run<'_>) -> Result<Report, Error> {
        let mut roles = in_order(roles);
        roles.reverse();
        let held = match self.take_lease(Action::Off, &roles, run).await {
            Ok(held) => held,
            Err(error) => {
                let nothing = self.report(Action::Off, false, Vec::new());
                return finish(nothing, &roles, Err(error), &run.stop);
            }
        };
        let result = held.explain(self.off_held(&roles, off, run, &held).await);
        held.release().await;
        result
    }

    /// What [`off`](Self::off) would do. Reads only.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn plan_off(
        &self,
        roles: &[RoleSpec],
        off: &Off,
        run: &Run<'_>,
    ) -> Result<Report, Error> {
        let mut roles = in_order(roles);
        roles.reverse();
        let ready = self
            .ready_off(self.look(&roles, off, run, None).await?, off, run, None)
            .await?;
        Ok(self.report(
            Action::Off,
            true,
            ready.into_iter().map(Ready::plan).collect(),
        ))
    }

    async fn look<'a>(
        &self,
        roles: &[&'a RoleSpec],
        off: &Off,
        run: &Run<'_>,
        held: Option<&Held>,
    ) -> Result<Vec<Looked<'a>>, Error> {
        let mut all = Vec::with_capacity(roles.len());
        for spec in roles {
            let knowledge = held.map_or(Knowledge::Fresh, |held| held.knows(&spec.role));
            let reading = self.read_known(&spec.role, &knowledge, LooksBack::Keeps);
            let (read, saved) = run.stop.or(reading).await??;
            let (current, mut warnings) = self.current(&spec.role, &read, Mode::On)?;
            let step = next(&current, self.exit(off)).map_err(|source| Error::Refused {
                role: spec.role.clone(),
                source,
            })?;
            if !step.left_out.is_empty() {
                let names: Vec<_> = step.left_out.iter().map(ToString::to_string).collect();
                warnings.push(format!(
                    "its flag has no room for all that was stored: {} left out",
                    names.join(" and ")
                ));
            }
            all.push(Looked {
                spec,
                read,
                step,
                warnings,
                saved,
            });
        }
        Ok(all)
    }

    async fn ready_off<'a>(
        &self,
        looks: Vec<Looked<'a>>,
        off: &Off,
        run: &Run<'_>,
        held: Option<&Held>,
    ) -> Result<Vec<Ready<'a>>, Error> {
        let mut all = Vec::with_capacity(looks.len());
        let scaled = looks.iter().any(|look| look.spec.functions.is_some());
        let explained = match scaled {
            true => {
                let path = self.names.all_capacities();
                Saved::functions_in(&run.stop.or(self.store.list(&path)).await??)
            }
            false => BTreeSet::new(),
        };
        for Looked {
            spec,
            read,
            step,
            mut warnings,
            mut saved,
        } in looks
        {
            let look = Look {
                told: Some((run, &spec.role)),
                guard: held.map(Held::guard),
                events: false,
            };
            let known = saved.functions.keys().cloned();
            let explained = known.chain(explained.iter().cloned()).collect();
            let lost = self
                .lost(spec, &mut saved, &explained, off, look, &mut warnings)
                .await?;
            let numbers = saved.numbers.clone();
            let workers = if saved.is_empty() {
                None
            } else {
                let insist = off.restore_saved;
                Some(restore(&self.fleet, &self.store, saved, insist, look).await?)
            };
            all.push(Ready {
                spec,
                read,
                step,
                warnings,
                workers,
                numbers,
                lost,
            });
        }
        Ok(all)
    }

    /// What of a role `off` cannot give back, since what was saved of it was deleted; functions at 0 that
    /// nothing explains besides are warned of.
    async fn lost(
        &self,
        spec: &RoleSpec,
        saved: &mut Saved,
        explained: &BTreeSet<String>,
        off: &Off,
        look: Look<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Failure>, Error> {
        let missing = std::mem::take(&mut saved.missing);
        let names = missing.iter();
        let names = names.map(|(window, n)| self.names.capacity(&spec.role, window, *n));
        let names: Vec<String> = names.collect();
        let unexplained = match &spec.functions {
            None => Ok(Vec::new()),
            Some(selection) => unexplained(&self.fleet, selection, explained, look).await,
        };
        let unexplained = match unexplained {
            Err(LambdaError::Halted(halt)) => return Err(halt.into()),
            unexplained => unexplained,
        };
        let mut lost = Vec::new();
        if !names.is_empty() && off.force.is_none() {
            // What was saved may have been of other functions, too, and of more than a reservation.
            lost.extend(unexplained.iter().flatten().map(|function| {
                let function = function.clone();
                failure(function.clone(), &LambdaError::Unexplained { function })
            }));
            lost.extend(names.iter().map(|name| unknown_loss(name)));
        }
        if lost.is_empty() {
            // It is told once, and looked for no more.
            saved.numbers.retain(|number| !missing.contains(number));
            if !names.is_empty() {
                warnings.push(format!("what was saved in {} is gone", names.join(", ")));
            }
            match unexplained {
                Ok(functions) if functions.is_empty() => {}
                Ok(functions) => warnings.push(format!(
                    "at 0, and nothing is saved of it: {}",
                    functions.join(", ")
                )),
                Err(error) => warnings.push(format!(
                    "whether functions are at 0 that should not be could not be read: {}",
                    in_full(&error)
                )),
            }
        }
        Ok(lost)
    }

    fn exit(&self, off: &Off) -> Transition {
        let at = self.clock.now();
        match &off.who {
            Who::Person => Transition::Exit(Exit {
                by: self.by.clone(),
                force: off.force.clone().map(|reason| Force { reason }),
                at,
            }),
            Who::Observer(observer) => Transition::Normal {
                observer: observer.clone(),
                at,
            },
        }
    }

    async fn off_held(
        &self,
        roles: &[&RoleSpec],
        off: &Off,
        run: &Run<'_>,
        held: &Held,
    ) -> Result<Report, Error> {
        let ready = async {
            let looks = self.look(roles, off, run, Some(held)).await?;
            self.ready_off(looks, off, run, Some(held)).await
        };
        let turn_off = async |ready: Ready<'_>, done: &[RoleReport]| {
            let behind = done.iter().find(|role| !role.is_complete());
            match behind.map(|role| &role.role) {
                Some(role) if !ready.is_idle() && ready.waits_for_others() => {
                    let mut report = ready.plan();
                    report.outcome = RoleOutcome::StillOn;
                    report.warnings.push(format!(
                        "it stays on, since not every function of the {role} role is back"
                    ));
                    Ok(report)
                }
                _ => self.turn_off(ready, run, held).await,
            }
        };
        self.role_by_role(Action::Off, roles, ready.await, run, turn_off)
            .await
    }

    async fn turn_off(
        &self,
        ready: Ready<'_>,
        run: &Run<'_>,
        held: &Held,
    ) -> Result<RoleReport, Error> {
        let role = &ready.spec.role;
        let guard = held.guard();
        let mut version = ready.read.version();
        let mut saved = ready.numbers.clone();
        let outcome = ready.outcome();
        let turning_off = ready.step.outcome.changed();
        if !ready.is_idle() {
            run.tell(Event::RoleStarted {
                action: Action::Off,
                role,
            });
        }
        let workers = match &ready.workers {
            None => None,
            Some(restoration) => {
                let (report, remaining) = restoration
                    .run(&self.fleet, &self.store, role, guard, run)
                    .await?;
                saved = remaining;
                Some(report)
            }
        };
        let mut report = RoleReport {
            role: role.clone(),
            outcome,
            workers: with_lost(workers, ready.lost),
            options: None,
            drained_at: None,
            warnings: ready.warnings,
        };
        if turning_off {
            if report.is_complete() {
                let seen = ready.read.stored.as_ref();
                match self.write(role, &ready.step.flag, seen, guard).await {
                    Ok((written, warning)) => {
                        version = written;
                        report.warnings.extend(warning);
                    }
                    Err(error) if error.halt() == Some(Halt::Stopped) => {
                        report.outcome = RoleOutcome::StillOn;
                    }
                    Err(error) => return Err(error),
                }
            } else {
                report.outcome = RoleOutcome::StillOn;
            }
        }
        held.leaves(
            role,
            Left {
                flag: version,
                saved,
            },
        );
        Ok(report)
    }
}

/// What was saved in this parameter is gone, and so is what it was about.
fn unknown_loss(name: &str) -> Failure {
    Failure {
        function: name.to_owned(),
        error: "what was saved there is gone, and cannot be given back".to_owned(),
        hint: Some(
            "set by hand what the functions in it should have: reserved and provisioned concurrency, and enabled event source mappings; then run maintenance off --force --reason WHY"
                .to_owned(),
        ),
    }
}

/// The report on a role's functions, with what was lost of them.
fn with_lost(workers: Option<WorkersReport>, lost: Vec<Failure>) -> Option<WorkersReport> {
    if lost.is_empty() {
        return workers;
    }
    let mut workers = workers.unwrap_or_default();
    workers.selected += lost.len();
    workers.failed.extend(lost);
    Some(workers)
}
