//! One operation on one or more apps: all flags before the first function when maintenance turns on, all
//! functions before the first flag when it turns off.

use std::collections::VecDeque;
use std::time::Duration;

use maintenance_flag::Role;
use tokio::time::Instant;

use super::{Operation, Request, in_order};
use crate::control::Control;
use crate::error::Error;
use crate::event::Context;
use crate::lease::Held;
use crate::plan::{RolePlan, RoleState};
use crate::report::{Action, Report, RoleReport};
use crate::request::{OffRequest, OnRequest, RoleSpec};

/// How long after everything was read a role is read again before its functions are paused: the roles
/// before it may have taken minutes.
const OLD: Duration = Duration::from_secs(60);

/// Roles of one app, operated on together with those of other apps.
#[derive(Debug, Clone, Copy)]
pub struct AppRoles<'a> {
    /// The app.
    pub control: &'a Control,
    /// Its roles.
    pub roles: &'a [RoleSpec],
}

/// Turns maintenance on for all of these apps: the flags of all of them first, then their functions. The
/// leases are taken in the order of the apps' names, and all of them before anything is changed. What is
/// refused for one app, or cannot be read of it, changes nothing in any; what fails later in one app does not
/// stop the others.
///
/// Returns one result an app, in the order given; see [`Control::on`]. An app that was not come to has a
/// report in which no role was begun.
pub async fn on_together(
    apps: &[AppRoles<'_>],
    on: &OnRequest,
    context: &Context<'_>,
) -> Vec<Result<Report, Error>> {
    operate(apps, Request::On(on), context).await
}

/// Turns maintenance off for all of these apps: the functions of all of them first, then their flags. Each
/// app's flags wait for its own functions alone; otherwise as [`on_together`].
pub async fn off_together(
    apps: &[AppRoles<'_>],
    off: &OffRequest,
    context: &Context<'_>,
) -> Vec<Result<Report, Error>> {
    operate(apps, Request::Off(off), context).await
}

/// What [`on_together`] would do. Reads only.
pub async fn plan_on_together(
    apps: &[AppRoles<'_>],
    on: &OnRequest,
    context: &Context<'_>,
) -> Vec<Result<Report, Error>> {
    preview(apps, Request::On(on), context).await
}

/// What [`off_together`] would do. Reads only.
pub async fn plan_off_together(
    apps: &[AppRoles<'_>],
    off: &OffRequest,
    context: &Context<'_>,
) -> Vec<Result<Report, Error>> {
    preview(apps, Request::Off(off), context).await
}

async fn preview(
    apps: &[AppRoles<'_>],
    request: Request<'_>,
    context: &Context<'_>,
) -> Vec<Result<Report, Error>> {
    let mut previews = Vec::with_capacity(apps.len());
    for app in apps {
        previews.push(app.control.preview(app.roles, request, context).await);
    }
    previews
}

pub(super) async fn operate_one(
    control: &Control,
    roles: &[RoleSpec],
    request: Request<'_>,
    context: &Context<'_>,
) -> Result<Report, Error> {
    let results = operate(&[AppRoles { control, roles }], request, context).await;
    results.into_iter().next().unwrap_or(Err(Error::LeaseLost))
}

async fn operate(
    apps: &[AppRoles<'_>],
    request: Request<'_>,
    context: &Context<'_>,
) -> Vec<Result<Report, Error>> {
    let action = request.action();
    let mut parts: Vec<_> = apps
        .iter()
        .map(|app| Part::new(*app, request, context))
        .collect();
    let mut by_name: Vec<usize> = (0..parts.len()).collect();
    by_name.sort_by_key(|n| apps[*n].control.app().to_string());
    let mut leases: Vec<Option<Held>> = apps.iter().map(|_| None).collect();
    let mut are_taken = true;
    for n in by_name {
        let part = &mut parts[n];
        match part.control.take_lease(action, &part.roles, context).await {
            Ok(held) => leases[n] = Some(held),
            Err(error) => {
                part.end = Err(error);
                are_taken = false;
                break;
            }
        }
    }
    if are_taken {
        let held = leases.iter().flatten();
        let mut held: Vec<_> = parts.iter_mut().zip(held).collect();
        run(&mut held, request).await;
    }
    let mut results = Vec::with_capacity(parts.len());
    for (part, lease) in parts.into_iter().zip(leases) {
        let Part {
            control,
            roles,
            done,
            end,
            ..
        } = part;
        let result = control.finish(action, done, &roles, end, &context.stop);
        results.push(match lease {
            Some(held) => {
                let result = held.explain(result);
                held.release().await;
                result
            }
            None => result,
        });
    }
    results
}

/// One app's part of an operation.
struct Part<'a> {
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
    /// An error, once there is one, ends this part.
    end: Result<(), Error>,
}

async fn run(parts: &mut [(&mut Part<'_>, &Held)], request: Request<'_>) {
    for (part, held) in &mut *parts {
        part.end = part.read(held).await;
        if part.end.is_err() {
            return;
        }
    }
    if request.was_asked() {
        // All was read before the question: visitors need not wait until it is read again.
        for (part, held) in &mut *parts {
            part.end = part.turn_on_flags_alone(held).await;
        }
    }
    for (part, held) in &mut *parts {
        if part.end.is_ok() {
            part.end = part.plan(held).await;
        }
        if part.end.is_err() && !request.was_asked() {
            return;
        }
    }
    let flags_first = request.action() == Action::On;
    for flags_alone in [flags_first, !flags_first] {
        for (part, held) in &mut *parts {
            if part.end.is_ok() {
                part.end = part.execute(held, flags_alone).await;
            }
        }
    }
}

impl<'a> Part<'a> {
    fn new(app: AppRoles<'a>, request: Request<'a>, context: &'a Context<'a>) -> Self {
        Self {
            control: app.control,
            request,
            context,
            roles: in_order(app.roles, request.action()),
            states: Vec::new(),
            plans: VecDeque::new(),
            planned_at: Instant::now(),
            done: Vec::new(),
            end: Ok(()),
        }
    }

    fn operation<'h>(&self, held: &'h Held) -> Operation<'h>
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

    async fn read(&mut self, held: &Held) -> Result<(), Error> {
        self.states = self.operation(held).states(&self.roles).await?;
        Ok(())
    }

    async fn turn_on_flags_alone(&mut self, held: &Held) -> Result<(), Error> {
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

    async fn plan(&mut self, held: &Held) -> Result<(), Error> {
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

    /// Executes the plans of its roles, in order, as long as they are flags alone, or have functions.
    async fn execute(&mut self, held: &Held, flags_alone: bool) -> Result<(), Error> {
        let operation = self.operation(held);
        while let Some(mut plan) = self
            .plans
            .pop_front_if(|plan| plan.spec.functions.is_none() == flags_alone)
        {
            if plan.pause().is_some() && self.planned_at.elapsed() > OLD {
                plan = operation.plan(&[plan.spec]).await?.pop().unwrap_or(plan);
            }
            operation.execute_role(plan, held, &mut self.done).await?;
        }
        Ok(())
    }
}
