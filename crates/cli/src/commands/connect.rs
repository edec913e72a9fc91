//! From settings to the control plane they describe.

use maintenance_control::{
    Clock, Control, FileStore, Fleet, Pace, RoleSpec, SsmStore, Store, connect,
};
use maintenance_flag::App;

use crate::failure::Failure;
use crate::settings::{Settings, StoreChoice};

/// The region of an app that needs none.
const NO_REGION: &str = "none";

/// The control plane of the app. Nothing is sent yet.
pub(crate) async fn control(settings: &Settings, app: App) -> Control {
    let mut aws = settings.aws();
    // An app on one machine needs no AWS, and looking for a region takes seconds where there is none.
    let scales = settings
        .roles
        .iter()
        .any(|role| role.functions.is_some() || role.tags.is_some());
    let needs_aws = settings.store.value == StoreChoice::Ssm || scales;
    if !needs_aws && settings.region.is_none() {
        aws.region = Some(NO_REGION.to_owned());
    }
    tracing::debug!(
        %app,
        store = %settings.store.value,
        prefix = %settings.prefix.value,
        rate = settings.rate.value,
        by = settings.by.value,
        "settled"
    );
    let clients = connect(&aws).await;
    let store = match &settings.store.value {
        StoreChoice::Ssm => Store::Ssm(SsmStore::new(clients.ssm, Clock::System)),
        StoreChoice::File(path) => Store::File(FileStore::new(path.clone())),
    };
    let pace = Pace::per_second(settings.rate.value);
    let fleet = Fleet::new(clients.lambda, Clock::System, pace);
    Control::new(
        app,
        &settings.prefix.value,
        store,
        fleet,
        settings.by.value.clone(),
    )
}

/// The roles asked for, as configured; with `--all`, and where the configuration does not have the role,
/// those too that only the store knows.
pub(crate) async fn asked(
    settings: &Settings,
    control: &Control,
) -> Result<Vec<RoleSpec>, Failure> {
    if settings.all {
        return Ok(control.known_roles(settings.configured()?).await?);
    }
    let Some(unknown) = &settings.unknown_role else {
        return settings.asked();
    };
    // A store that cannot be reached is the smaller of the two mistakes.
    let known = control.known_roles(Vec::new()).await.unwrap_or_default();
    let asked = known
        .into_iter()
        .find(|spec| spec.role == settings.role.value);
    asked.map(|spec| vec![spec]).ok_or_else(|| unknown.clone())
}

/// The role asked for; all of them, if none was.
pub(crate) async fn asked_or_all(
    settings: &Settings,
    control: &Control,
) -> Result<Vec<RoleSpec>, Failure> {
    if settings.asks_no_role() {
        return Ok(control.known_roles(settings.configured()?).await?);
    }
    asked(settings, control).await
}
