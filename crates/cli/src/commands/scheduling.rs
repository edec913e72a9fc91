//! The scheduler, beside whatever else a command runs: it keeps `[[windows]]` in the flags, and pauses and restores
//! functions when windows begin and end.

use std::sync::Arc;

use jiff::Timestamp;
use maintenance_control::Clock;
use maintenance_flag::App;
use maintenance_server::AppState;
use maintenance_server::catalog::ManagedApp;
use maintenance_server::schedule::{Scheduler, Told};

use super::state;
use crate::connection::Connections;
use crate::error::CliError;
use crate::output::Output;
use crate::render;
use crate::settings::{Configuration, Settings, now};

/// A scheduler of the windows of the configuration, and of all apps of the products.
pub(super) async fn scheduler(
    configuration: &Configuration<'_>,
    state: &AppState,
    connections: &mut Connections,
) -> Result<Scheduler, CliError> {
    let windows = configuration.windows(Timestamp::now())?;
    let mut apps: Vec<Arc<ManagedApp>> = Vec::new();
    for app in windows.iter().flat_map(|window| &window.apps) {
        let name = app.app()?;
        let is_known = |name: &App| apps.iter().any(|app| app.app() == name);
        if state.catalog.app(&name.to_string()).is_none() && !is_known(&name) {
            apps.push(managed(connections, app).await?);
        }
    }
    let windows = windows.into_iter().map(|window| window.window);
    Ok(Scheduler::new(
        state.clone(),
        windows.collect(),
        apps,
        Clock::System,
    ))
}

async fn managed(
    connections: &mut Connections,
    app: &Settings,
) -> Result<Arc<ManagedApp>, CliError> {
    state::managed(connections, app).await.map(Arc::new)
}

/// Tells what the scheduler did: on stderr, and with `--json` as a document on stdout.
pub(super) fn tell(told: &Told, output: &Output) -> Result<(), CliError> {
    say(told, output);
    match output.json() {
        true => output.document(told),
        false => Ok(()),
    }
}

/// Says what the scheduler did: on stderr, as all that is said to a person.
pub(super) fn say(told: &Told, output: &Output) {
    let told = render::localized(&told.to_string(), &now());
    output.say(format_args!("Schedule: {told}"));
}
