//! Turning maintenance on.

use maintenance_flag::{Enter, Event as Transition, Mode, Outcome, Step, next};

use super::{Control, On, Read, RoleSpec, in_order, interrupted};
use crate::error::Error;
use crate::event::{Event, Run};
use crate::lease::Guard;
use crate::report::{Action, Report, RoleOutcome, RoleReport};
use crate::workers::{Place, Preparation, Saved, prepare};

/// A role with everything read and checked, and nothing changed.
struct Ready<'a> {
    spec: &'a RoleSpec,
    read: Read,
    step: Step,
    warnings: Vec<String>,
    workers: Option<Preparation>,
}

impl Ready<'_> {
    fn is_idle(&self) -> bool {
        !self.step.outcome.changed() && self.workers.is_none()
    }

    fn outcome(&self) -> RoleOutcome {
        match self.step.outcome {
            Outcome::TurnedOn => RoleOutcome::TurnedOn,
            Outcome::AlreadyOn | Outcome::TurnedOff | Outcome::AlreadyOff => RoleOutcome::AlreadyOn,
        }
    }

    fn plan(self) -> RoleReport {
        RoleReport {
            role: self.spec.role.clone(),
            outcome: self.outcome(),
            workers: self.workers.as_ref().map(Preparation::plan),
            warnings: self.warnings,
        }
    }
}

impl Control {
    /// Turns maintenance on for these roles: those that are a flag alone first, those with functions
    /// last. A role that is on keeps its window, owner, reason and time; functions that are new to it
    /// are paused.
    ///
    /// # Errors
    /// [`Error`]; a failure of single functions is in the report instead.
    pub async fn on(&self, roles: &[RoleSpec], on: &On, run: &Run<'_>) -> Result<Report, Error> {
        let roles = in_order(roles);
        // What changes nothing takes no lease, since that would be a write.
        if roles.iter().all(|spec| spec.functions.is_none()) {
            let ready = self.ready_on(&roles, on).await?;
            if ready.iter().all(Ready::is_idle) {
                return Ok(self.announce(ready, run));
            }
        }
        let held = self.take_lease(Action::On, &roles, run).await?;
        let result = self.on_held(&roles, on, run, held.guard()).await;
        held.release().await;
        result
    }

    /// What [`on`](Self::on) would do. Reads only.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn plan_on(&self, roles: &[RoleSpec], on: &On) -> Result<Report, Error> {
        let ready = self.ready_on(&in_order(roles), on).await?;
        Ok(self.report(
            Action::On,
            true,
            ready.into_iter().map(Ready::plan).collect(),
        ))
    }

    fn announce(&self, ready: Vec<Ready<'_>>, run: &Run<'_>) -> Report {
        let roles: Vec<RoleReport> = ready.into_iter().map(Ready::plan).collect();
        for role in &roles {
            run.tell(Event::RoleFinished(role));
        }
        self.report(Action::On, false, roles)
    }

    async fn ready_on<'a>(&self, roles: &[&'a RoleSpec], on: &On) -> Result<Vec<Ready<'a>>, Error> {
        let (owner, by) = self.owner(&on.who);
        let mut all = Vec::with_capacity(roles.len());
        for spec in roles {
            let read = self.read(&spec.role).await?;
            let (current, warnings) = self.current(&spec.role, &read, Mode::Off)?;
            let enter = Enter {
                owner: owner.clone(),
                by: by.clone(),
                reason: on.reason.clone(),
                window: self.new_window(),
                at: self.clock.now(),
            };
            let step =
                next(&current, Transition::Enter(enter)).map_err(|source| Error::Refused {
                    role: spec.role.clone(),
                    source,
                })?;
            step.flag.encode()?;
            let workers = match &spec.functions {
                None => None,
                Some(_) => {
                    let saved = Saved::load(&self.store, &self.names, &spec.role).await?;
                    Some(prepare(&self.fleet, &self.store, spec, saved).await?)
                }
            };
            all.push(Ready {
                spec,
                read,
                step,
                warnings,
                workers,
            });
        }
        Ok(all)
    }

    async fn on_held(
        &self,
        roles: &[&RoleSpec],
        on: &On,
        run: &Run<'_>,
        guard: &Guard,
    ) -> Result<Report, Error> {
        let mut done = Vec::with_capacity(roles.len());
        let mut end = Ok(());
        for ready in self.ready_on(roles, on).await? {
            match self.turn_on(ready, run, guard).await {
                Ok(role) => {
                    run.tell(Event::RoleFinished(&role));
                    done.push(role);
                }
                Err(error) => {
                    end = Err(error);
                    break;
                }
            }
        }
        interrupted(self.report(Action::On, false, done), roles, end)
    }

    async fn turn_on(
        &self,
        ready: Ready<'_>,
        run: &Run<'_>,
        guard: &Guard,
    ) -> Result<RoleReport, Error> {
        let role = &ready.spec.role;
        let outcome = ready.outcome();
        let Ready {
            read,
            step,
            mut warnings,
            workers,
            ..
        } = ready;
        let mut flag = step.flag;
        let mut write = step.outcome.changed();
        if write {
            run.tell(Event::RoleStarted {
                action: Action::On,
                role,
            });
        }
        let window = flag.window.clone().unwrap_or_else(|| self.new_window());
        // Whoever typed a bare `on` opened a window without a name; what is saved needs one.
        if flag.window.is_none() && workers.as_ref().is_some_and(Preparation::has_unsaved) {
            flag.window = Some(window.clone());
            write = true;
        }
        if write {
            warnings.extend(self.write(role, &flag, read.stored.as_ref(), guard).await?);
        }
        let workers = match workers {
            None => None,
            Some(preparation) => {
                let place = Place {
                    store: &self.store,
                    names: &self.names,
                    role,
                    window: &window,
                };
                Some(preparation.pause(&self.fleet, place, guard, run).await?)
            }
        };
        Ok(RoleReport {
            role: role.clone(),
            outcome,
            workers,
            warnings,
        })
    }
}
