//! `maintenance status`, and `maintenance` alone.

use maintenance_control::{Error, RoleStatus, State, StoreError};

use crate::args::StatusArgs;
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::invocation::Invocation;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render::{self, Reader};
use crate::settings::Settings;
use crate::values::StoreChoice;

use super::selected::{known, selected};

/// Says how the asked roles stand.
pub(crate) async fn run(
    settings: &Settings,
    args: &StatusArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let app = settings.app()?;
    let connection = Connection::open(settings, app.clone()).await?;
    let roles = match settings.all {
        false => selected(settings, &connection, output).await?,
        true => match known(&connection, settings.configured()?, output).await {
            // The configured roles can be shown all the same.
            Err(Error::Store(error @ StoreError::AccessDenied { .. })) => {
                output.say(format_args!(
                    "Warning: only configured roles are shown, since the store could not be listed: {error}"
                ));
                settings.configured()?
            }
            roles => roles?,
        },
    };
    let status = with_progress(&connection, output, async |control, run| {
        control.status_told(&roles, run).await
    })
    .await?;

    let reader = Reader::of(&Invocation::of(settings));
    output.say(render::status_heading(&status.roles, settings.all, &app));
    if let StoreChoice::File(folder) = &settings.store.value
        && !folder.exists()
    {
        output.say(reader.advice(&format!(
            "The store {} does not exist yet; `maintenance on` creates it",
            folder.display()
        )));
    }
    for role in &status.roles {
        for note in render::status_notes(role, &reader) {
            output.emit(&note);
        }
    }
    if output.json() {
        output.document(&status)?;
    } else {
        let line = |role: &RoleStatus| match (render::state(role.state), settings.all) {
            (state, true) => format!("{} {state}\n", role.role),
            (state, false) => format!("{state}\n"),
        };
        output.answer(status.roles.iter().map(line).collect::<String>())?;
    }

    // A role that is on counts, whatever else could not be read; an unreadable role never passes for off.
    let is_on = |role: &RoleStatus| role.state == State::On;
    let (well, failed) = match args.exit_code && status.roles.iter().any(is_on) {
        true => (Outcome::On, Outcome::On),
        false => (Outcome::Done, Outcome::Failed),
    };
    match render::unread_of(&status.roles, failed) {
        Some(failure) => Err(failure.already_reported()),
        None => Ok(well),
    }
}
