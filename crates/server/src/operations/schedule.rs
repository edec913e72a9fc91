//! Changing the windows to come of a target: as the API, the console and the scheduler ask for it.

use std::sync::Arc;

use maintenance_control::{
    AppRoles, Context, Error, RoleSchedule, ScheduleReport, ScheduleRequest,
    plan_reschedule_together, reschedule_together,
};

use super::{Operations, Target};
use crate::catalog::ManagedApp;
use crate::notify::Notification;

/// What became of a window to come.
#[derive(Debug)]
pub struct Rescheduled {
    /// The roles that have it, with their apps.
    pub roles: Vec<(Arc<ManagedApp>, RoleSchedule)>,
}

impl Rescheduled {
    /// What is told of it: that a window was planned, moved or cancelled.
    fn notifications(&self, target: &Target, by: &str) -> Vec<Notification> {
        let roles = self.roles.iter().map(|(app, role)| (app.app(), role));
        let roles: Vec<_> = roles.collect();
        let product = target.product.as_ref().map(|product| &product.id);
        let told = Notification::of_schedule(&roles, product, by);
        told.into_iter().collect()
    }
}

impl Operations {
    /// Changes the windows to come of a target, for `by`. It goes on if the caller is dropped.
    ///
    /// # Errors
    /// The first app's that failed, with the app. Then nothing was changed, unless it failed in the middle; the
    /// same request again finishes that.
    pub async fn reschedule(
        &self,
        target: &Target,
        request: ScheduleRequest,
        by: &str,
    ) -> Result<Rescheduled, (Arc<ManagedApp>, Error)> {
        let (shared, target, by) = (Arc::clone(&self.0), target.clone(), by.to_owned());
        let done = self.0.tasks.spawn(async move {
            let results = run(&target, &request, &by, true).await;
            for (app, _) in &target.apps {
                shared.statuses.forget(app.app());
            }
            let done = collect(&target, results);
            if let Ok(done) = &done {
                shared.notifier.tell(done.notifications(&target, &by));
                shared.notifier.before_answer().await;
            }
            done
        });
        match done.await {
            Ok(done) => done,
            Err(crashed) => std::panic::resume_unwind(crashed.into_panic()),
        }
    }

    /// What that would do. Reads only.
    ///
    /// # Errors
    /// The first app's that failed, with the app.
    pub async fn plan_reschedule(
        &self,
        target: &Target,
        request: &ScheduleRequest,
        by: &str,
    ) -> Result<Rescheduled, (Arc<ManagedApp>, Error)> {
        collect(target, run(target, request, by, false).await)
    }
}

async fn run(
    target: &Target,
    request: &ScheduleRequest,
    by: &str,
    writes: bool,
) -> Vec<Result<ScheduleReport, Error>> {
    let control = |app: &ManagedApp| match writes {
        true => app.control.acting_for(by),
        false => app.reads.acting_for(by),
    };
    let controls: Vec<_> = target.apps.iter().map(|(app, _)| control(app)).collect();
    let quiet = Context::quiet();
    let parts = controls.iter().zip(&target.apps);
    let parts = parts.map(|(control, (_, roles))| AppRoles {
        control,
        roles,
        context: &quiet,
    });
    let parts: Vec<_> = parts.collect();
    match writes {
        true => reschedule_together(&parts, request).await,
        false => plan_reschedule_together(&parts, request).await,
    }
}

#[expect(
    clippy::result_large_err,
    reason = "it is the error as the control plane has it, with its app"
)]
fn collect(
    target: &Target,
    results: Vec<Result<ScheduleReport, Error>>,
) -> Result<Rescheduled, (Arc<ManagedApp>, Error)> {
    let mut roles = Vec::new();
    for ((app, _), result) in target.apps.iter().zip(results) {
        let report = result.map_err(|error| (Arc::clone(app), error))?;
        roles.extend(report.roles.into_iter().map(|role| (Arc::clone(app), role)));
    }
    Ok(Rescheduled { roles })
}
