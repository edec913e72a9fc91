//! What machines ask for that run or watch the server, and the status for clients of the apps.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use http::header;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::ApiQuery;
use super::metrics as counters;
use super::responses::{OpenReads, Reads};
use super::visible::not_found;
use crate::AppState;
use crate::access::{Caller, unauthorized};
use crate::problem::{Code, Problem};
use crate::statuses::{OperationMode, ProductStatus};

/// The server is alive.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the server is alive. Nothing is read for it: that AWS is out of reach is no reason to restart it.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    security(()),
    responses((status = 200, description = "It is.", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Counters in the text format of OpenMetrics. It needs a token that is not limited to products.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    responses(
        (
            status = 200,
            description = "The counters.",
            body = String,
            content_type = "application/openmetrics-text"
        ),
        Reads
    )
)]
pub(super) async fn metrics(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.check_read_all()?;
    let products = state
        .catalog
        .products()
        .map(|product| state.statuses.product(product));
    let products = join_all(products).await;
    let text = counters::text(&state, &products);
    let text = text.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StatusQuery {
    /// A product's id: with a token that may see it. Without it, all products together.
    product: Option<String>,
}

/// Whether the apps serve, for their clients.
#[derive(Serialize, ToSchema)]
pub(super) struct ServiceStatus {
    /// Always 1.
    schema: u8,
    /// Whether any of it is in maintenance.
    state: ServiceState,
    /// Why. Null without a token that may see it.
    reason: Option<String>,
    /// When the maintenance is expected to end.
    until: Option<Timestamp>,
}

/// Whether the apps serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ServiceState {
    /// They serve.
    Running,
    /// They are in maintenance, or some of them are.
    Maintenance,
    /// They are on their way into maintenance or out of it: an operation is at work, and some of a product are in
    /// maintenance while the others are not yet, or no more. A product that is in maintenance comes before one that is
    /// on its way.
    Deploying,
}

/// Whether the apps serve, all together. That needs no token, and then says no reason; one product does.
#[utoipa::path(
    get,
    path = "/__status",
    operation_id = "getStatus",
    params(StatusQuery),
    security((), ("bearer" = [])),
    responses((status = 200, description = "Whether they serve.", body = ServiceStatus), OpenReads)
)]
pub(super) async fn status(
    State(state): State<AppState>,
    caller: Option<Caller>,
    ApiQuery(query): ApiQuery<StatusQuery>,
) -> Result<Json<ServiceStatus>, Problem> {
    let mut products: Vec<_> = state.catalog.products().collect();
    if let Some(asked) = &query.product {
        // A stranger does not learn which products there are.
        let caller = caller.as_ref().ok_or_else(unauthorized)?;
        products.retain(|product| product.id.as_str() == asked && caller.may_read(&product.id));
        if products.is_empty() {
            return Err(not_found(&format!("product {asked:?}")));
        }
    }
    let products = products.into_iter();
    let statuses = join_all(products.map(|product| state.statuses.product(product))).await;
    let is_unknown = |status: &ProductStatus| status.mode() == OperationMode::Unknown;
    if statuses.iter().any(is_unknown) {
        // Why is not for strangers.
        return Err(Problem::new(
            Code::Aws,
            "it cannot be read just now whether the apps serve. Ask again in a few seconds",
        ));
    }
    let now = Timestamp::now();
    let state = |status: &ProductStatus| match status.mode() {
        OperationMode::Normal => ServiceState::Running,
        _ if status.is_changing(now) => ServiceState::Deploying,
        _ => ServiceState::Maintenance,
    };
    let states: Vec<_> = statuses.iter().map(state).collect();
    let first = [ServiceState::Maintenance, ServiceState::Deploying];
    let state = first.into_iter().find(|state| states.contains(state));
    let flags = || statuses.iter().flat_map(ProductStatus::flags_on);
    let seen = statuses.iter().filter(|status| {
        let caller = caller.as_ref();
        caller.is_some_and(|caller| caller.may_read(&status.product.id))
    });
    let mut reasons = seen.filter_map(|status| status.holder_flag()?.reason.clone());
    Ok(Json(ServiceStatus {
        schema: 1,
        state: state.unwrap_or(ServiceState::Running),
        reason: reasons.next(),
        until: flags().filter_map(|flag| flag.serves_at()).max(),
    }))
}
