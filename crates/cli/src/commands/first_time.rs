//! The first time that an app is operated on: its name may be a slip.
//!
//! `off` of an app that was never on would be a quiet success otherwise.

use maintenance_control::{Control, Report, RoleOutcome, Visitor};
use maintenance_flag::App;

use super::site::visit;
use crate::output::Output;
use crate::render;

/// Whether no role of the app has ever had a flag. One that cannot be read is not new.
async fn is_new(control: &Control) -> bool {
    let known = control.known_roles(Vec::new()).await;
    known.is_ok_and(|roles| roles.is_empty())
}

/// After `off`: says that the app has never been on, and how its site answers.
pub(crate) async fn after_off(
    control: &Control,
    visitor: &Visitor,
    (app, url): (&App, Option<String>),
    report: &Report,
    output: &Output,
) {
    let was_off = |role: &RoleOutcome| *role == RoleOutcome::AlreadyOff;
    let mut outcomes = report.roles.iter().map(|role| &role.outcome);
    if !outcomes.all(was_off) || !is_new(control).await {
        return;
    }
    output.say(render::never_on(app));
    if let Some(url) = url {
        output.say(match visit(visitor, &url).await {
            Ok(visit) => render::site_of_new_app(&url, visit),
            Err(error) => render::site_unknown(&url, &error),
        });
    }
}
