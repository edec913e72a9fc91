//! An observer, as the configuration describes it, and what it acts on.

use std::sync::Arc;
use std::time::Duration;

use maintenance_control::{Actor, Error, OffRequest, OnRequest};
use maintenance_flag::{App, Change, ObserverName, Options, Product, Role};

use super::{CheckResult, Kind};
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::operations::{Request, Target};

/// What an observer acts on.
#[derive(Debug, Clone)]
pub enum Place {
    /// All roles of all apps of a product.
    Product(Arc<ManagedProduct>),
    /// Roles of an app.
    App {
        /// The app.
        app: Arc<ManagedApp>,
        /// Its roles. None: all.
        roles: Option<Vec<Role>>,
    },
}

impl Place {
    /// How a sentence names it: `shop`, `billing-prod`, `web of billing-prod`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Product(product) => product.id.to_string(),
            Self::App { app, roles: None } => app.app().to_string(),
            Self::App {
                app,
                roles: Some(roles),
            } => {
                let roles: Vec<_> = roles.iter().map(Role::as_str).collect();
                format!("{} of {}", roles.join(" and "), app.app())
            }
        }
    }

    /// Its apps.
    #[must_use]
    pub fn apps(&self) -> &[Arc<ManagedApp>] {
        match self {
            Self::Product(product) => &product.apps,
            Self::App { app, .. } => std::slice::from_ref(app),
        }
    }

    /// Whether it belongs to this product: is it, or is an app of it.
    #[must_use]
    pub fn is_of(&self, product: &ManagedProduct) -> bool {
        match self {
            Self::Product(it) => it.id == product.id,
            Self::App { app, .. } => product.apps.iter().any(|it| it.app() == app.app()),
        }
    }

    /// Whether it has this role.
    pub(super) fn has(&self, role: &Role) -> bool {
        match self {
            Self::Product(_) | Self::App { roles: None, .. } => true,
            Self::App {
                roles: Some(roles), ..
            } => roles.contains(role),
        }
    }

    fn of_windows(&self) -> Option<Product> {
        match self {
            Self::Product(product) => product.of_windows(),
            Self::App { .. } => None,
        }
    }

    /// What an operation on it is about: all of its roles, or those of them that `keeps` says.
    pub(super) async fn target(
        &self,
        keeps: impl Fn(&App, &Role) -> bool,
    ) -> Result<Target, Error> {
        let mut target = match self {
            Self::Product(product) => Target::product(product).await?,
            Self::App { app, .. } => Target::app(Arc::clone(app)).await?,
        };
        for (app, roles) in &mut target.apps {
            roles.retain(|spec| self.has(&spec.role) && keeps(app.app(), &spec.role));
        }
        target.apps.retain(|(_, roles)| !roles.is_empty());
        Ok(target)
    }
}

/// What the windows of an observer have.
#[derive(Debug, Clone, Default)]
pub struct Opens {
    /// Why, for the team. None: that the observer saw it.
    pub reason: Option<String>,
    /// What visitors are told.
    pub message: Option<String>,
    /// Let safe methods pass.
    pub read_only: bool,
    /// Go on though asynchronous events will be lost. Without it, the observer cannot turn on what would lose them.
    pub accept_event_loss: bool,
}

/// An observer.
#[derive(Debug, Clone)]
pub struct Observer {
    /// What it is called, and who owns its windows.
    pub name: ObserverName,
    /// What it looks at.
    pub kind: Kind,
    /// The same in a word: `http`.
    pub kind_name: &'static str,
    /// How many equal results in a row it takes to change something: at least 1.
    pub confirm: u32,
    /// The time from the end of a check to the next one, which is up to a tenth longer or shorter.
    pub interval: Duration,
    /// How long a check may take.
    pub timeout: Duration,
    /// What it acts on.
    pub place: Place,
    /// What its windows have.
    pub opens: Opens,
    /// Values of variables that are part of what it sends. They are never shown.
    pub secrets: Vec<String>,
}

/// An observer, or why the configuration has it disabled.
#[derive(Debug, Clone)]
pub enum Configured {
    /// It observes.
    Enabled(Box<Observer>),
    /// It does not.
    Disabled {
        /// What it is called.
        name: ObserverName,
        /// What it would look at, in a word.
        kind_name: &'static str,
        /// What it would act on.
        place: Place,
        /// Why.
        why: String,
    },
}

impl Observer {
    /// Looks once.
    pub async fn check(&self) -> CheckResult {
        let checked = tokio::time::timeout(self.timeout, self.kind.check()).await;
        let late = |_| {
            let limit = self.timeout.as_secs_f64();
            CheckResult::unknown(format!("it took longer than {limit} s"))
        };
        checked.unwrap_or_else(late).clean(&self.secrets)
    }

    fn actor(&self) -> Actor {
        Actor::Observer(self.name.to_string())
    }

    pub(super) fn on(&self) -> Request {
        let Opens {
            reason,
            message,
            read_only,
            accept_event_loss,
        } = self.opens.clone();
        let default = || format!("the observer {} saw that it is needed", self.name);
        Request::On(Box::new(OnRequest {
            who: self.actor(),
            product: self.place.of_windows(),
            reason: Some(reason.unwrap_or_else(default)),
            read_only,
            options: Options {
                message: message.map_or(Change::Keep, Change::Set),
                ..Options::default()
            },
            link: None,
            accept_event_loss,
            shown: None,
        }))
    }

    /// Closes its own windows, whatever product they were opened for.
    pub(super) fn off(&self) -> Request {
        Request::Off(OffRequest {
            who: self.actor(),
            product: None,
            force: None,
            restore_saved: false,
        })
    }
}
