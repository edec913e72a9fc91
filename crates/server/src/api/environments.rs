//! `GET /api/environments`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::responses::Reads;
use crate::AppState;
use crate::access::Caller;

/// All environments.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environments {
    /// By name.
    environments: Vec<Environment>,
}

/// An environment: the `env` of its apps.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment {
    /// Its id, which is its name: `prod`.
    environment_id: String,
    /// Its name.
    name: String,
    /// Its products.
    products: Vec<ProductOfEnvironment>,
}

/// A product and its apps.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductOfEnvironment {
    /// Its id.
    product_deployment_id: String,
    /// How it is called on pages.
    product_display_name: String,
    /// Its apps: `billing-prod`.
    apps: Vec<String>,
}

/// The environments, with their products and apps. Nothing is read for it.
#[utoipa::path(
    get,
    path = "/api/environments",
    operation_id = "listEnvironments",
    responses((status = 200, description = "What this token may see.", body = Environments), Reads)
)]
pub(super) async fn list(State(state): State<AppState>, caller: Caller) -> Json<Environments> {
    let mut environments: BTreeMap<&str, Vec<ProductOfEnvironment>> = BTreeMap::new();
    for product in state.visible(&caller) {
        let of = environments.entry(&product.environment).or_default();
        of.push(ProductOfEnvironment {
            product_deployment_id: product.id.to_string(),
            product_display_name: product.title.clone(),
            apps: product
                .apps
                .iter()
                .map(|app| app.app().to_string())
                .collect(),
        });
    }
    let environments = environments
        .into_iter()
        .map(|(name, products)| Environment {
            environment_id: name.to_owned(),
            name: name.to_owned(),
            products,
        });
    Json(Environments {
        environments: environments.collect(),
    })
}
