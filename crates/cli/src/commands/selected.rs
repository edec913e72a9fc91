//! Which roles a command acts on: those of the configuration, and those that only the store knows.

use maintenance_control::{Context, Control, Error, RoleSpec};

use crate::connection::Connection;
use crate::error::CliError;
use crate::output::Output;
use crate::progress::with_progress;
use crate::settings::Settings;

/// The roles selected, as configured; with `--all`, and where the configuration does not have the role,
/// those too that only the store knows.
pub(super) async fn selected(
    settings: &Settings,
    connection: &Connection,
    output: &Output,
) -> Result<Vec<RoleSpec>, CliError> {
    if settings.all {
        return Ok(known(connection, settings.configured()?, output).await?);
    }
    let Some(unknown) = &settings.unknown_role else {
        return settings.selected();
    };
    // A store that cannot be reached is the smaller of the two mistakes.
    let known = known(connection, Vec::new(), output).await;
    let known = known.unwrap_or_default();
    let selected = known
        .into_iter()
        .find(|spec| spec.role == settings.role.value);
    selected
        .map(|spec| vec![spec])
        .ok_or_else(|| unknown.clone())
}

/// The role selected; all of them, if none is.
pub(super) async fn selected_or_all(
    settings: &Settings,
    connection: &Connection,
    output: &Output,
) -> Result<Vec<RoleSpec>, CliError> {
    if settings.selects_no_role() {
        return Ok(known(connection, settings.configured()?, output).await?);
    }
    selected(settings, connection, output).await
}

/// These roles, and those that the store knows.
pub(super) async fn known(
    connection: &Connection,
    configured: Vec<RoleSpec>,
    output: &Output,
) -> Result<Vec<RoleSpec>, Error> {
    let known = async |control: &Control, _: &Context<'_>| control.known_roles(configured).await;
    with_progress(connection, output, known).await
}
