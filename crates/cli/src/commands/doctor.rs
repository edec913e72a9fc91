//! `maintenance doctor`: what would go wrong, without changing anything.

use maintenance_control::Surroundings;

use super::answer;
use super::selected::{connections, selected_or_configured};
use crate::connection::needs_aws;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::read_each;
use crate::render;
use crate::settings::Target;

/// Checks the asked role; all roles unless one is asked for.
pub(crate) async fn run(target: &Target, output: &Output) -> Result<Outcome, CliError> {
    let apps = selected_or_configured(target, output).await?;
    let checkups = read_each(connections(&apps), output, async |n, control, context| {
        let app = &apps[n];
        let url = app.settings.link_url();
        let surroundings = Surroundings {
            identity: needs_aws(app.settings).then_some(&app.connection.identity),
            visitor: &app.connection.visitor,
            url: url.as_deref(),
            has_all_roles: app.settings.all || app.settings.selects_no_role(),
        };
        control.doctor(&app.roles, surroundings, context).await
    });
    let checkups = checkups.await;
    if output.json() {
        let documents: Vec<_> = checkups.iter().map(render::checkup_document).collect();
        answer::documents(target, &documents, None, output)?;
    } else {
        for (app, checkup) in apps.iter().zip(&checkups) {
            if let Some(app) = app.label() {
                output.say(format_args!("Checking {app}"));
            }
            let (label, reader) = (app.label(), app.reader());
            output.answer(render::checkup(checkup, label, &reader, output.width()))?;
        }
    }
    match checkups.iter().any(|it| it.has_failed()) {
        true => Ok(Outcome::Failed),
        false => Ok(Outcome::Done),
    }
}
