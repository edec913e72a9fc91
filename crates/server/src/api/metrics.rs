//! Counters, in the text format of OpenMetrics.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::AppState;
use crate::problem::Code;
use crate::statuses::{OperationMode, ProductStatus};

/// What is counted of requests. Labels have few values: no path, id or name of a caller is one.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    problems: Family<ProblemLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModeLabels {
    environment: String,
    product: String,
    mode: &'static str,
}

/// Counts a request by its route and how it was answered: a layer of the whole router.
pub async fn count(
    State(state): State<AppState>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let labels = RequestLabels {
        method,
        route,
        status,
    };
    state.metrics.requests.get_or_create(&labels).inc();
    if let Some(code) = response.extensions().get::<Code>() {
        let code = code.as_str().to_owned();
        state
            .metrics
            .problems
            .get_or_create(&ProblemLabels { code })
            .inc();
    }
    response
}

/// All counters, and how these products stand.
pub(super) fn text(
    state: &AppState,
    products: &[ProductStatus],
) -> Result<String, std::fmt::Error> {
    let modes = Family::<ModeLabels, Gauge>::default();
    for status in products {
        let is = status.mode();
        for mode in OperationMode::ALL {
            let labels = ModeLabels {
                environment: status.product.environment.clone(),
                product: status.product.id.to_string(),
                mode: mode.as_str(),
            };
            modes.get_or_create(&labels).set(i64::from(mode == is));
        }
    }
    let mut registry = Registry::with_prefix("maintenance");
    registry.register(
        "product_mode",
        "1 for the operation mode of a product, 0 for the others",
        modes,
    );
    registry.register(
        "operations",
        "Operations that this server has ended, by what was asked for and how they ended",
        state.operations.counts(),
    );
    registry.register(
        "http_requests",
        "Requests by method, route and status",
        state.metrics.requests.clone(),
    );
    registry.register(
        "http_problems",
        "Requests that were refused or failed, by the code of the problem",
        state.metrics.problems.clone(),
    );
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
