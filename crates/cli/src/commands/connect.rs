//! From settings to the control plane they describe.

use maintenance_control::{
    Calls, Clock, Context, Control, Error, FileStore, Fleet, RateLimiter, RoleSpec, SsmStore,
    Store, Visitor, connect,
};
use maintenance_flag::App;

use crate::error::CliError;
use crate::output::Output;
use crate::progress::told;
use crate::settings::{RoleSettings, Settings, StoreChoice};

/// The region of an app that needs none.
const NO_REGION: &str = "none";

/// The control plane of an app, and which of its calls AWS has not answered yet.
pub(crate) struct Connection {
    pub(crate) control: Control,
    pub(crate) calls: Calls,
    pub(crate) visitor: Visitor,
}

/// Connects to the app. Nothing is sent yet.
pub(crate) async fn connection(settings: &Settings, app: App) -> Result<Connection, CliError> {
    let mut aws = settings.aws();
    // An app on one machine needs no AWS, and looking for a region takes seconds where there is none.
    let scales = settings.roles.iter().any(RoleSettings::selects_functions);
    let needs_aws = settings.store.value == StoreChoice::Ssm || scales;
    if !needs_aws {
        aws.region.get_or_insert_with(|| NO_REGION.to_owned());
        // Nor does it matter to such an app that AWS_PROFILE names one that is gone.
        aws.profile.get_or_insert_with(|| "default".to_owned());
    }
    tracing::info!(
        %app,
        store = %settings.store.value,
        prefix = %settings.prefix.value,
        rate = settings.rate.value.0,
        by = settings.by.value,
        "settings"
    );
    let clients = connect(&aws).await?;
    let store = match &settings.store.value {
        StoreChoice::Ssm => Store::Ssm(SsmStore::new(clients.ssm, Clock::System)),
        StoreChoice::File(path) => Store::File(FileStore::new(path.clone())),
    };
    let rate_limiter = RateLimiter::per_second(settings.rate.value.0);
    let fleet = Fleet::new(clients.lambda, Clock::System, rate_limiter);
    let by = settings.by.value.clone();
    let control = Control::new(app, &settings.prefix.value, store, fleet, by);
    Ok(Connection {
        control,
        calls: clients.calls,
        visitor: clients.visitor,
    })
}

/// The roles asked for, as configured; with `--all`, and where the configuration does not have the role,
/// those too that only the store knows.
pub(crate) async fn asked(
    settings: &Settings,
    connection: &Connection,
    output: &Output,
) -> Result<Vec<RoleSpec>, CliError> {
    if settings.all {
        return Ok(known(connection, settings.configured()?, output).await?);
    }
    let Some(unknown) = &settings.unknown_role else {
        return settings.asked();
    };
    // A store that cannot be reached is the smaller of the two mistakes.
    let known = known(connection, Vec::new(), output).await;
    let known = known.unwrap_or_default();
    let asked = known
        .into_iter()
        .find(|spec| spec.role == settings.role.value);
    asked.map(|spec| vec![spec]).ok_or_else(|| unknown.clone())
}

/// The role asked for; all of them, if none was.
pub(crate) async fn asked_or_all(
    settings: &Settings,
    connection: &Connection,
    output: &Output,
) -> Result<Vec<RoleSpec>, CliError> {
    if settings.asks_no_role() {
        return Ok(known(connection, settings.configured()?, output).await?);
    }
    asked(settings, connection, output).await
}

/// These roles, and those that the store knows.
pub(crate) async fn known(
    connection: &Connection,
    configured: Vec<RoleSpec>,
    output: &Output,
) -> Result<Vec<RoleSpec>, Error> {
    let known = async |control: &Control, _: &Context<'_>| control.known_roles(configured).await;
    told(connection, output, known).await
}
