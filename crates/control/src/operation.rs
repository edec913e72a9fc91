//! One operation, `on` or `off`: takes the lease, observes, plans, executes, and gives the lease back.
//!
//! Everything is read and checked before anything is changed, so that what is refused has changed nothing;
//! but for [`OnRequest::shown`]. The flag turns on before the first function is touched, and off after the last is
//! restored.

mod apps;
pub(crate) mod flag;
mod leases;
mod role;
mod schedule;

pub use apps::{AppRoles, operate_together, plan_together};
pub use schedule::{AddWindow, ScheduleRequest, plan_reschedule_together, reschedule_together};

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{
    DecodeError, Flag, Mode, Options, Outcome, Product, Role, Transition, next,
};
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::error::Error;
use crate::event::{Context, Event};
use crate::fence::{AbortReason, Fence};
use crate::fleet::Versions;
use crate::lease::{LeaseGuard, ReadBarrier};
use crate::observe::{Account, Inventory, ObserveOptions};
use crate::parameters::StaleReads;
use crate::plan::{PausePlan, RolePlan, RoleState, plan_off, plan_on, refused};
use crate::report::{Action, Report, RoleOutcome, RoleReport, RoleStatus, Warning};
use crate::request::{Actor, OffRequest, OnRequest, RoleSpec, options_for_new_window};
use crate::saved::Saved;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// To turn maintenance on: first the roles that are a flag alone, then those with functions, and of these, but
    /// for web, the ones with an event source mapping that has to settle at the very end. A role that is on keeps its
    /// window, owner, reason and time; functions that are new to it are paused.
    ///
    /// Functions that would lose events are not paused unless that is accepted
    /// ([`OnRequest::accept_event_loss`]); those that this window has saved already are not looked at again.
    On(&'a OnRequest),
    /// To turn it off: first the roles with functions, then those that are a flag alone, and those only once every
    /// function is back. Whatever is saved for a role is restored, even if its flag was set by hand meanwhile or its
    /// configuration selects no functions any more.
    Off(&'a OffRequest),
}

impl Request<'_> {
    fn action(self) -> Action {
        match self {
            Self::On(_) => Action::On,
            Self::Off(_) => Action::Off,
        }
    }

    /// As a lease names it.
    fn word(self) -> &'static str {
        match self {
            Self::On(_) => "on",
            Self::Off(_) => "off",
        }
    }

    /// The product that its windows belong to.
    fn product(&self) -> Option<&Product> {
        match self {
            Self::On(on) => on.product.as_ref(),
            Self::Off(off) => off.product.as_ref(),
        }
    }

    /// Whether a person has seen the plan and said yes.
    fn was_asked(self) -> bool {
        matches!(self, Self::On(OnRequest { shown: Some(_), .. }))
    }
}

/// An operation that may read, and with a lease change.
#[derive(Clone, Copy)]
struct Operation<'a> {
    control: &'a Control,
    request: Request<'a>,
    context: &'a Context<'a>,
    /// None for a dry run.
    held: Option<&'a LeaseGuard>,
}

impl Control {
    /// Checks that turning maintenance on is allowed and has room, for roles whose flags are these: before
    /// a person is asked whether to go on. Nothing is read.
    ///
    /// # Errors
    /// [`Error::Refused`] and [`Error::TooLarge`].
    pub fn check_on(
        &self,
        roles: &[RoleSpec],
        on: &OnRequest,
        flags: &[RoleStatus],
    ) -> Result<(), Error> {
        for spec in roles {
            let status = flags.iter().find(|status| status.role == spec.role);
            // One that is malformed is replaced.
            let flag = status.and_then(|status| status.flag.clone());
            self.turned_on(spec, on, &flag.unwrap_or_else(Flag::off))?;
        }
        Ok(())
    }

    /// Waits until no code of the roles that were turned on can still be running, and emits an
    /// event every second. Returns false if the end is unknown or a stop was asked for.
    pub async fn wait(&self, report: &Report, context: &Context<'_>) -> bool {
        match report.drained_at() {
            Some(until) => self.wait_until(until, context).await,
            None => false,
        }
    }

    /// Waits until then, and emits an event every second. Returns false if a stop was asked for.
    pub async fn wait_until(&self, until: Timestamp, context: &Context<'_>) -> bool {
        loop {
            let left = until.duration_since(self.clock.now());
            let Ok(left) = Duration::try_from(left) else {
                return true;
            };
            if left.is_zero() {
                return true;
            }
            if context.stop.is_cancelled() {
                return false;
            }
            context.emit(Event::Draining { left, until });
            self.clock.sleep(left.min(Duration::from_secs(1))).await;
        }
    }

    /// What would be done. Reads only.
    pub(crate) async fn preview(
        &self,
        roles: &[RoleSpec],
        request: Request<'_>,
        context: &Context<'_>,
    ) -> Result<Report, Error> {
        let operation = Operation {
            control: self,
            request,
            context,
            held: None,
        };
        let plans = operation.plan(&in_order(roles, request.action())).await?;
        let roles = plans.into_iter().map(RolePlan::preview).collect();
        Ok(Report {
            dry_run: true,
            ..self.report(request.action(), roles)
        })
    }

    fn report(&self, action: Action, roles: Vec<RoleReport>) -> Report {
        Report {
            app: self.app.clone(),
            action,
            dry_run: false,
            interrupted: false,
            roles,
        }
    }

    /// The result of an operation that has done these of its roles, in order, and then came to this end. On a
    /// stop the report is the result; on any other error it is in [`Error::Unfinished`] beside that error,
    /// unless no role was done: of a role that was changed before the lease was lost, there is a report, too.
    fn finish(
        &self,
        action: Action,
        done: Vec<RoleReport>,
        roles: &[&RoleSpec],
        end: Result<(), Error>,
        stop: &CancellationToken,
    ) -> Result<Report, Error> {
        let mut report = self.report(action, done);
        let mut ended_by = None;
        match end {
            Ok(()) => report.interrupted = stop.is_cancelled() && !report.is_complete(),
            Err(error) => match error.halt() {
                Some(AbortReason::Stopped) => report.interrupted = true,
                Some(AbortReason::LeaseLost) => ended_by = Some(Error::LeaseLost { source: None }),
                None => ended_by = Some(error),
            },
        }
        let done = report.roles.len();
        if let Some(error) = ended_by.take_if(|_| done == 0) {
            return Err(error);
        }
        let last = report.roles.last();
        let is_named = last.is_some_and(|role| role.outcome == RoleOutcome::Unfinished);
        for (n, spec) in roles.iter().enumerate().skip(done) {
            let outcome = if ended_by.is_some() && n == done && !is_named {
                RoleOutcome::Unfinished
            } else {
                RoleOutcome::NotBegun
            };
            report
                .roles
                .push(RoleReport::new(spec.role.clone(), outcome));
        }
        match ended_by {
            None => Ok(report),
            Some(source) => Err(Error::Unfinished {
                report: Box::new(report),
                source: Box::new(source),
            }),
        }
    }

    /// The transition of a role's flag, if that is allowed and what is written can be stored.
    fn turned_on(
        &self,
        spec: &RoleSpec,
        on: &OnRequest,
        current: &Flag,
    ) -> Result<Transition, Error> {
        let now = self.clock.now();
        let options = self.options(spec, on, current, now);
        let event = on.event(&self.by, options, self.new_window(), now);
        let transition = next(current, event).map_err(|source| refused(spec, source))?;
        // Where there are functions, something may be noted in a flag that is on already.
        if transition.outcome.changed() || spec.functions.is_some() {
            transition
                .check_size()
                .map_err(|source| self.too_large(&spec.role, source))?;
        }
        Ok(transition)
    }

    /// The options for a role whose flag is `current`. What the role has by configuration counts only
    /// when a window opens: a window that is open keeps what it has.
    fn options(&self, spec: &RoleSpec, on: &OnRequest, current: &Flag, now: Timestamp) -> Options {
        match current.mode_at(now).is_on() {
            true => on.options_for(&self.app.to_string(), spec.role.as_str()),
            false => options_for_new_window(on, &self.app, spec),
        }
    }
}

impl<'a> Operation<'a> {
    fn fence(&self) -> Option<&'a Fence> {
        self.held.map(LeaseGuard::fence)
    }

    /// Observes and plans everything. Changes nothing.
    async fn plan<'s>(&self, roles: &[&'s RoleSpec]) -> Result<Vec<RolePlan<'s>>, Error> {
        let states = self.states(roles).await?;
        self.plan_functions(states).await
    }

    async fn execute_role(
        &self,
        plan: RolePlan<'_>,
        held: &LeaseGuard,
        done: &mut Vec<RoleReport>,
    ) -> Result<(), Error> {
        let mut report = RoleReport::new(plan.spec.role.clone(), plan.outcome());
        let end = match self.request {
            Request::On(_) => self.turn_on(plan, held, &mut report).await,
            Request::Off(_) => match done.iter().find(|role| !role.is_complete()) {
                Some(behind) if waits_for_others(&plan) => {
                    report = plan.preview();
                    report.outcome = RoleOutcome::StillOn;
                    report.warnings.push(Warning::WaitsFor(behind.role.clone()));
                    Ok(())
                }
                _ => self.turn_off(plan, held, &mut report).await,
            },
        };
        if let Err(error) = end {
            // What was done in the middle of a role is known, and what is left is for the next operation.
            if error.halt() == Some(AbortReason::LeaseLost) && held.fence().may_have_changed() {
                report.outcome = RoleOutcome::Unfinished;
                done.push(report);
            }
            return Err(error);
        }
        self.context.emit(Event::RoleFinished(&report));
        done.push(report);
        Ok(())
    }

    /// Reads flags and saved capacity, and checks that every transition is allowed.
    async fn states<'s>(&self, roles: &[&'s RoleSpec]) -> Result<Vec<RoleState<'s>>, Error> {
        let mut states = Vec::with_capacity(roles.len());
        for spec in roles {
            states.push(self.state(spec).await?);
        }
        Ok(states)
    }

    async fn state<'s>(&self, spec: &'s RoleSpec) -> Result<RoleState<'s>, Error> {
        let Self {
            control, context, ..
        } = *self;
        let role = &spec.role;
        let barrier = self
            .held
            .map_or(ReadBarrier::Fresh, |held| held.barrier(role));
        let (stale_reads, malformed) = match self.request {
            Request::On(_) => (StaleReads::Forgets, Flag::off()),
            // Whose window it was is lost: it counts as the one that is left.
            Request::Off(off) => {
                let mut flag = Flag::bare(Mode::On);
                flag.product = off.product.clone();
                (StaleReads::Keeps, flag)
            }
        };
        let reading = control.read_known(role, &barrier, stale_reads);
        let (read, mut saved) = context.until_stopped(reading).await??;
        let mut warnings = Vec::new();
        // A malformed flag is replaced, since that is what is asked for; one of a newer version is not.
        let current = match read.flag {
            Ok(flag) => flag,
            Err(error @ DecodeError::Malformed { .. }) => {
                warnings.push(Warning::Malformed(error));
                malformed
            }
            Err(source) => {
                let name = control.names.flag(role);
                return Err(Error::Unreadable { name, source });
            }
        };
        let transition = match self.request {
            Request::On(on) => control.turned_on(spec, on, &current)?,
            Request::Off(off) => next(&current, off.event(&control.by, control.clock.now()))
                .map_err(|source| refused(spec, source))?,
        };
        if transition.outcome.changed() && self.request.product().is_none() {
            control.check_product(role, &current)?;
        }
        if !transition.truncated.is_empty() {
            warnings.push(Warning::Truncated(transition.truncated.clone()));
        }
        if let (Request::On(_), true) = (self.request, spec.functions.is_some())
            && let Some((name, source)) = saved.unreadable.pop()
        {
            return Err(Error::Unreadable { name, source });
        }
        Ok(RoleState {
            spec,
            stored: read.stored,
            // What a scheduled window has opened is open.
            current: current.at(control.clock.now()).into_owned(),
            transition,
            saved,
            warnings,
        })
    }

    /// Observes the functions of all roles, and plans. Refuses if events would be lost and that is neither
    /// accepted nor was shown.
    async fn plan_functions<'s>(
        &self,
        states: Vec<RoleState<'s>>,
    ) -> Result<Vec<RolePlan<'s>>, Error> {
        let control = self.control;
        let selections = states
            .iter()
            .filter_map(|state| state.spec.functions.as_ref());
        // `off` only looks whether the selected functions are at 0.
        let versions = match self.request {
            Request::On(_) => Versions::All,
            Request::Off(_) => Versions::Latest,
        };
        let account = Account::new(
            &control.fleet,
            selections,
            versions,
            self.fence(),
            self.context,
        );
        let explained = match self.request {
            Request::Off(_) => self.saved_functions(&states).await?,
            Request::On(_) => BTreeSet::new(),
        };
        let mut plans = Vec::with_capacity(states.len());
        for state in states {
            plans.push(match self.request {
                Request::On(on) => {
                    // The clock opens what is due, and nothing else.
                    let observed = match state.transition.outcome {
                        Outcome::AlreadyOff => None,
                        _ => self.observe_selected(&account, &state, on).await?,
                    };
                    plan_on(state, observed, on)?
                }
                Request::Off(off) if state.transition.outcome == Outcome::LeftOn => {
                    plan_off(state, None, Ok(Vec::new()), &control.names, off)?
                }
                Request::Off(off) => {
                    let unexplained = match &state.spec.functions {
                        None => Ok(Vec::new()),
                        Some(selection) => {
                            let known = state.saved.functions.keys().chain(&explained);
                            let known = known.cloned().collect();
                            account.unexplained(selection, &known).await
                        }
                    };
                    let observed = self.observe_saved(&account, &state).await?;
                    plan_off(state, observed, unexplained, &control.names, off)?
                }
            });
        }
        if let Request::On(on) = self.request
            && on.who == Actor::Clock
            && !on.accept_event_loss
        {
            plans.iter_mut().for_each(RolePlan::spare_lossy);
        }
        if let (Request::On(on), Some(_)) = (self.request, self.held) {
            let events = plans.iter().filter_map(RolePlan::pause);
            let events = events.flat_map(PausePlan::events);
            let lossy = events.filter(|events| events.is_lossy() && !on.has_shown(events));
            let functions: Vec<_> = lossy.cloned().collect();
            if !on.accept_event_loss && !functions.is_empty() {
                return Err(Error::EventsLost { functions });
            }
        }
        Ok(plans)
    }

    /// The functions that are saved for any role, if some of these roles select functions.
    async fn saved_functions(&self, states: &[RoleState<'_>]) -> Result<BTreeSet<String>, Error> {
        if states.iter().all(|state| state.spec.functions.is_none()) {
            return Ok(BTreeSet::new());
        }
        let path = self.control.names.all_capacities();
        let listed = self
            .context
            .until_stopped(self.control.store.list(&path))
            .await??;
        Ok(Saved::functions_in(&listed))
    }

    /// The functions that a role selects, with their account and region. None if it is a flag alone.
    async fn observe_selected(
        &self,
        account: &Account<'_>,
        state: &RoleState<'_>,
        on: &OnRequest,
    ) -> Result<Option<(Inventory, String)>, Error> {
        if state.spec.functions.is_none() {
            return Ok(None);
        }
        let options = ObserveOptions {
            role: &state.spec.role,
            selection: state.spec.functions.as_ref(),
            events: self.held.is_none() || !on.accept_event_loss,
        };
        let inventory = account.observe(&state.saved, options).await?;
        let store = &self.control.store;
        let origin = account.origin(store, &state.saved, &inventory).await?;
        Ok(Some((inventory, origin.unwrap_or_default())))
    }

    /// The functions that are saved for a role. None if nothing is.
    async fn observe_saved(
        &self,
        account: &Account<'_>,
        state: &RoleState<'_>,
    ) -> Result<Option<Inventory>, Error> {
        if state.saved.is_empty() {
            return Ok(None);
        }
        let options = ObserveOptions {
            role: &state.spec.role,
            selection: None,
            events: false,
        };
        let inventory = account.observe(&state.saved, options).await?;
        let store = &self.control.store;
        account.origin(store, &state.saved, &inventory).await?;
        Ok(Some(inventory))
    }
}

/// Whether `off` opens it only once the others are back: one with functions has its own to give back, but
/// that of the visitors opens last of all.
fn waits_for_others(plan: &RolePlan<'_>) -> bool {
    let is_flag_alone = plan.spec.functions.is_none() && plan.functions.is_none();
    !plan.is_idle() && (is_flag_alone || plan.spec.role == Role::web())
}

/// When a role's turn comes: flags alone first, then roles with functions, since no request shall reach an app
/// whose workers are stopped. Among flags, web is first, and workers come last. `off` goes the other way.
fn stage(spec: &RoleSpec) -> usize {
    match &spec.functions {
        Some(_) => STAGES - 1,
        None if spec.role == Role::web() => 0,
        None if spec.role == Role::worker() => 2,
        None => 1,
    }
}

const STAGES: usize = 4;

fn in_order(roles: &[RoleSpec], action: Action) -> Vec<&RoleSpec> {
    let mut roles: Vec<_> = roles.iter().collect();
    roles.sort_by_key(|spec| stage(spec));
    if action == Action::Off {
        roles.reverse();
    }
    roles
}
