//! `maintenance history`: what became of the roles, newest first.

use maintenance_control::History;
use maintenance_flag::Role;
use serde_json::json;

use super::answer;
use super::selected::{all_or_failed, connections, selected_or_all};
use crate::args::HistoryArgs;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::read_each;
use crate::render;
use crate::settings::Target;

/// Prints the transitions of the asked role; of all roles unless one is asked for.
pub(crate) async fn run(
    target: &Target,
    args: &HistoryArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let apps = selected_or_all(target, output).await?;
    let read = read_each(connections(&apps), output, async |n, control, _| {
        let roles: Vec<Role> = apps[n].roles.iter().map(|it| it.role.clone()).collect();
        control.history(&roles).await
    });
    let read = read.await;
    // What cannot be read of one app hides nothing of the others.
    if read.iter().all(Result::is_err) {
        return all_or_failed(&apps, read).map(|_| Outcome::Done);
    }
    let mut known: Vec<History> = Vec::new();
    let mut failures = Vec::new();
    for (app, read) in apps.iter().zip(read) {
        match read {
            Ok(history) => known.push(history),
            Err(error) => failures.push((app, error.into())),
        }
    }
    let mut all: Vec<_> = known.iter().flat_map(|it| &it.transitions).collect();
    all.sort_by_key(|it| std::cmp::Reverse(it.at()));
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let shown = &all[..all.len().min(limit)];
    let cut_off: Vec<_> = known
        .iter()
        .flat_map(|it| it.cut_off.iter().map(|role| format!("{}/{role}", it.app)))
        .collect();
    let (of, name) = match (&target.product, apps.first()) {
        (Some(product), _) => ("product", product.id.to_string()),
        (None, app) => (
            "app",
            app.map_or_else(String::new, |it| it.app().to_string()),
        ),
    };
    if output.json() {
        let mut document = json!({
            "history": shown,
            "more": all.len() - shown.len(),
            "older_not_kept": cut_off,
        });
        document[of] = name.into();
        output.document(&document)?;
    } else {
        let is_product = target.product.is_some();
        match shown.is_empty() {
            true if all.is_empty() => {
                output.say(format_args!("{name} has no history: it was never on"))
            }
            true => {}
            false => {
                output.say(format_args!("History of {name}"));
                output.answer(render::history(shown, is_product, output.width()))?;
            }
        }
        if all.len() > shown.len() {
            let more = all.len() - shown.len();
            output.say(format_args!("{more} more: pass --limit {}", all.len()));
        } else if !cut_off.is_empty() {
            output.say(
                "Older transitions are not kept: a store has the last 100 versions of each flag",
            );
        }
    }
    answer::ended(failures, Outcome::Done)
}
