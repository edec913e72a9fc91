//! `maintenance workers`: the functions one by one.

use maintenance_control::Workers;
use serde_json::json;

use super::answer;
use super::selected::{SelectedApp, all_or_failed, connections, selected_or_all};
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::read_each;
use crate::render;
use crate::settings::Target;

/// Prints the table of the asked role; of all roles unless one is asked for.
pub(crate) async fn run(target: &Target, output: &Output) -> Result<Outcome, CliError> {
    let apps = selected_or_all(target, output).await?;
    let read = read_each(connections(&apps), output, async |n, control, run| {
        control
            .workers(&apps[n].roles, run)
            .await
            .map_err(CliError::from)
    });
    let read = read.await;
    let known: Vec<&Workers> = read.iter().filter_map(|it| it.as_ref().ok()).collect();
    if known.is_empty() {
        return all_or_failed(&apps, read).map(|_| Outcome::Done);
    }
    if output.json() {
        let document = |(app, read): (&SelectedApp<'_>, &Result<Workers, CliError>)| match read {
            Ok(workers) => serde_json::to_value(workers).unwrap_or_default(),
            Err(error) => error.document_beside(&json!({"app": app.app().to_string()})),
        };
        let documents: Vec<_> = apps.iter().zip(&read).map(document).collect();
        answer::documents(target, &documents, None, output)?;
    } else if known.iter().any(|it| !it.workers.is_empty()) {
        let is_product = target.product.is_some();
        output.answer(render::workers(&known, is_product, output.width()))?;
    }
    let mut failures = Vec::new();
    for (app, read) in apps.iter().zip(read) {
        match read {
            Err(error) => failures.push((app, error)),
            Ok(workers) => match render::unread_workers(&workers) {
                Some(error) => failures.push((app, error)),
                None if workers.workers.is_empty() && !output.json() => {
                    output.say(format_args!(
                        "The roles of {} select no functions",
                        app.app()
                    ));
                }
                None => {}
            },
        }
    }
    answer::ended(failures, Outcome::Done)
}
