//! Products, a REST API and a web console over [`maintenance_control`]: maintenance for a team.
//!
//! One process and no database: everything that matters is in the parameter store. What lives here alone,
//! operations at work and what is remembered of the last ones, may end with the process; a server that is
//! started again finds what is half done by the flags, the saved capacity and the lease, and the same request
//! finishes it.
//!
//! # Where things are
//!
//! | module | |
//! |---|---|
//! | [`access`] | who may do what: tokens, sessions, and what every request goes through |
//! | [`api`] | the REST API |
//! | [`console`] | the pages
//! | [`catalog`] | what is managed: products and their apps, as the configuration has them |
//! | [`statuses`] | how they stand, read from the stores and kept for a moment |
//! | `history` | what became of products, in pages |
//! | [`operations`] | operations at work, and how they ended |
//! | [`notify`] | what happened, told to webhooks and Slack |
//! | [`outbound`] | requests to addresses that the configuration names |
//! | [`observers`] | monitors that turn maintenance on and off by what they see |
//! | [`problem`] | errors as they are answered |
//! | `sql` | one value of a database, with the feature of that name |
//! | [`serve`], [`function`] | the server as a process, and as a Lambda function |

pub mod access;
pub mod api;
pub mod catalog;
pub mod console;
mod deadline;
pub mod function;
mod history;
pub mod notify;
pub mod observers;
pub mod operations;
pub mod outbound;
pub mod problem;
mod router;
pub mod schedule;
pub mod serve;
#[cfg(feature = "sql")]
pub mod sql;
pub mod statuses;

pub use router::router;

use catalog::Catalog;
use maintenance_control::Clock;
use notify::Notifier;
use observers::{Configured, ObservationStore, Observers};
use operations::Operations;
use statuses::Statuses;

/// What every request is answered from.
#[derive(Debug, Clone)]
pub struct AppState {
    /// What is managed.
    pub catalog: Catalog,
    /// How it stands.
    pub statuses: Statuses,
    /// What is done with it.
    pub operations: Operations,
    /// What observes it.
    pub observers: Observers,
    /// What is told of it to those who listen.
    pub feed: api::Feed,
    /// What is told of it to those who asked for it in the configuration.
    pub notifier: Notifier,
    /// What is counted.
    pub metrics: api::Metrics,
}

impl AppState {
    /// Over these products.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self::notifying(catalog, Notifier::none())
    }

    /// Over these products, telling what happens to them.
    #[must_use]
    pub fn notifying(catalog: Catalog, notifier: Notifier) -> Self {
        let statuses = Statuses::new(&catalog);
        Self {
            operations: Operations::new(statuses.clone(), notifier.clone()),
            notifier,
            observers: Observers::default(),
            feed: api::Feed::default(),
            metrics: api::Metrics::default(),
            catalog,
            statuses,
        }
    }

    /// The same with these observers. They do nothing until they are started.
    #[must_use]
    pub fn with_observers(
        self,
        configured: Vec<Configured>,
        store: ObservationStore,
        clock: Clock,
    ) -> Self {
        let setup = observers::Setup {
            operations: self.operations.clone(),
            statuses: self.statuses.clone(),
            store,
            clock,
        };
        Self {
            observers: Observers::new(configured, &setup),
            ..self
        }
    }
}
