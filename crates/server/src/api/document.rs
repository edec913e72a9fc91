//! The router, and the OpenAPI document that comes from the same definitions.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use http::header;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    environments, events, heroku, history, observers, operation_mode, operations, products,
    schedule, service,
};
use crate::AppState;
use crate::access::Access;
use crate::problem::ProblemBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "maintenance",
        description = "Turns maintenance on and off for products: named sets of apps of one environment.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemBody, super::events::ModeEvent<'static>)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Document;

/// Tokens, as `maintenance token new` makes them.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token that `maintenance token new` made."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// Every route of the API: those that need a caller, and those that do not, for
/// [`Access::protect`](crate::access::Access::protect).
pub fn routes(access: &Access) -> (Router<AppState>, Router<AppState>) {
    let (private, _) = private().split_for_parts();
    let (public, _) = public().split_for_parts();
    let (status, _) = status().split_for_parts();
    (private, public.merge(access.identify(status)))
}

fn private() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(environments::list))
        .routes(routes!(products::list))
        .routes(routes!(products::get))
        .routes(routes!(history::get))
        .routes(routes!(operation_mode::put_product))
        .routes(routes!(operation_mode::put_role))
        .routes(routes!(schedule::list, schedule::post))
        .routes(routes!(schedule::patch, schedule::delete))
        .routes(routes!(observers::list))
        .routes(routes!(observers::check))
        .routes(routes!(operations::get))
        .routes(routes!(events::get))
        .routes(routes!(heroku::get, heroku::patch))
        .routes(routes!(service::metrics))
}

fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(service::healthz))
}

/// It needs no caller, and says more to one.
fn status() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(service::status))
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getOpenApi",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json()).into_response()
}

/// The OpenAPI document as JSON, made once.
fn json() -> Bytes {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| {
        let document = private().merge(public()).merge(status()).into_openapi();
        // It is made of strings, numbers and lists alone.
        document.to_json().unwrap_or_default().into()
    });
    JSON.clone()
}
