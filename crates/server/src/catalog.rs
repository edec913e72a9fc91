//! What the server manages: products and their apps, as the configuration has them.

use std::collections::BTreeSet;
use std::sync::Arc;

use maintenance_control::{Control, RoleSpec};
use maintenance_flag::{App, Product, Role};

/// An app, and how it is reached.
#[derive(Debug)]
pub struct ManagedApp {
    /// For operations.
    pub control: Control,
    /// For reads that a person waits for: [`Control::with_answer_limit`].
    pub reads: Control,
    /// Its roles as configured. The store may know more.
    pub roles: Vec<RoleSpec>,
    /// Where its site is, if that is known.
    pub url: Option<String>,
}

impl ManagedApp {
    /// The app.
    #[must_use]
    pub fn app(&self) -> &App {
        self.control.app()
    }

    /// The role, if it is configured.
    #[must_use]
    pub fn role(&self, role: &Role) -> Option<&RoleSpec> {
        self.roles.iter().find(|spec| spec.role == *role)
    }
}

/// A set of apps of one environment that go into maintenance together.
#[derive(Debug)]
pub struct ManagedProduct {
    /// Its id.
    pub id: Product,
    /// How it is called on pages.
    pub title: String,
    /// Its version, as shown.
    pub version: Option<String>,
    /// Its environment.
    pub environment: String,
    /// Its apps.
    pub apps: Vec<Arc<ManagedApp>>,
    /// The configuration declares no product: this one stands for its only app. Its windows belong to no
    /// product, so that what the command opens for the app is closed here as well.
    pub is_implied: bool,
}

impl ManagedProduct {
    /// The product that its windows belong to.
    #[must_use]
    pub fn of_windows(&self) -> Option<Product> {
        (!self.is_implied).then(|| self.id.clone())
    }
}

/// All products, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Catalog {
    products: Arc<[Arc<ManagedProduct>]>,
}

impl Catalog {
    /// The catalog of these products, whose ids differ.
    #[must_use]
    pub fn new(products: Vec<ManagedProduct>) -> Self {
        Self {
            products: products.into_iter().map(Arc::new).collect(),
        }
    }

    /// All products.
    pub fn products(&self) -> impl Iterator<Item = &Arc<ManagedProduct>> {
        self.products.iter()
    }

    /// All environments, by name.
    #[must_use]
    pub fn environments(&self) -> BTreeSet<&str> {
        let environments = self.products().map(|product| product.environment.as_str());
        environments.collect()
    }

    /// The product of this id, if it is of this environment.
    #[must_use]
    pub fn product(&self, environment: &str, id: &str) -> Option<&Arc<ManagedProduct>> {
        let mut products = self.products();
        products.find(|product| product.environment == environment && product.id.as_str() == id)
    }

    /// The app `<name>-<env>`.
    #[must_use]
    pub fn app(&self, name: &str) -> Option<&Arc<ManagedApp>> {
        let mut apps = self.products().flat_map(|product| &product.apps);
        apps.find(|app| app.app().to_string() == name)
    }

    /// The products that an app is part of.
    pub fn products_of<'a>(
        &'a self,
        app: &'a App,
    ) -> impl Iterator<Item = &'a Arc<ManagedProduct>> {
        let has = move |product: &&Arc<ManagedProduct>| {
            product.apps.iter().any(|other| other.app() == app)
        };
        self.products().filter(has)
    }
}
