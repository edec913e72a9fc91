//! `maintenance unlock`: for a lease whose holder has died and is not waited for.

use maintenance_flag::App;
use serde_json::json;

use super::answer;
use super::confirm::{can_ask, not_confirmed, sure};
use crate::args::UnlockArgs;
use crate::command_context::CommandContext;
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::read_each;
use crate::render::{self, Reader};
use crate::settings::Target;

/// Names each lease, asks, and ends them.
pub(crate) async fn run(
    target: &Target,
    args: &UnlockArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let connections = Connection::open_all(target.apps()).await?;
    let each = || connections.iter().collect::<Vec<_>>();
    let read = read_each(each(), output, async |_, control, _| control.holder().await);
    let document = |app: &App, ended: bool| json!({"app": app.to_string(), "ended": ended});
    let (mut held, mut documents) = (Vec::new(), Vec::new());
    for (connection, holder) in connections.iter().zip(read.await) {
        let app = connection.control.app();
        match holder {
            Ok(Some(holder)) => held.push((connection, holder)),
            Ok(None) => {
                output.say(format_args!("The lease of {app} is free"));
                documents.push(document(app, false));
            }
            Err(error) if connections.len() > 1 => return Err(CliError::from(error).of_app(app)),
            Err(error) => return Err(error.into()),
        }
    }
    let reader = Reader::of(&CommandContext::default());
    let leases = held
        .iter()
        .map(|(connection, holder)| render::held(holder, connection.control.app(), &reader));
    if held.is_empty() || args.yes {
        leases.for_each(|lease| output.say(lease));
    } else {
        can_ask(output)?;
        leases.for_each(|lease| output.ask(format_args!("{lease}\n")));
        output.ask(
            "End it only if that command has died: if it is still running, it stops halfway\n",
        );
        if !sure(output)? {
            return not_confirmed(output);
        }
    }
    // Side by side: each waits until its holder must have noticed.
    let at_work = held.iter().map(|(connection, _)| *connection).collect();
    let ended = read_each(at_work, output, async |n, _, run| {
        let (connection, holder) = &held[n];
        connection.control.unlock(holder, run).await
    });
    for ((connection, _), ended) in held.iter().zip(ended.await) {
        let app = connection.control.app();
        documents.push(document(app, matches!(ended, Ok(Some(_)))));
        match ended {
            Ok(Some(_)) => output.say(format_args!("The lease of {app} has been ended")),
            Ok(None) => output.say(format_args!("The lease of {app} has already ended")),
            Err(error) if connections.len() > 1 => return Err(CliError::from(error).of_app(app)),
            Err(error) => return Err(error.into()),
        }
    }
    if output.json() {
        answer::documents(target, &documents, None, output)?;
    }
    Ok(Outcome::Done)
}
