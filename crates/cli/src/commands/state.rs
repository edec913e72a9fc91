//! What `serve` and `observe` work on: the apps, products and observers of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use maintenance_control::{Clock, Probe};
use maintenance_flag::{App, Product};
use maintenance_server::AppState;
use maintenance_server::catalog::{Catalog, ManagedApp, ManagedProduct};
use maintenance_server::function;
use maintenance_server::observers::kinds::{Alarm, Calendar, Command, File, Http, Parameter, Sql};
use maintenance_server::observers::{Configured, Kind, Observer, Place};
use maintenance_server::outbound::Outbound;

use super::notifications::{notifier, outbound};
use crate::connection::Connections;
use crate::error::CliError;
use crate::output::Output;
use crate::settings::{Configuration, ObservedPlace, ObserverSettings, Settings, Watches};

/// The products of the configuration with these of its observers, which do nothing yet.
pub(super) async fn state<'a>(
    configuration: &Configuration<'_>,
    own: &Settings,
    observers: impl Iterator<Item = &'a ObserverSettings>,
    connections: &mut Connections,
    output: &Output,
) -> Result<AppState, CliError> {
    let settings = configuration.notify()?;
    let connection = connections.open(own).await?;
    let (visitor, store) = (connection.visitor, connection.observations);
    let mut notifier = notifier(&settings, &visitor);
    if function::is_function() {
        notifier = notifier.in_function();
    }
    let catalog = catalog(configuration, own, connections).await?;
    let client = outbound(&visitor);
    let configured = configured(observers, own, &catalog, connections, &client).await?;
    for (receiver, why) in settings.disabled() {
        let name = &receiver.name;
        output.say(format_args!("Warning: {name} is not notified: {why}"));
    }
    let state = AppState::notifying(catalog, notifier);
    Ok(state.with_observers(configured, store, Clock::System))
}

/// The products of the configuration; if it names none, one of its app.
async fn catalog(
    configuration: &Configuration<'_>,
    own: &Settings,
    connections: &mut Connections,
) -> Result<Catalog, CliError> {
    let products = configuration.products()?;
    if products.is_empty() {
        let app = managed(connections, own).await?;
        let name = app.app().name().to_owned();
        let id: Product = name.parse().map_err(|error: maintenance_flag::NameError| {
            CliError::usage(error.to_string())
                .hint("name a product in maintenance.toml: [products.…] with apps = […]")
        })?;
        return Ok(Catalog::new(vec![ManagedProduct {
            id,
            title: name,
            version: None,
            environment: app.app().env().to_owned(),
            apps: vec![Arc::new(app)],
            is_implied: true,
        }]));
    }
    // An app of two products is one app: what is read of it is read once.
    let mut known: BTreeMap<App, Arc<ManagedApp>> = BTreeMap::new();
    let mut managed_products = Vec::with_capacity(products.len());
    for product in products {
        let mut apps = Vec::with_capacity(product.apps.len());
        for settings in &product.apps {
            let app = settings.app()?;
            let managed = match known.get(&app) {
                Some(managed) => Arc::clone(managed),
                None => Arc::new(managed(connections, settings).await?),
            };
            known.insert(app, Arc::clone(&managed));
            apps.push(managed);
        }
        managed_products.push(ManagedProduct {
            title: match product.title {
                Some(title) => title.value,
                None => product.id.to_string(),
            },
            id: product.id,
            version: product.version.map(|version| version.value),
            environment: product.environment,
            apps,
            is_implied: false,
        });
    }
    Ok(Catalog::new(managed_products))
}

/// An app as it is managed.
pub(super) async fn managed(
    connections: &mut Connections,
    settings: &Settings,
) -> Result<ManagedApp, CliError> {
    let connection = connections.open(settings).await?;
    Ok(ManagedApp {
        control: connection.control,
        reads: connection.reads,
        roles: settings.configured()?,
        url: settings.link_url(),
    })
}

/// The observers of these settings, for the apps of this catalog.
async fn configured<'a>(
    observers: impl Iterator<Item = &'a ObserverSettings>,
    own: &Settings,
    catalog: &Catalog,
    connections: &mut Connections,
    client: &Outbound,
) -> Result<Vec<Configured>, CliError> {
    let mut all = Vec::new();
    for settings in observers {
        let place = place(settings, catalog, connections).await?;
        let watches = match &settings.watches {
            Ok(watches) => watches,
            Err(why) => {
                all.push(Configured::Disabled {
                    name: settings.name.clone(),
                    kind_name: settings.kind_name,
                    place,
                    why: why.clone(),
                });
                continue;
            }
        };
        let app = match &settings.place {
            ObservedPlace::Product(_) => own,
            ObservedPlace::App(app, _) => app,
        };
        all.push(Configured::Enabled(Box::new(Observer {
            kind: kind(settings, watches, app, connections, client).await?,
            kind_name: settings.kind_name,
            name: settings.name.clone(),
            confirm: settings.confirm,
            interval: settings.interval,
            timeout: settings.timeout,
            place,
            opens: settings.opens.clone(),
            secrets: settings.secrets.clone(),
        })));
    }
    Ok(all)
}

async fn place(
    settings: &ObserverSettings,
    catalog: &Catalog,
    connections: &mut Connections,
) -> Result<Place, CliError> {
    match &settings.place {
        ObservedPlace::Product(product) => {
            let mut products = catalog.products();
            let known = products.find(|it| it.id == product.id);
            let missing = || CliError::failed(format!("there is no product {}", product.id));
            Ok(Place::Product(Arc::clone(known.ok_or_else(missing)?)))
        }
        ObservedPlace::App(app, roles) => {
            let managed = match catalog.app(&app.app()?.to_string()) {
                Some(managed) => Arc::clone(managed),
                None => Arc::new(managed(connections, app).await?),
            };
            Ok(Place::App {
                app: managed,
                roles: roles.clone(),
            })
        }
    }
}

async fn kind(
    settings: &ObserverSettings,
    watches: &Watches,
    app: &Settings,
    connections: &mut Connections,
    client: &Outbound,
) -> Result<Kind, CliError> {
    let mut probe = async || -> Result<Probe, CliError> {
        let probe = connections.probe(app).await?;
        Ok(probe.with_answer_limit(settings.timeout))
    };
    Ok(match watches.clone() {
        Watches::Http {
            method,
            url,
            headers,
            allow_link_local,
            status,
            expected,
            json_path,
        } => Kind::Http(Http {
            client: client.clone(),
            method,
            url,
            headers,
            allow_link_local,
            status,
            expected,
            json_path,
            within: settings.timeout,
        }),
        Watches::File(path, mode) => Kind::File(File::new(path, mode)),
        Watches::Command {
            command,
            folder,
            status,
            expected,
        } => {
            let mut words = command.into_iter().map(Into::into);
            Kind::Command(Command {
                program: words.next().unwrap_or_default(),
                arguments: words.collect(),
                folder,
                status,
                expected,
            })
        }
        Watches::Parameter {
            name,
            expected,
            missing,
        } => Kind::Parameter(Parameter {
            probe: probe().await?,
            name,
            expected,
            missing,
        }),
        Watches::Sql { database, expected } => Kind::Sql(Sql {
            database,
            expected,
            within: settings.timeout,
        }),
        Watches::Alarm(name) => Kind::Alarm(Alarm {
            probe: probe().await?,
            name,
        }),
        Watches::Calendar(name) => Kind::Calendar(Calendar {
            probe: probe().await?,
            name,
        }),
    })
}
