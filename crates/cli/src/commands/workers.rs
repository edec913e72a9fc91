//! `maintenance workers`: the functions one by one.

use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render;
use crate::settings::Settings;

use super::selected::selected_or_all;

/// Prints the table of the asked role; of all roles unless one is asked for.
pub(crate) async fn run(settings: &Settings, output: &Output) -> Result<Outcome, CliError> {
    let app = settings.app()?;
    let connection = Connection::open(settings, app.clone()).await?;
    let roles = selected_or_all(settings, &connection, output).await?;
    let workers = with_progress(&connection, output, async |control, run| {
        control.workers_told(&roles, run).await
    })
    .await?;
    let unread = render::unread_workers(&workers);
    if output.json() {
        output.document(&workers)?;
    } else if workers.workers.is_empty() && unread.is_none() {
        output.say(format_args!("The roles of {app} select no functions"));
    } else {
        output.answer(render::workers(&workers, output.width()))?;
    }
    match unread {
        Some(failure) => Err(failure.already_reported()),
        None => Ok(Outcome::Done),
    }
}
