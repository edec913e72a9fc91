//! From settings to the control plane they describe.

use std::time::Duration;

use maintenance_control::{
    Calls, Clock, Control, FileStore, Fleet, RateLimiter, SsmStore, Store, Visitor, connect,
};
use maintenance_flag::App;
use maintenance_server::access::AccessStore;

use crate::error::CliError;
use crate::settings::{RoleSettings, Settings};
use crate::source::Source;
use crate::values::StoreChoice;

/// The region of an app that needs none.
const NO_REGION: &str = "none";

/// The control plane of an app, and which of its calls AWS has not answered yet.
pub(crate) struct Connection {
    pub(crate) control: Control,
    /// The same for reads that a person waits for, outside an operation.
    pub(crate) reads: Control,
    /// Who may use the server of this app.
    pub(crate) tokens: AccessStore,
    pub(crate) calls: Calls,
    pub(crate) visitor: Visitor,
}

impl Connection {
    /// Connects to the app. Nothing is sent yet.
    pub(crate) async fn open(settings: &Settings, app: App) -> Result<Self, CliError> {
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
        let clients = connect(&aws).await.map_err(|error| {
            let given = match error.name() {
                "profile" => settings.profile.as_ref(),
                "region" => settings.region.as_ref(),
                _ => None,
            };
            match given.map(|it| &it.source) {
                Some(place @ Source::File { .. }) => {
                    CliError::of_setting(&error, &format!("{} ({place})", error.name()))
                }
                _ => error.into(),
            }
        })?;
        let store = match &settings.store.value {
            StoreChoice::Ssm => Store::Ssm(SsmStore::new(clients.ssm, Clock::System)),
            StoreChoice::File(path) => Store::File(FileStore::new(path.clone())),
        };
        let limit = Duration::from_secs(settings.timeout.value);
        let prefix = &settings.prefix.value;
        let tokens = AccessStore::new(store.with_answer_limit(limit), prefix, app.clone());
        let rate_limiter = RateLimiter::per_second(settings.rate.value.0);
        let fleet = Fleet::new(clients.lambda, Clock::System, rate_limiter);
        let by = settings.by.value.clone();
        let control = Control::new(app, prefix, store, fleet, by);
        Ok(Connection {
            reads: control.with_answer_limit(limit),
            control,
            tokens,
            calls: clients.calls,
            visitor: clients.visitor,
        })
    }
}
