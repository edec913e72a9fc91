//! What a caller may see: everything else is as if it did not exist.

use std::sync::Arc;

use maintenance_flag::{App, Role};

use crate::AppState;
use crate::access::Caller;
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::operations::Operation;
use crate::problem::{Code, Problem};

impl AppState {
    /// The products that a caller may see.
    pub(super) fn visible<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> impl Iterator<Item = &'a Arc<ManagedProduct>> {
        let products = self.catalog.products();
        products.filter(|product| caller.may_read(&product.id))
    }

    /// The product of this id, if it is of this environment and the caller may see it.
    pub(super) fn visible_product(
        &self,
        caller: &Caller,
        environment: &str,
        id: &str,
    ) -> Result<&Arc<ManagedProduct>, Problem> {
        let product = self.catalog.product(environment, id);
        let product = product.filter(|product| caller.may_read(&product.id));
        product.ok_or_else(|| {
            not_found(&format!(
                "product {id:?} in the environment {environment:?}"
            ))
        })
    }

    /// The app of this name or full name, if it is of this environment and of a product that the caller may see;
    /// with the product by which it may.
    pub(super) fn visible_app<'a>(
        &'a self,
        caller: &'a Caller,
        environment: &str,
        name: &str,
    ) -> Result<(&'a Arc<ManagedApp>, &'a Arc<ManagedProduct>), Problem> {
        let with_product =
            |product: &'a Arc<ManagedProduct>| product.apps.iter().map(move |app| (app, product));
        let mut apps = self.visible(caller).flat_map(with_product);
        let is_it =
            |app: &App| app.env() == environment && (app.name() == name || app.to_string() == name);
        let found = apps.find(|(app, _)| is_it(app.app()));
        found.ok_or_else(|| not_found(&format!("app {name:?} in the environment {environment:?}")))
    }

    /// Whether a caller may see an app: by any product that has it.
    pub(super) fn may_read_app(&self, caller: &Caller, app: &App) -> bool {
        let mut products = self.catalog.products_of(app);
        products.any(|product| caller.may_read(&product.id))
    }

    /// Whether a caller may see an operation.
    pub(super) fn may_read_operation(&self, caller: &Caller, operation: &Operation) -> bool {
        match &operation.target.product {
            Some(product) => caller.may_read(&product.id),
            None => {
                let mut apps = operation.target.apps.iter();
                apps.all(|(app, _)| self.may_read_app(caller, app.app()))
            }
        }
    }
}

/// What a path names is not there, or the caller may not see it.
pub(super) fn not_found(what: &str) -> Problem {
    missing(what, "GET /api/environments lists what this token may see")
}

/// The same of what is not in that list: `look` says where to look instead.
pub(super) fn missing(what: &str, look: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no {what}. {look}"))
}

/// The same of a role.
pub(super) fn no_role(name: &str, app: &App) -> Problem {
    let look = "GET /api/environments/{environment}/product-deployments/{product} lists the roles of its apps";
    missing(&format!("role {name:?} of {app}"), look)
}

/// The role of this name: any may have been used before, so that only what can be none is refused.
pub(super) fn role(name: &str, app: &App) -> Result<Role, Problem> {
    name.parse().map_err(|_| no_role(name, app))
}
