//! What a command acts on: an app, or the apps of a product.

use maintenance_flag::Product;

use super::notify::NotifySettings;
use super::resolve::Settings;
use crate::source::{Source, Sourced};

/// Apps of one environment that go into maintenance together.
#[derive(Debug, Clone)]
pub(crate) struct ProductSettings {
    pub(crate) id: Product,
    pub(crate) title: Option<Sourced<String>>,
    pub(crate) version: Option<Sourced<String>>,
    /// That of all its apps.
    pub(crate) environment: String,
    /// At least one, in the order of the file.
    pub(crate) apps: Vec<Settings>,
    /// Where its apps are named.
    pub(crate) source: Source,
}

/// What a command acts on.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The app; with a product, the file's own.
    pub(crate) app: Settings,
    pub(crate) product: Option<ProductSettings>,
    /// Whom to tell.
    pub(crate) notify: NotifySettings,
}

impl Target {
    /// One app, of which no one is told.
    pub(crate) fn of(app: Settings) -> Self {
        Self {
            app,
            product: None,
            notify: NotifySettings::default(),
        }
    }

    /// The apps to act on: one, unless it is a product.
    pub(crate) fn apps(&self) -> &[Settings] {
        match &self.product {
            Some(product) => &product.apps,
            None => std::slice::from_ref(&self.app),
        }
    }

    /// The product whose windows are opened and closed, if it is one.
    pub(crate) fn product_id(&self) -> Option<Product> {
        self.product.as_ref().map(|product| product.id.clone())
    }
}
