//! The console over the demonstration app and another one, which are a product together.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use maintenance_control::{
    CancellationToken, Clock, Control, Drain, Fleet, RateLimiter, RoleSpec, Selection,
    SelectionError, SsmStore, Store,
};
use maintenance_flag::{App, NameError, Options, Prefix, Role, Scope};
use maintenance_sandbox::Sandbox;
use maintenance_server::AppState;
use maintenance_server::access::{Access, AccessStore, NewToken, TokenError};
use maintenance_server::catalog::{Catalog, ManagedApp, ManagedProduct};
use maintenance_server::observers::kinds::{File, FileMode};
use maintenance_server::observers::{Configured, Kind, ObservationStore, Observer, Opens, Place};
use maintenance_server::serve::{Listen, Listener, ServeError};
use tokio::task::JoinHandle;

use crate::error::CliError;

use super::app::{DemoApp, KEY, OBSERVER, ssm_client};
use super::workers::{APP, BILLING, BILLING_WORKERS, ENV, WORKERS};

/// The name of its token.
const TOKEN: &str = "dev";
/// How long a page waits for an answer of the local AWS.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How often its observer looks.
const OBSERVE_EVERY: Duration = Duration::from_secs(5);
/// Calls a second to Lambda, as the command makes them.
const RATE: f64 = 10.0;

/// The console, running until it is stopped.
pub(crate) struct Console {
    url: String,
    token: String,
    stop: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Console {
    /// Starts it over this app, on a port of 127.0.0.1; 0 is a free one.
    pub(crate) async fn start(demo_app: &DemoApp, port: u16) -> Result<Self, CliError> {
        let listen = Listen {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            tls: None,
            behind_proxy: false,
        };
        let listener = Listener::bind(&listen).await.map_err(|error| {
            CliError::failed("cannot serve the console")
                .caused_by(&error)
                .hint("choose another --console-port, or leave it out for a free one")
        })?;
        let sandbox = demo_app.sandbox();
        let cannot = |error: &dyn std::error::Error| {
            CliError::failed("cannot prepare the console").caused_by(error)
        };
        let catalog = catalog(sandbox, demo_app).map_err(|e| cannot(&*e))?;
        let own = App::new(APP, ENV).map_err(|e| cannot(&e))?;
        let observers = catalog.products().map(|shop| observer(shop, demo_app));
        let observers = observers
            .collect::<Result<_, _>>()
            .map_err(|e| cannot(&e))?;
        let observations = ObservationStore::new(store(sandbox), &Prefix::default(), &own);
        let state = AppState::new(catalog).with_observers(observers, observations, Clock::System);
        let stored = AccessStore::new(store(sandbox), &Prefix::default(), own);
        let token = new_token(&stored).await.map_err(|e| cannot(&*e))?;
        let router =
            maintenance_server::router(state.clone(), &Access::new(stored, Default::default()));
        let (url, stop) = (listener.url(), CancellationToken::new());
        let until = stop.clone();
        state.observers.start(&state.operations.stopping());
        let served = tokio::spawn(async move {
            listener
                .serve(&state, router, until.cancelled())
                .await
                .map(drop)
        });
        Ok(Self {
            url,
            token,
            stop,
            served,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The token to sign in with: one of the local AWS, which opens nothing else.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Stops it. Operations at work end their step in hand.
    pub(crate) async fn stop(self) -> Result<(), CliError> {
        self.stop.cancel();
        let failed =
            |error: &dyn std::error::Error| CliError::failed("the console failed").caused_by(error);
        match self.served.await {
            Ok(served) => served.map_err(|error| failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// A new token. The one of a state that is taken up again cannot be shown once more.
async fn new_token(stored: &AccessStore) -> Result<String, Box<dyn std::error::Error>> {
    match stored.revoke(TOKEN).await {
        Ok(_) | Err(TokenError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let new = NewToken {
        name: TOKEN.parse()?,
        scope: Scope::Write,
        observer: None,
        products: None,
        expires: None,
        by: "maintenance dev".to_owned(),
    };
    let (secret, _) = stored.create(new).await?;
    Ok(secret.reveal())
}

/// What the configuration file of the app says, for a second terminal, too.
fn observer(shop: &Arc<ManagedProduct>, demo_app: &DemoApp) -> Result<Configured, NameError> {
    Ok(Configured::Enabled(Box::new(Observer {
        name: OBSERVER.parse()?,
        kind: Kind::File(File::new(demo_app.observed(), FileMode::Exists)),
        kind_name: "file",
        confirm: 1,
        interval: OBSERVE_EVERY,
        timeout: ANSWER_WITHIN,
        place: Place::Product(Arc::clone(shop)),
        opens: Opens {
            accept_event_loss: true,
            ..Opens::default()
        },
        secrets: Vec::new(),
    })))
}

fn catalog(sandbox: &Sandbox, demo_app: &DemoApp) -> Result<Catalog, Box<dyn std::error::Error>> {
    let url = format!("http://{}/", demo_app.page());
    let shop = ManagedProduct {
        id: "shop".parse::<maintenance_flag::Product>()?,
        title: "Shop".to_owned(),
        version: Some("2.4.1".to_owned()),
        environment: ENV.to_owned(),
        apps: vec![
            Arc::new(managed(sandbox, APP, WORKERS, Some(url))?),
            Arc::new(managed(sandbox, BILLING, BILLING_WORKERS, None)?),
        ],
        is_implied: false,
    };
    Ok(Catalog::new(vec![shop]))
}

fn managed(
    sandbox: &Sandbox,
    name: &str,
    workers: &str,
    url: Option<String>,
) -> Result<ManagedApp, Box<dyn std::error::Error>> {
    let app = App::new(name, ENV).map_err(|error: NameError| error)?;
    let functions = Selection::new(&[workers.to_owned()], &[], BTreeMap::new());
    let role = |role, functions| RoleSpec {
        role,
        functions,
        drain: Drain::default(),
        options: Options::default(),
    };
    let functions = functions.map_err(|error: SelectionError| error)?;
    let fleet = Fleet::new(lambda_client(sandbox), RateLimiter::per_second(RATE));
    let by = "maintenance dev".to_owned();
    let control = Control::new(app, &Prefix::default(), store(sandbox), fleet, by);
    Ok(ManagedApp {
        reads: control.with_answer_limit(ANSWER_WITHIN),
        control,
        roles: vec![
            role(Role::web(), None),
            role(Role::worker(), Some(functions)),
        ],
        url,
    })
}

fn store(sandbox: &Sandbox) -> Store {
    Store::Ssm(SsmStore::new(ssm_client(sandbox)))
}

fn lambda_client(sandbox: &Sandbox) -> aws_sdk_lambda::Client {
    use aws_sdk_lambda::config::retry::RetryConfig;
    use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(sandbox.settings().region))
        .credentials_provider(Credentials::new(KEY, KEY, None, None, KEY))
        // The control plane tries again by itself.
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}
