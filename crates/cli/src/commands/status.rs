//! `maintenance status`, and `maintenance` alone.

use jiff::Timestamp;
use maintenance_control::{RoleStatus, State};

use crate::args::StatusArgs;
use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::Settings;
use crate::words;

use super::connect;

/// Says how the asked roles stand.
pub(crate) async fn run(
    settings: &Settings,
    args: &StatusArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let (app, roles) = (settings.app()?, settings.asked()?);
    let control = connect::control(settings, app.clone()).await;
    let status = control.status(&roles).await?;

    output.say(words::status_heading(&status.roles, settings.all, &app));
    for role in &status.roles {
        let details = words::status_details(role).filter(|_| output.verbose() > 0);
        let named = details.is_some();
        if let Some(details) = details {
            output.detail(details);
        }
        for note in words::status_notes(role, named, Timestamp::now()) {
            output.say(note);
        }
    }
    if output.json() {
        output.document(&status)?;
    } else {
        let line = |role: &RoleStatus| match (words::state(role.state), settings.all) {
            (state, true) => format!("{} {state}\n", role.role),
            (state, false) => format!("{state}\n"),
        };
        output.answer(status.roles.iter().map(line).collect::<String>())?;
    }

    let is = |state: State| move |role: &&RoleStatus| role.state == state;
    if let Some(role) = status.roles.iter().find(is(State::Malformed)) {
        let failure = Failure::failed(format!("the flag of the {} role is malformed", role.role));
        return Err(role
            .warnings
            .iter()
            .fold(failure, |failure, warning| failure.cause(warning))
            .hint("gates keep what they knew; `maintenance on` or `off` writes a good flag")
            .answered());
    }
    match args.exit_code && status.roles.iter().any(|role| role.state == State::On) {
        true => Ok(Outcome::On),
        false => Ok(Outcome::Done),
    }
}
