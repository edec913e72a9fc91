//! `maintenance apps`: every app that has a flag below the prefix.

use maintenance_control::{Clock, apps};
use serde_json::json;

use crate::connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::render;
use crate::settings::Settings;

/// Prints a line a role.
pub(crate) async fn run(settings: &Settings, output: &Output) -> Result<Outcome, CliError> {
    let store = connection::store_for_reads(settings).await?;
    let prefix = &settings.prefix.value;
    let statuses = apps(&store, prefix, Clock::System).await?;
    if output.json() {
        output.document(&json!({"prefix": prefix.as_str(), "apps": statuses}))?;
    } else if statuses.is_empty() {
        let store = &settings.store.value;
        output.say(format_args!("No app has a flag below {prefix} in {store}"));
    } else {
        output.answer(render::apps(&statuses, output.width()))?;
    }
    Ok(Outcome::Done)
}
