//! From settings to the control plane they describe.

use std::time::Duration;

use maintenance_control::{
    AwsSettings, Calls, Clients, Control, FileStore, Fleet, Identity, Probe, RateLimiter,
    SettingError, SsmStore, Store, Visitor, connect,
};
use maintenance_flag::App;
use maintenance_server::access::AccessStore;
use maintenance_server::observers::ObservationStore;

use crate::error::CliError;
use crate::settings::{RoleSettings, Settings};
use crate::source::Source;
use crate::values::StoreChoice;

/// The region of an app that needs none.
const NO_REGION: &str = "none";

/// The control plane of an app, and which of its calls AWS has not answered yet.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) control: Control,
    /// The same for reads that a person waits for, outside an operation.
    pub(crate) reads: Control,
    /// Who may use the server of this app.
    pub(crate) tokens: AccessStore,
    /// What the observers of the file of this app saw last.
    pub(crate) observations: ObservationStore,
    pub(crate) calls: Calls,
    pub(crate) visitor: Visitor,
    /// Who calls AWS.
    pub(crate) identity: Identity,
}

/// How apps of one account and region reach it: what they call counts against the same rate.
struct Shared {
    aws: AwsSettings,
    rate: f64,
    clients: Clients,
    rate_limiter: RateLimiter,
}

/// Connects apps. Those of one account and region share its rate.
#[derive(Default)]
pub(crate) struct Connections {
    shared: Vec<Shared>,
}

impl Connections {
    /// Connects to an app. Nothing is sent yet.
    pub(crate) async fn open(&mut self, settings: &Settings) -> Result<Connection, CliError> {
        let app = settings.app()?;
        let (aws, rate) = (aws(settings), settings.rate.value.0);
        tracing::info!(
            %app,
            store = %settings.store.value,
            prefix = %settings.prefix.value,
            rate,
            by = settings.by.value,
            "settings"
        );
        Ok(Connection::of(
            self.shared(aws, rate, settings).await?,
            settings,
            app,
        ))
    }

    /// What observers look at in AWS, with the credentials and the region of an app, also if it is on one machine.
    pub(crate) async fn probe(&mut self, settings: &Settings) -> Result<Probe, CliError> {
        let shared = self.shared(settings.aws(), settings.rate.value.0, settings);
        Ok(Probe::new(&shared.await?.clients))
    }

    async fn shared(
        &mut self,
        aws: AwsSettings,
        rate: f64,
        settings: &Settings,
    ) -> Result<&Shared, CliError> {
        let mut known = self.shared.iter();
        let known = known.position(|it| it.aws == aws && it.rate == rate);
        let known = match known {
            Some(known) => known,
            None => {
                let clients = connect(&aws).await;
                self.shared.push(Shared {
                    clients: clients.map_err(|error| failure(&error, settings))?,
                    rate_limiter: RateLimiter::per_second(rate),
                    aws,
                    rate,
                });
                self.shared.len() - 1
            }
        };
        Ok(&self.shared[known])
    }
}

impl Connection {
    /// Connects to one app. Nothing is sent yet.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, CliError> {
        Connections::default().open(settings).await
    }

    /// Connects to each of these apps. Nothing is sent yet.
    pub(crate) async fn open_all(apps: &[Settings]) -> Result<Vec<Self>, CliError> {
        let mut connections = Connections::default();
        let mut all = Vec::with_capacity(apps.len());
        for settings in apps {
            let opened = connections.open(settings).await;
            all.push(match apps.len() {
                1 => opened?,
                _ => {
                    let app = settings.app()?;
                    opened.map_err(|error| error.of_app(&app))?
                }
            });
        }
        Ok(all)
    }

    fn of(shared: &Shared, settings: &Settings, app: App) -> Self {
        let clients = shared.clients.clone();
        let store = store(&clients, settings);
        let limit = answer_limit(settings);
        let prefix = &settings.prefix.value;
        let tokens = AccessStore::new(store.with_answer_limit(limit), prefix, app.clone());
        let observations = ObservationStore::new(store.with_answer_limit(limit), prefix, &app);
        let fleet = Fleet::new(clients.lambda, shared.rate_limiter.clone())
            .with_identity(clients.identity.clone());
        let by = settings.by.value.clone();
        let control = Control::new(app, prefix, store, fleet, by);
        Self {
            reads: control.with_answer_limit(limit),
            control,
            tokens,
            observations,
            calls: clients.calls,
            visitor: clients.visitor,
            identity: clients.identity,
        }
    }
}

/// The store alone, for reads that a person waits for, of a command that acts on no app. Nothing is sent yet.
pub(crate) async fn store_for_reads(settings: &Settings) -> Result<Store, CliError> {
    let clients = connect(&aws(settings)).await;
    let clients = clients.map_err(|error| failure(&error, settings))?;
    Ok(store(&clients, settings).with_answer_limit(answer_limit(settings)))
}

fn store(clients: &Clients, settings: &Settings) -> Store {
    match &settings.store.value {
        StoreChoice::Ssm => Store::Ssm(SsmStore::new(clients.ssm.clone())),
        StoreChoice::File(path) => Store::File(FileStore::new(path.clone())),
    }
}

fn answer_limit(settings: &Settings) -> Duration {
    Duration::from_secs(settings.timeout.value)
}

/// Whether an app calls AWS at all.
pub(crate) fn needs_aws(settings: &Settings) -> bool {
    let scales = settings.roles.iter().any(RoleSettings::selects_functions);
    settings.store.value == StoreChoice::Ssm || scales
}

fn aws(settings: &Settings) -> AwsSettings {
    let mut aws = settings.aws();
    // An app on one machine needs no AWS, and looking for a region takes seconds where there is none.
    if !needs_aws(settings) {
        aws.region.get_or_insert_with(|| NO_REGION.to_owned());
        // Nor does it matter to such an app that AWS_PROFILE names one that is gone.
        aws.profile.get_or_insert_with(|| "default".to_owned());
    }
    aws
}

/// The error, with the line of the file that has the setting.
fn failure(error: &SettingError, settings: &Settings) -> CliError {
    let given = match error.name() {
        "profile" => settings.profile.as_ref(),
        "region" => settings.region.as_ref(),
        _ => None,
    };
    match given.map(|it| &it.source) {
        Some(place @ Source::File { .. }) => {
            CliError::of_setting(error, &format!("{} ({place})", error.name()))
        }
        _ => error.clone().into(),
    }
}
