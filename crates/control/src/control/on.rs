//! Turning maintenance on.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{Flag, Left, Mode, Outcome, Role, Step, WindowId};

use super::read::{LooksBack, Read};
use super::{Control, On, RoleSpec, finish, in_order};
use crate::drain;
use crate::error::Error;
use crate::event::{Event, Run};
use crate::events::{self, FunctionEvents};
use crate::lease::{Guard, Halt, Held, Knowledge};
use crate::report::{Action, OptionsReport, Report, RoleOutcome, RoleReport, WorkersReport};
use crate::store::{Revision, Stored};
use crate::workers::{Look, Paused, Place, Preparation, Timeouts, prepare};

/// What writing a flag may take without its being written once more with a later moment.
const WRITING: Duration = Duration::from_secs(1);

/// A role with everything read and checked, and nothing changed.
struct Ready<'a> {
    spec: &'a RoleSpec,
    read: Read,
    step: Step,
    warnings: Vec<String>,
    workers: Option<Preparation>,
    saved: BTreeSet<(WindowId, u32)>,
    options: Option<OptionsReport>,
    /// Whether more is refused than was before: what had begun until now has to end first.
    tightened: bool,
}

impl Ready<'_> {
    fn outcome(&self) -> RoleOutcome {
        match self.step.outcome {
            Outcome::TurnedOn => RoleOutcome::TurnedOn,
            Outcome::OptionsUpdated => RoleOutcome::OptionsUpdated,
            Outcome::AlreadyOn | Outcome::TurnedOff | Outcome::AlreadyOff => RoleOutcome::AlreadyOn,
        }
    }

    fn has_unsettled(&self) -> bool {
        let workers = self.workers.as_ref();
        workers.is_some_and(Preparation::has_unsettled)
    }

    fn plan(self) -> RoleReport {
        RoleReport {
            role: self.spec.role.clone(),
            outcome: self.outcome(),
            workers: self.workers.as_ref().map(Preparation::plan),
            options: self.options,
            drained_at: None,
            warnings: self.warnings,
        }
    }
}

impl On {
    /// Whether the question showed all that a function loses.
    fn has_shown(&self, events: &FunctionEvents) -> bool {
        let mut shown = self.shown.iter();
        let shown = shown.find(|shown| shown.function == events.function);
        shown.is_some_and(|shown| events.loses_no_more_than(shown))
    }
}

impl Control {
    /// Turns maintenance on for these roles: those that are a flag alone first, those with functions
    /// last, and of these, but for web, the ones with an event source mapping that has to settle at the very
    /// end; those that waited for others' mappings are read again.
    /// A role that is on keeps its window, owner, reason and time; functions that are new to it
    /// are paused.
    ///
    /// Functions that would lose events are not paused unless that is accepted
    /// ([`On::accept_event_loss`]); those that this window has saved already are not looked at again.
    ///
    /// # Errors
    /// [`Error`]; a failure of single functions is in the report instead.
    pub async fn on(&self, roles: &[RoleSpec], on: &On, run: &Run<'_>) -> Result<Report, Error> {
        let roles = in_order(roles);
        let held = match self.take_lease(Action::On, &roles, run).await {
            Ok(held) => held,
            Err(error) => {
                let nothing = self.report(Action::On, false, Vec::new());
                return finish(nothing, &roles, Err(error), &run.stop);
            }
        };
        let result = held.explain(self.on_held(&roles, on, run, &held).await);
        held.release().await;
        result
    }

    /// Waits until no code of the roles that [`on`](Self::on) reported can still be running, and tells
    /// of it every second. Whether it came to that: not if it is not known when, or on a stop.
    pub async fn wait(&self, report: &Report, run: &Run<'_>) -> bool {
        let Some(until) = report.drained_at() else {
            return false;
        };
        loop {
            let left = until.duration_since(self.clock.now());
            let Ok(left) = Duration::try_from(left) else {
                return true;
            };
            if left.is_zero() {
                return true;
            }
            if run.stop.is_stopped() {
                return false;
            }
            run.tell(Event::Draining { left, until });
            self.clock.sleep(left.min(Duration::from_secs(1))).await;
        }
    }

    /// What [`on`](Self::on) would do. Reads only.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn plan_on(
        &self,
        roles: &[RoleSpec],
        on: &On,
        run: &Run<'_>,
    ) -> Result<Report, Error> {
        let ready = self.ready_on(&in_order(roles), on, run, None).await?;
        Ok(self.report(
            Action::On,
            true,
            ready.into_iter().map(Ready::plan).collect(),
        ))
    }

    async fn ready_on<'a>(
        &self,
        roles: &[&'a RoleSpec],
        on: &On,
        run: &Run<'_>,
        held: Option<&Held>,
    ) -> Result<Vec<Ready<'a>>, Error> {
        let mut all = Vec::with_capacity(roles.len());
        for spec in roles {
            let knowledge = held.map_or(Knowledge::Fresh, |held| held.knows(&spec.role));
            let reading = self.read_known(&spec.role, &knowledge, LooksBack::Forgets);
            let (read, saved) = run.stop.or(reading).await??;
            let (current, mut warnings) = self.current(&spec.role, &read, Mode::Off)?;
            let at = self.clock.now();
            let step = self.enter(spec, on, &current, at)?;
            let tightened = match step.outcome {
                Outcome::TurnedOn => true,
                Outcome::OptionsUpdated => {
                    current.mode == Mode::ReadOnly && step.flag.mode == Mode::On
                }
                Outcome::AlreadyOn | Outcome::TurnedOff | Outcome::AlreadyOff => false,
            };
            let mut options = OptionsReport::of(&step.flag);
            if step.outcome == Outcome::OptionsUpdated {
                options = options.since(&current, &step.flag);
            }
            if let Some(end) = step.flag.opens_at().filter(|_| spec.functions.is_some()) {
                warnings.push(format!(
                    "its flag opens by itself at {end}, and its functions stay paused until maintenance off --role {}",
                    spec.role
                ));
            }
            let numbers = saved.numbers.clone();
            let workers = match &spec.functions {
                None => None,
                Some(_) => {
                    let look = Look {
                        told: Some((run, &spec.role)),
                        guard: held.map(Held::guard),
                        events: held.is_none() || !on.accept_event_loss,
                    };
                    let workers = prepare(&self.fleet, &self.store, spec, saved, look).await?;
                    let new = workers.events().iter();
                    let new = new.filter(|events| !on.shown.contains(events)).cloned();
                    warnings.extend(events::unseen(&new.collect::<Vec<_>>()));
                    // Of a window that is open, all that was at 0 when it opened is saved.
                    let at_zero = workers.unsaved_at_zero();
                    if step.outcome != Outcome::TurnedOn && !at_zero.is_empty() {
                        warnings.push(format!(
                            "at 0, and nothing was saved of it until now: {}",
                            at_zero.join(", ")
                        ));
                    }
                    Some(workers)
                }
            };
            all.push(Ready {
                spec,
                read,
                step,
                warnings,
                workers,
                saved: numbers,
                options: Some(options).filter(|options| !options.is_plain()),
                tightened,
            });
        }
        Ok(all)
    }

    async fn on_held(
        &self,
        roles: &[&RoleSpec],
        on: &On,
        run: &Run<'_>,
        held: &Held,
    ) -> Result<Report, Error> {
        let mut ready = self.ready_lossless(roles, on, run, held).await;
        let mut roles = roles.to_vec();
        // From which role on what was read is old.
        let mut old_from = 0;
        if let Ok(ready) = &mut ready {
            // What has to settle first holds up no other role, either; but no request shall reach an app
            // whose workers are stopped.
            ready.sort_by_key(|ready| ready.spec.role != Role::web() && ready.has_unsettled());
            roles = ready.iter().map(|ready| ready.spec).collect();
            let first = ready.iter().position(Ready::has_unsettled);
            old_from = first.map_or(ready.len(), |first| first + 1);
        }
        let turn_on = async |mut ready: Ready<'_>, done: &[RoleReport]| {
            // It waited for mappings of another, for minutes perhaps.
            if done.len() >= old_from && ready.workers.is_some() {
                let again = self.ready_lossless(&[ready.spec], on, run, held).await?;
                ready = again.into_iter().next().unwrap_or(ready);
            }
            self.turn_on(ready, run, held).await
        };
        self.role_by_role(Action::On, &roles, ready, run, turn_on)
            .await
    }

    /// Reads roles, and refuses if work would be lost that nobody has accepted to lose.
    async fn ready_lossless<'a>(
        &self,
        roles: &[&'a RoleSpec],
        on: &On,
        run: &Run<'_>,
        held: &Held,
    ) -> Result<Vec<Ready<'a>>, Error> {
        let ready = self.ready_on(roles, on, run, Some(held)).await?;
        let workers = ready.iter().filter_map(|ready| ready.workers.as_ref());
        let lossy: Vec<_> = workers
            .flat_map(Preparation::events)
            .filter(|events| events.is_lossy() && !on.has_shown(events))
            .cloned()
            .collect();
        if !on.accept_event_loss && !lossy.is_empty() {
            return Err(Error::EventsLost { functions: lossy });
        }
        Ok(ready)
    }

    async fn turn_on(
        &self,
        ready: Ready<'_>,
        run: &Run<'_>,
        held: &Held,
    ) -> Result<RoleReport, Error> {
        let role = &ready.spec.role;
        let outcome = ready.outcome();
        let Ready {
            read,
            step,
            mut warnings,
            workers,
            saved,
            options,
            tightened,
            ..
        } = ready;
        let guard = held.guard();
        let mut version = read.version();
        let mut flag = step.flag;
        let mut write = step.outcome.changed();
        if step.outcome == Outcome::TurnedOn {
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
        // What is about to be paused may run on for longer: until that is done, nobody knows.
        let noted = flag.drained_at;
        if noted.is_some() && workers.as_ref().is_some_and(Preparation::has_steps) {
            flag.drained_at = None;
            write = true;
        }
        // A mere change of message moves nothing, unless nobody has noted it yet.
        let starts = tightened || (step.outcome.changed() && noted.is_none());
        let alone = (starts && workers.is_none()).then(|| ready.spec.drain.longest());
        flag.drained_at = match alone {
            Some(longest) => Some(drain::after(self.clock.now(), longest + WRITING)),
            None => flag.drained_at,
        };
        if write {
            let (written, warning) = self.write(role, &flag, read.stored.as_ref(), guard).await?;
            version = written;
            warnings.extend(warning);
        }
        // Requests that a gate let pass before may run on longer than the functions.
        let handlers = ready.spec.has_gates().then(|| match noted {
            Some(at) if !starts => at,
            _ => drain::after(self.clock.now(), ready.spec.drain.longest()),
        });
        // No gate has seen it before it was written, however long that took.
        let seen = alone.map(|longest| drain::after(self.clock.now(), longest));
        if seen > flag.drained_at {
            let (written, warning) = self.note(role, &mut flag, version, seen, guard).await?;
            version = written;
            warnings.extend(warning);
        }
        let mut saved = Some(saved);
        let workers = match workers {
            None => None,
            Some(preparation) => {
                let place = Place {
                    store: &self.store,
                    names: &self.names,
                    role,
                    window: &window,
                    first: held.first_document(),
                };
                let names: Vec<String> = preparation.names().cloned().collect();
                let paused = preparation.pause(&self.fleet, place, guard, run).await;
                let Paused {
                    report,
                    saved: now,
                    timeouts,
                } = match paused {
                    // Stopped while saving, with the flag on and nothing touched.
                    Err(error) if error.halt() == Some(Halt::Stopped) => {
                        let workers = WorkersReport {
                            selected: names.len(),
                            unfinished: names,
                            ..WorkersReport::default()
                        };
                        return Ok(RoleReport {
                            role: role.clone(),
                            outcome,
                            workers: Some(workers),
                            options,
                            drained_at: None,
                            warnings,
                        });
                    }
                    paused => paused?,
                };
                saved = now;
                let drained_at = self.drained_at(noted, &report, timeouts);
                let drained_at = drained_at.map(|at| handlers.map_or(at, |it| it.max(at)));
                if drained_at != flag.drained_at {
                    let (written, warning) = self
                        .note(role, &mut flag, version, drained_at, guard)
                        .await?;
                    version = written;
                    warnings.extend(warning);
                }
                Some(report)
            }
        };
        if let Some(saved) = saved {
            let flag = version;
            held.leaves(role, Left { flag, saved });
        }
        // Nobody noted it when the flag was set by hand: from now on, to be safe.
        let unknown = workers
            .is_none()
            .then(|| drain::after(self.clock.now(), ready.spec.drain.longest()));
        Ok(RoleReport {
            role: role.clone(),
            outcome,
            workers,
            options,
            drained_at: flag.drained_at.or(unknown),
            warnings,
        })
    }

    /// Notes in a flag that is written when its role is drained. On a stop it is only not stored.
    async fn note(
        &self,
        role: &Role,
        flag: &mut Flag,
        version: u64,
        drained_at: Option<Timestamp>,
        guard: &Guard,
    ) -> Result<(u64, Option<String>), Error> {
        let seen = Stored {
            value: self.encode(role, flag)?,
            revision: Revision(version),
        };
        flag.drained_at = drained_at;
        match self.write(role, flag, Some(&seen), guard).await {
            Err(error) if error.halt() == Some(Halt::Stopped) => Ok((version, None)),
            written => written,
        }
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
        let now = self.clock.now();
        match noted {
            Some(at) if report.changed.is_empty() => Some(at),
            Some(at) => Some(at.max(drain::after(now, timeouts.changed))),
            // The operation that paused some of them did not come to note it.
            None => Some(drain::after(now, timeouts.all)),
        }
    }
}
