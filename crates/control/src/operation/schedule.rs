//! Changing the windows to come of one or more apps: under their leases, and all or none as far as it can be
//! known before.
//!
//! Only flags are read and written; what a window does to functions is done when it begins, by whoever runs then.

use jiff::Timestamp;
use maintenance_flag::{
    CancelWindow, Flag, LeaseRecord, MoveWindow, Product, Refusal, ScheduleEvent, ScheduleOutcome,
    ScheduleTransition, ScheduleWindow, WindowId, reschedule,
};

use super::AppRoles;
use super::flag::FlagWriter;
use super::leases::Leases;
use crate::control::Control;
use crate::error::Error;
use crate::lease::{LeaseGuard, ReadBarrier};
use crate::parameters::StaleReads;
use crate::plan::refused;
use crate::report::{RoleSchedule, ScheduleReport};
use crate::request::{OnRequest, RoleSpec, options_for_new_window};
use crate::store::Stored;

/// The wish to change the windows to come.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleRequest {
    /// A window shall open later.
    Add(Box<AddWindow>),
    /// A window that has yet to open gets another time.
    Move {
        /// The window.
        window: WindowId,
        /// Move only what was scheduled for this product.
        product: Option<Product>,
        /// When it opens, UTC.
        starts_at: Timestamp,
        /// When it ends, UTC.
        until: Timestamp,
    },
    /// A window that has yet to open shall not.
    Cancel {
        /// The window.
        window: WindowId,
        /// Cancel only what was scheduled for this product.
        product: Option<Product>,
        /// Forget it, since it is an occurrence of a recurring window that the configuration has no more.
        withdraw: bool,
    },
}

/// The wish for a window that opens later.
#[derive(Debug, Clone, PartialEq)]
pub struct AddWindow {
    /// The window as [`Request::On`](crate::Request::On) would open it. Of its options, `until` and `auto_off` do not count, and of the
    /// rest neither does `shown`.
    pub on: OnRequest,
    /// When it opens, UTC.
    pub starts_at: Timestamp,
    /// When it ends, UTC.
    pub until: Timestamp,
    /// For an occurrence of a recurring window: the name of that, and an identity that is the same each time.
    pub recurring: Option<(String, WindowId)>,
}

impl ScheduleRequest {
    fn word(&self) -> &'static str {
        match self {
            Self::Add(_) => "schedule",
            Self::Move { .. } => "move the window of",
            Self::Cancel { .. } => "cancel the window of",
        }
    }
}

/// Changes the windows to come of all of these apps. The leases are taken in the order of the apps' names. What is
/// refused for one role of one app changes nothing in any; a role that does not have the window that is moved or
/// cancelled is left out. All roles get one window of the same identity.
///
/// What fails half-way is finished by the same request again. Returns one result an app, in the order given.
pub async fn reschedule_together(
    apps: &[AppRoles<'_>],
    request: &ScheduleRequest,
) -> Vec<Result<ScheduleReport, Error>> {
    let roles = apps.iter().map(|app| app.roles.iter().collect());
    let roles: Vec<Vec<&RoleSpec>> = roles.collect();
    let (leases, failure) = Leases::take(apps, request.word(), &roles).await;
    let results = match failure {
        Some(failure) => only(apps, failure),
        None => change(apps, request, &leases).await,
    };
    leases.give_back(results).await
}

/// What [`reschedule_together`] would do. Reads only.
pub async fn plan_reschedule_together(
    apps: &[AppRoles<'_>],
    request: &ScheduleRequest,
) -> Vec<Result<ScheduleReport, Error>> {
    match plans(apps, request, &Leases::none(apps)).await {
        Err(failure) => only(apps, failure),
        Ok(plans) => {
            let plans = plans.into_iter().zip(apps);
            let preview = |(plans, app): (Vec<Plan<'_>>, &AppRoles<'_>)| {
                let roles = plans.into_iter().map(|plan| plan.report(Vec::new()));
                Ok(report(app.control, true, roles.collect()))
            };
            plans.map(preview).collect()
        }
    }
}

impl Control {
    fn schedule_event(
        &self,
        spec: &RoleSpec,
        request: &ScheduleRequest,
        new: &WindowId,
    ) -> ScheduleEvent {
        let at = self.clock.now();
        match request {
            ScheduleRequest::Add(add) => {
                let options = options_for_new_window(&add.on, &self.app, spec);
                let enter = add.on.enter(&self.by, options, new.clone(), at);
                let recurring = add.recurring.as_ref().map(|(name, _)| name.clone());
                ScheduleEvent::Schedule(Box::new(ScheduleWindow {
                    enter,
                    starts_at: add.starts_at,
                    until: add.until,
                    recurring,
                    accept_event_loss: add.on.accept_event_loss,
                }))
            }
            ScheduleRequest::Move {
                window,
                product,
                starts_at,
                until,
            } => ScheduleEvent::Move(Box::new(MoveWindow {
                window: window.clone(),
                product: product.clone(),
                starts_at: *starts_at,
                until: *until,
                by: self.by.clone(),
                replacement: new.clone(),
                at,
            })),
            ScheduleRequest::Cancel {
                window,
                product,
                withdraw,
            } => ScheduleEvent::Cancel(CancelWindow {
                window: window.clone(),
                product: product.clone(),
                withdraw: *withdraw,
                at,
            }),
        }
    }
}

/// A role's flag as it was read.
struct State<'a> {
    spec: &'a RoleSpec,
    stored: Option<Stored>,
    flag: Flag,
    /// What is saved of its functions, which stays.
    record: LeaseRecord,
}

/// What becomes of a role's flag.
struct Plan<'a> {
    state: State<'a>,
    step: ScheduleTransition,
}

impl Plan<'_> {
    fn report(self, warnings: Vec<crate::report::Warning>) -> RoleSchedule {
        let Self { state, step } = self;
        RoleSchedule {
            role: state.spec.role.clone(),
            outcome: step.outcome,
            before: step
                .before
                .filter(|_| step.outcome == ScheduleOutcome::Moved),
            window: step.window,
            has_functions: state.spec.functions.is_some(),
            warnings,
        }
    }
}

fn report(control: &Control, dry_run: bool, roles: Vec<RoleSchedule>) -> ScheduleReport {
    ScheduleReport {
        app: control.app.clone(),
        dry_run,
        roles,
    }
}

/// One app's failure, and nothing done in any.
fn only(
    apps: &[AppRoles<'_>],
    (failed, error): (usize, Error),
) -> Vec<Result<ScheduleReport, Error>> {
    let mut error = Some(error);
    let result = |(n, app): (usize, &AppRoles<'_>)| match error.take_if(|_| n == failed) {
        Some(error) => Err(error),
        None => Ok(report(app.control, false, Vec::new())),
    };
    apps.iter().enumerate().map(result).collect()
}

async fn change(
    apps: &[AppRoles<'_>],
    request: &ScheduleRequest,
    leases: &Leases,
) -> Vec<Result<ScheduleReport, Error>> {
    let plans = match plans(apps, request, leases).await {
        Ok(plans) => plans,
        Err(failure) => return only(apps, failure),
    };
    let mut results = Vec::with_capacity(apps.len());
    for ((app, plans), held) in apps.iter().zip(plans).zip(leases.iter()) {
        results.push(match held {
            Some(held) => write(app, plans, held).await,
            None => Err(Error::LeaseLost { source: None }),
        });
    }
    results
}

/// Reads all flags, and checks every change before the first is made.
async fn plans<'a>(
    apps: &[AppRoles<'a>],
    request: &ScheduleRequest,
    leases: &Leases,
) -> Result<Vec<Vec<Plan<'a>>>, (usize, Error)> {
    let mut states = Vec::with_capacity(apps.len());
    for (n, (app, held)) in apps.iter().zip(leases.iter()).enumerate() {
        let mut of_app = Vec::with_capacity(app.roles.len());
        for spec in app.roles {
            let state = state(app, spec, held).await;
            of_app.push(state.map_err(|error| (n, error))?);
        }
        states.push(of_app);
    }
    let new = identity(apps, request, &states);
    let mut missing = None;
    let mut all = Vec::with_capacity(apps.len());
    for (n, (app, states)) in apps.iter().zip(states).enumerate() {
        let mut plans = Vec::with_capacity(states.len());
        for state in states {
            let event = app.control.schedule_event(state.spec, request, &new);
            let step = match reschedule(&state.flag, event) {
                Err(refusal @ Refusal::NotScheduled { .. }) => {
                    missing.get_or_insert((n, refused(state.spec, refusal)));
                    continue;
                }
                step => step.map_err(|refusal| (n, refused(state.spec, refusal)))?,
            };
            if step.outcome.changed() && step.outcome != ScheduleOutcome::Cancelled {
                let too_large = |source| (n, app.control.too_large(&state.spec.role, source));
                step.check_size().map_err(too_large)?;
            }
            plans.push(Plan { state, step });
        }
        all.push(plans);
    }
    match missing {
        Some(missing) if all.iter().all(Vec::is_empty) => Err(missing),
        _ => Ok(all),
    }
}

/// The identity of the new window, one for all roles: that of the same window, if a request before scheduled it for
/// some role and did not come to the others.
fn identity(
    apps: &[AppRoles<'_>],
    request: &ScheduleRequest,
    states: &[Vec<State<'_>>],
) -> WindowId {
    let now = apps
        .first()
        .map_or(Timestamp::UNIX_EPOCH, |app| app.control.clock.now());
    let random = || WindowId::new(now, fastrand::u32(..));
    let ScheduleRequest::Add(add) = request else {
        return random();
    };
    let recurring = add.recurring.as_ref().map(|(_, window)| window.clone());
    let new = recurring.unwrap_or_else(random);
    let mut known = apps.iter().zip(states).flat_map(|(app, states)| {
        states.iter().filter_map(|state| {
            let event = app.control.schedule_event(state.spec, request, &new);
            let step = reschedule(&state.flag, event).ok()?;
            (step.outcome == ScheduleOutcome::AlreadyScheduled).then_some(step.window.window)
        })
    });
    let known = known.next();
    known.unwrap_or(new)
}

async fn state<'a>(
    app: &AppRoles<'a>,
    spec: &'a RoleSpec,
    held: Option<&LeaseGuard>,
) -> Result<State<'a>, Error> {
    let AppRoles {
        control, context, ..
    } = *app;
    let role = &spec.role;
    let (read, saved) = match held {
        None => (context.until_stopped(control.read(role)).await??, None),
        Some(held) => {
            let barrier: ReadBarrier = held.barrier(role);
            let reading = control.read_known(role, &barrier, StaleReads::Keeps);
            let (read, saved) = context.until_stopped(reading).await??;
            (read, Some(saved))
        }
    };
    let record = LeaseRecord {
        flag: read.version(),
        saved: saved.map(|saved| saved.numbers).unwrap_or_default(),
    };
    // What is to come must not take away what a malformed flag was meant to say.
    let flag = read.flag.map_err(|source| Error::Unreadable {
        name: control.names.flag(role),
        source,
    })?;
    Ok(State {
        spec,
        stored: read.stored,
        flag,
        record,
    })
}

async fn write(
    app: &AppRoles<'_>,
    plans: Vec<Plan<'_>>,
    held: &LeaseGuard,
) -> Result<ScheduleReport, Error> {
    let mut roles = Vec::with_capacity(plans.len());
    for mut plan in plans {
        let State { spec, stored, .. } = &mut plan.state;
        let mut warnings = Vec::new();
        if plan.step.outcome.changed() {
            let role = &spec.role;
            let mut writer = FlagWriter::new(app.control, role, held.fence(), stored.take());
            writer.write(&plan.step.flag).await?;
            plan.state.record.flag = writer.version();
            warnings = writer.warnings;
        }
        held.record(&plan.state.spec.role, plan.state.record.clone());
        roles.push(plan.report(warnings));
    }
    Ok(report(app.control, false, roles))
}
