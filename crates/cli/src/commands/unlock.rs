//! `maintenance unlock`: for a lease whose holder has died and is not waited for.

use super::confirm::{can_ask, sure};
use crate::args::UnlockArgs;
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::invocation::Invocation;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render::{self, Reader};
use crate::settings::Settings;

/// Names the lease, asks, and ends it.
pub(crate) async fn run(
    settings: &Settings,
    args: &UnlockArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let app = settings.app()?;
    let connection = Connection::open(settings, app.clone()).await?;
    let holder = with_progress(&connection, output, async |control, _| {
        control.holder().await
    })
    .await?;
    let Some(holder) = holder else {
        output.say(format_args!("The lease of {app} is free"));
        return Ok(Outcome::Done);
    };
    let reader = Reader::of(&Invocation::default());
    let lease = render::held(&holder, &app, &reader);
    if args.yes {
        output.say(lease);
    } else {
        can_ask(output)?;
        output.ask(format_args!("{lease}\n"));
        output.ask(
            "End it only if that command has died: if it is still running, it stops half-way\n",
        );
        if !sure(output)? {
            output.say("Nothing was changed");
            return Ok(Outcome::NotConfirmed);
        }
    }
    match with_progress(&connection, output, async |_, run| {
        connection.control.unlock(&holder, run).await
    })
    .await?
    {
        Some(_) => output.say(format_args!("The lease of {app} has been ended")),
        None => output.say(format_args!("The lease of {app} has ended by itself")),
    }
    Ok(Outcome::Done)
}
