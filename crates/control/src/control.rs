//! [`Control`]: one app's parameters and functions, and who operates on them.
//!
//! Its operations are in [`operation`](crate::operation), how things stand in [`status`](crate::status).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use maintenance_flag::{App, Flag, Parameters, Prefix, Product, Role, TooLarge, WindowId};

use crate::clock::Clock;
use crate::error::Error;
use crate::event::Context;
use crate::fleet::Fleet;
use crate::lease::LeaseAcquirer;
use crate::report::Holder;
use crate::store::Store;

/// The control plane of one app.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) app: App,
    pub(crate) names: Parameters,
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) clock: Clock,
    pub(crate) by: String,
    /// The products whose windows it may change, beside those of none. None: all.
    products: Option<Arc<BTreeSet<Product>>>,
}

impl Control {
    /// The control plane of `app`, whose parameters are below `prefix` in `store`. `by` says who is at
    /// work, as in `ana@laptop`.
    #[must_use]
    pub fn new(app: App, prefix: &Prefix, store: Store, fleet: Fleet, by: String) -> Self {
        let names = Parameters::new(prefix, &app);
        Self {
            app,
            names,
            store,
            fleet,
            clock: Clock::System,
            by,
            products: None,
        }
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same for reads that a person waits for: a call that AWS has not answered for this long is given
    /// up. An operation has no such limit: a process that was frozen in the middle of one goes on.
    #[must_use]
    pub fn with_answer_limit(&self, limit: Duration) -> Self {
        Self {
            store: self.store.with_answer_limit(limit),
            fleet: self.fleet.with_answer_limit(limit),
            ..self.clone()
        }
    }

    /// The same at work for `by`: its calls count against the same rate.
    #[must_use]
    pub fn acting_for(&self, by: &str) -> Self {
        Self {
            by: by.to_owned(),
            ..self.clone()
        }
    }

    /// The same for one that may change the windows of these products alone, and those of none. What would change
    /// the window of another is refused under the lease ([`Error::OtherProduct`]); an operation on a product leaves
    /// it alone anyway.
    #[must_use]
    pub fn limited_to(self, products: BTreeSet<Product>) -> Self {
        Self {
            products: Some(Arc::new(products)),
            ..self
        }
    }

    /// Refuses to change a window that is open for a product that is none of its own.
    pub(crate) fn check_product(&self, role: &Role, flag: &Flag) -> Result<(), Error> {
        let product = flag.product.as_ref();
        let product = product.filter(|_| flag.mode_at(self.clock.now()).is_on());
        match (product, &self.products) {
            (Some(product), Some(products)) if !products.contains(product) => {
                Err(Error::OtherProduct {
                    role: role.clone(),
                    product: product.clone(),
                    owner: flag.owner.clone(),
                    since: flag.since,
                })
            }
            _ => Ok(()),
        }
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    pub(crate) fn too_large(&self, role: &Role, source: TooLarge) -> Error {
        Error::TooLarge {
            role: role.clone(),
            name: self.names.flag(role),
            source,
        }
    }

    pub(crate) fn acquirer<'a>(
        &'a self,
        operation: String,
        roles: &'a [&'a Role],
        context: &'a Context<'a>,
    ) -> LeaseAcquirer<'a> {
        LeaseAcquirer {
            store: &self.store,
            names: &self.names,
            clock: self.clock,
            by: &self.by,
            operation,
            roles,
            context,
        }
    }

    /// Who operates on the app just now, or died without giving its lease back. Reads only.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn holder(&self) -> Result<Option<Holder>, Error> {
        self.acquirer("unlock".to_owned(), &[], &Context::quiet())
            .holder()
            .await
    }

    /// Ends the lease of this holder, for one that has died and is not waited for. If it lives, it notices
    /// before its next change, and its last call ends; this returns after that, in 25 seconds. Returns whose
    /// lease it was; none if there was nothing to end.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Busy`] if another operation holds the lease by now.
    pub async fn unlock(
        &self,
        shown: &Holder,
        context: &Context<'_>,
    ) -> Result<Option<Holder>, Error> {
        self.acquirer("unlock".to_owned(), &[], context)
            .end(shown)
            .await
    }

    pub(crate) fn new_window(&self) -> WindowId {
        WindowId::new(self.clock.now(), fastrand::u32(..))
    }
}
