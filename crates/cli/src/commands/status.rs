//! `maintenance status`, and `maintenance` alone.

use maintenance_control::{RoleStatus, State, Status};
use maintenance_server::statuses::OperationMode;

use super::answer;
use super::selected::{SelectedApp, Unlisted, all_or_failed, connections, selected};
use crate::args::StatusArgs;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::read_each;
use crate::render;
use crate::settings::Target;
use crate::values::StoreChoice;

/// Says how the asked roles stand.
pub(crate) async fn run(
    target: &Target,
    args: &StatusArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let apps = selected(target, Unlisted::Configured, output).await?;
    let read = read_each(connections(&apps), output, async |n, control, run| {
        control.status(&apps[n].roles, run).await
    });
    let read = read.await;
    // As with the roles of an app: what cannot be read hides nothing else.
    let is_any_known = read.iter().any(Result::is_ok);
    let statuses = apps.iter().zip(read).map(|(app, status)| match status {
        Err(error) if is_any_known => Ok(Status::unknown(app.app(), &app.roles, &error)),
        status => status.map_err(CliError::from),
    });
    let statuses = all_or_failed(&apps, statuses)?;
    let mode = OperationMode::of(
        statuses
            .iter()
            .flat_map(|app| &app.roles)
            .map(|it| it.state),
    );

    if let Some(product) = &target.product {
        output.say(render::product_status_heading(product, mode.as_str()));
    }
    for (app, status) in apps.iter().zip(&statuses) {
        let all = app.settings.selects_several();
        let reader = app.reader();
        if target.product.is_none() {
            output.say(render::status_heading(&status.roles, all, app.app()));
        }
        if let StoreChoice::File(folder) = &app.settings.store.value
            && !folder.exists()
        {
            let advice = format!(
                "The store {} does not exist yet; `maintenance on` creates it",
                folder.display()
            );
            app.say(reader.advice(&advice), output);
        }
        for role in &status.roles {
            for note in render::status_notes(role, &reader) {
                app.emit(note, output);
            }
        }
    }
    if output.json() {
        answer::documents(target, &statuses, Some(mode), output)?;
    } else {
        let line = |app: &SelectedApp<'_>, role: &RoleStatus| {
            let state = render::state(role.state);
            match (&target.product, app.settings.selects_several()) {
                (Some(_), _) => format!("{} {} {state}\n", app.app(), role.role),
                (None, true) => format!("{} {state}\n", role.role),
                (None, false) => format!("{state}\n"),
            }
        };
        let all = apps.iter().zip(&statuses);
        let lines = all.flat_map(|(app, status)| status.roles.iter().map(|it| line(app, it)));
        output.answer(lines.collect::<String>())?;
    }

    // A role that is on counts, whatever else could not be read; an unreadable role never passes for off.
    let mut roles = statuses.iter().flat_map(|status| &status.roles);
    let (well, outcome) = match args.exit_code && roles.any(|role| role.state == State::On) {
        true => (Outcome::On, Outcome::On),
        false => (Outcome::Done, Outcome::Failed),
    };
    let unread = apps.iter().zip(&statuses);
    let unread =
        unread.filter_map(|(app, status)| Some((app, render::unread_of(&status.roles, outcome)?)));
    answer::ended(unread.collect(), well)
}
