//! One operation on one or more apps: all flags before the first function when maintenance turns on, all
//! functions before the first flag when it turns off.

use std::collections::VecDeque;
use std::time::Duration;

use maintenance_flag::Role;
use tokio::time::Instant;

use super::leases::Leases;
use super::{Operation, Request, STAGES, in_order, stage};
use crate::control::Control;
use crate::error::Error;
use crate::event::Context;
use crate::lease::LeaseGuard;
use crate::plan::{RolePlan, RoleState};
use crate::report::{Action, Report, RoleReport};
use crate::request::RoleSpec;

/// How long after everything was read a role is read again before its functions are paused: the roles
/// before it may have taken minutes.
const REPLAN_AFTER: Duration = Duration::from_secs(60);

/// Roles of one app, operated on together with those of other apps.
#[derive(Debug, Clone, Copy)]
pub struct AppRoles<'a> {
    /// The app.
    pub control: &'a Control,
    /// Its roles.
    pub roles: &'a [RoleSpec],
    /// How its part is stopped, and who is told how it goes. The apps' stops should be one and the same.
    pub context: &'a Context<'a>,
}

/// What [`operate_together`] would do. Reads only.
pub async fn plan_together(
    apps: &[AppRoles<'_>],
    request: Request<'_>,
) -> Vec<Result<Report, Error>> {
    let mut previews = Vec::with_capacity(apps.len());
    for app in apps {
        previews.push(app.control.preview(app.roles, request, app.context).await);
    }
    previews
}

/// Turns maintenance on for all of these apps, the flags of all of them first, then their functions; or off, the
/// functions of all of them first, then their flags. Each app's flags wait for its own functions alone.
///
/// The leases are taken in the order of the apps' names, and all of them before anything is changed. What is
/// refused for one app, or cannot be read of it, changes nothing in any (but for [`OnRequest::shown`](crate::OnRequest::shown)); what fails
/// later in one app does not stop the others.
///
/// Returns one result an app, in the order given; a failure of single functions is in its report. An app that was
/// never reached has a report in which no role was begun.
pub async fn operate_together(
    apps: &[AppRoles<'_>],
    request: Request<'_>,
) -> Vec<Result<Report, Error>> {
    let action = request.action();
    let mut operations: Vec<_> = apps
        .iter()
        .map(|app| AppOperation::new(*app, request))
        .collect();
    let roles: Vec<_> = operations.iter().map(|app| app.roles.clone()).collect();
    let (leases, failure) = Leases::take(apps, request.word(), &roles).await;
    match failure {
        Some((n, error)) => operations[n].end = Err(error),
        None => {
            let held = operations.iter_mut().zip(leases.iter());
            let held = held.filter_map(|(app, held)| Some((app, held?)));
            run(&mut held.collect::<Vec<_>>(), request).await;
        }
    }
    let finish = |app: AppOperation<'_>| {
        let stop = &app.context.stop;
        app.control
            .finish(action, app.done, &app.roles, app.end, stop)
    };
    let results = operations.into_iter().map(finish).collect();
    leases.give_back(results).await
}

/// One app's operation: what it has read, what it has to do, and what it has done.
struct AppOperation<'a> {
    control: &'a Control,
    request: Request<'a>,
    context: &'a Context<'a>,
    /// In the order in which they are worked on.
    roles: Vec<&'a RoleSpec>,
    /// What was read of those that are not planned yet.
    states: Vec<RoleState<'a>>,
    /// What remains to be done.
    plans: VecDeque<RolePlan<'a>>,
    planned_at: Instant,
    /// What was done, in order.
    done: Vec<RoleReport>,
    /// An error, once there is one, ends this operation.
    end: Result<(), Error>,
}

async fn run(operations: &mut [(&mut AppOperation<'_>, &LeaseGuard)], request: Request<'_>) {
    for (app, held) in &mut *operations {
        app.end = app.read(held).await;
        if app.end.is_err() {
            return;
        }
    }
    if request.was_asked() {
        // All was read before the question: visitors need not wait until it is read again.
        for (app, held) in &mut *operations {
            app.end = app.turn_on_flag_only_roles(held).await;
        }
    }
    for (app, held) in &mut *operations {
        if app.end.is_ok() {
            app.end = app.plan(held).await;
        }
        if !request.was_asked() && app.end.as_ref().is_err_and(|error| !is_of_plan(error)) {
            return;
        }
    }
    // What is refused is told of all apps at once.
    if !request.was_asked() && operations.iter().any(|(app, _)| app.end.is_err()) {
        return;
    }
    // All apps come to a stage before any comes to the next one.
    let mut stages: Vec<usize> = (0..STAGES).collect();
    if request.action() == Action::Off {
        stages.reverse();
        operations.reverse();
    }
    for stage in stages {
        for (app, held) in &mut *operations {
            if app.end.is_ok() {
                app.end = app.execute(held, stage).await;
            }
        }
    }
}

/// Whether all was read, and the plan was refused for what it would do: what the other apps would be refused for
/// can be known as well.
fn is_of_plan(error: &Error) -> bool {
    matches!(
        error,
        Error::EventsLost { .. } | Error::NoFunctions { .. } | Error::Unsavable(_)
    )
}

impl<'a> AppOperation<'a> {
    fn new(app: AppRoles<'a>, request: Request<'a>) -> Self {
        Self {
            control: app.control,
            request,
            context: app.context,
            roles: in_order(app.roles, request.action()),
            states: Vec::new(),
            plans: VecDeque::new(),
            planned_at: Instant::now(),
            done: Vec::new(),
            end: Ok(()),
        }
    }

    fn operation<'h>(&self, held: &'h LeaseGuard) -> Operation<'h>
    where
        'a: 'h,
    {
        Operation {
            control: self.control,
            request: self.request,
            context: self.context,
            held: Some(held),
        }
    }

    async fn read(&mut self, held: &LeaseGuard) -> Result<(), Error> {
        self.states = self.operation(held).states(&self.roles).await?;
        Ok(())
    }

    async fn turn_on_flag_only_roles(&mut self, held: &LeaseGuard) -> Result<(), Error> {
        let has_functions = |state: &RoleState<'_>| state.spec.functions.is_some();
        let first = self.states.iter().position(has_functions);
        let rest = self.states.split_off(first.unwrap_or(self.states.len()));
        let flags = std::mem::replace(&mut self.states, rest);
        let operation = self.operation(held);
        for plan in operation.plan_functions(flags).await? {
            operation.execute_role(plan, held, &mut self.done).await?;
        }
        Ok(())
    }

    async fn plan(&mut self, held: &LeaseGuard) -> Result<(), Error> {
        let states = std::mem::take(&mut self.states);
        let mut plans = self.operation(held).plan_functions(states).await?;
        self.planned_at = Instant::now();
        // What has to settle first holds up no other role, either; but no request shall reach an app whose
        // workers are stopped.
        plans.sort_by_key(|plan| plan.spec.role != Role::web() && plan.has_unsettled());
        let remaining = plans.iter().map(|plan| plan.spec);
        self.roles.splice(self.done.len().., remaining);
        self.plans = plans.into();
        Ok(())
    }

    /// Executes the plans of the roles whose turn comes at this stage.
    async fn execute(&mut self, held: &LeaseGuard, turn: usize) -> Result<(), Error> {
        let operation = self.operation(held);
        while let Some(mut plan) = self.plans.pop_front_if(|plan| stage(plan.spec) == turn) {
            if plan.pause().is_some() && self.planned_at.elapsed() > REPLAN_AFTER {
                plan = operation.plan(&[plan.spec]).await?.pop().unwrap_or(plan);
            }
            operation.execute_role(plan, held, &mut self.done).await?;
        }
        Ok(())
    }
}
