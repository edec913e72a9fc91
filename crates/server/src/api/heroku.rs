//! The part of Heroku's Platform API v3 that `heroku maintenance`, `:on` and `:off` use.
//!
//! Their errors have Heroku's `id` and `message` beside the members of a problem: that is what `heroku` prints.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{WantedMode, Wish};
use super::extract::{ApiBody, ApiPath};
use super::operation_mode::{Place, begin};
use super::operations::location;
use super::responses::{Changes, Reads};
use super::visible::not_found;
use crate::AppState;
use crate::access::Caller;
use crate::operations::{Operation, Patience};
use crate::problem::{Code, Problem};
use crate::statuses::OperationMode;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct AppPath {
    /// A product's id, or an app: `billing-prod`.
    app: String,
}

/// An app, as Heroku has it.
#[derive(Serialize, ToSchema)]
pub(super) struct HerokuApp {
    /// As it was asked for.
    name: String,
    /// Whether any of it is in maintenance.
    maintenance: bool,
}

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HerokuUpdate {
    /// On or off.
    maintenance: bool,
}

/// Whether a product or an app is in maintenance.
#[utoipa::path(
    get,
    path = "/apps/{app}",
    operation_id = "getHerokuApp",
    params(AppPath),
    responses((status = 200, description = "The app.", body = HerokuApp), Reads)
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<AppPath>,
) -> Result<Json<HerokuApp>, Problem> {
    let place = find(&state, &caller, &path.app).map_err(named)?;
    let maintenance = is_on(&state, &place).await.map_err(named)?;
    Ok(Json(HerokuApp {
        name: path.app,
        maintenance,
    }))
}

/// Turns maintenance of a product or an app on or off. Events are never accepted to be lost.
///
/// `heroku` takes every answer of success for the end, 202 as well, and says "done". So what takes longer than 20 s
/// is answered 504 with the address of the `operation`, which goes on.
#[utoipa::path(
    patch,
    path = "/apps/{app}",
    operation_id = "updateHerokuApp",
    params(AppPath),
    request_body = HerokuUpdate,
    responses(
        (status = 200, description = "Done.", body = HerokuApp),
        Changes
    )
)]
pub(super) async fn patch(
    State(state): State<AppState>,
    caller: Caller,
    patience: Patience,
    ApiPath(path): ApiPath<AppPath>,
    ApiBody(body): ApiBody<HerokuUpdate>,
) -> Result<Response, Problem> {
    update(&state, &caller, patience, path.app, body)
        .await
        .map_err(named)
}

async fn update(
    state: &AppState,
    caller: &Caller,
    patience: Patience,
    name: String,
    body: Result<HerokuUpdate, Problem>,
) -> Result<Response, Problem> {
    let place = find(state, caller, &name)?;
    caller.check_write(&place.product().id)?;
    let HerokuUpdate { maintenance } = body?;
    let mode = match maintenance {
        true => WantedMode::Maintenance,
        false => WantedMode::Normal,
    };
    let wish = Wish::plain(mode, caller, place.of_windows());
    let operation = begin(state, caller, &place, wish).await?;
    let Some(ended) = patience.wait(&operation).await else {
        return Err(goes_on(&name, maintenance, &operation));
    };
    let success = operation.verdict(&ended, &state.statuses).await?;
    // `heroku` prints "done" at a 200, and nothing else.
    let success = success.unless_any_left()?;
    let maintenance = success.new != OperationMode::Normal;
    Ok((StatusCode::OK, Json(HerokuApp { name, maintenance })).into_response())
}

/// A product of this id, or else the app of this name, that the caller may see.
fn find(state: &AppState, caller: &Caller, name: &str) -> Result<Place, Problem> {
    let mut products = state.visible(caller);
    if let Some(product) = products.find(|product| product.id.as_str() == name) {
        return Ok(Place::Product(Arc::clone(product)));
    }
    for product in state.visible(caller) {
        if let Some(app) = product
            .apps
            .iter()
            .find(|app| app.app().to_string() == name)
        {
            return Ok(Place::App(Arc::clone(app), Arc::clone(product)));
        }
    }
    Err(not_found(&format!("product or app {name:?}")))
}

async fn is_on(state: &AppState, place: &Place) -> Result<bool, Problem> {
    let apps = match place {
        Place::Product(product) => product.apps.as_slice(),
        Place::App(app, _) | Place::Role(app, _, _) => std::slice::from_ref(app),
    };
    let mut is_on = false;
    for app in apps {
        match &*state.statuses.app(app).await {
            Ok(status) => is_on |= status.mode() != OperationMode::Normal,
            Err(error) => return Err(Problem::of_error(app.app(), error, None)),
        }
    }
    Ok(is_on)
}

/// The operation goes on.
fn goes_on(name: &str, maintenance: bool, operation: &Operation) -> Problem {
    let on = if maintenance { "on" } else { "off" };
    let detail = format!(
        "{name}: maintenance is still being turned {on}. This goes on without you: `heroku maintenance:{on} -a {name}` \
         again says when it is done, and GET {} how far it is",
        location(operation)
    );
    Problem::new(Code::Timeout, detail).with("operation", location(operation))
}

/// With the members that `heroku` prints.
fn named(problem: Problem) -> Problem {
    let id = serde_json::to_value(problem.code).unwrap_or_default();
    let message = problem.detail.clone();
    problem.with("id", id).with("message", message)
}
