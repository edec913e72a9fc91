//! Maintenance on and off.
//!
//! The operation belongs to the server: it begins, or is refused, whether or not the client is still there,
//! and what it did can be asked for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use maintenance_flag::Role;
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses};

use super::body::{SetOperationMode, Wish};
use super::extract::{ApiBody, ApiPath, ProductPath};
use super::mode_changed::ModeChanged;
use super::operations::{OperationView, location};
use super::responses::Changes;
use super::visible::{no_role, role};
use crate::AppState;
use crate::access::{AUDIT_TARGET, Caller};
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::operations::{Operation, Patience, Target};
use crate::problem::{Code, Problem};

/// Whether to wait for the operation [RFC 7240].
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RolePath {
    /// The environment: `prod`.
    environment: String,
    /// The app: `billing` or `billing-prod`.
    app: String,
    /// The role: `web`, `worker`.
    role: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes a header in the OpenAPI document")]
struct PreferHeader {
    /// `respond-async`: answer 202 at once, with the address of the operation.
    #[param(rename = "Prefer", required = false)]
    prefer: String,
}

/// How a change of the operation mode is answered, if it is not refused.
#[derive(IntoResponses)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "it describes answers in the OpenAPI document"
)]
enum SetMode {
    /// Done, or nothing was to be done; with `dryRun` what would be.
    #[response(status = 200)]
    Changed(ModeChanged),
    /// The operation goes on.
    #[response(
        status = 202,
        headers(
            ("Location" = String, description = "The address of the operation."),
            ("Preference-Applied" = Option<String>, description = "`respond-async`, if it was asked for.")
        )
    )]
    Accepted(OperationView),
}

/// What is turned on or off.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A product.
    Product(Arc<ManagedProduct>),
    /// An app, seen through a product.
    App(Arc<ManagedApp>, Arc<ManagedProduct>),
    /// A role of an app, seen through a product.
    Role(Arc<ManagedApp>, Role, Arc<ManagedProduct>),
}

impl Place {
    /// The product whose permissions count.
    pub(super) fn product(&self) -> &ManagedProduct {
        match self {
            Self::Product(product) | Self::App(_, product) | Self::Role(_, _, product) => product,
        }
    }

    /// How a sentence names it.
    fn name(&self) -> String {
        match self {
            Self::Product(product) => product.title.clone(),
            Self::App(app, _) => app.app().to_string(),
            Self::Role(app, role, _) => format!("the {role} role of {}", app.app()),
        }
    }

    /// The product that its windows belong to. What is turned on by itself belongs to none.
    pub(super) fn of_windows(&self) -> Option<maintenance_flag::Product> {
        match self {
            Self::Product(product) => product.of_windows(),
            Self::App(..) | Self::Role(..) => None,
        }
    }

    async fn target(&self) -> Result<Target, Problem> {
        let (product, apps) = match self {
            Self::Product(product) => (Some(Arc::clone(product)), product.apps.as_slice()),
            Self::App(app, _) | Self::Role(app, _, _) => (None, std::slice::from_ref(app)),
        };
        let mut target = Target {
            product,
            apps: Vec::with_capacity(apps.len()),
        };
        for app in apps {
            let of_app = Target::app(Arc::clone(app)).await;
            let of_app = of_app.map_err(|error| Problem::of_error(app.app(), &error, None))?;
            target.apps.extend(of_app.apps);
        }
        if let Self::Role(app, role, _) = self {
            for (_, roles) in &mut target.apps {
                roles.retain(|spec| spec.role == *role);
                if roles.is_empty() {
                    return Err(no_role(role.as_str(), app.app()));
                }
            }
        }
        Ok(target)
    }
}

/// Turns maintenance of a product on or off.
///
/// It is also answered 200 if there was nothing to do. What takes longer than 20 s, or is asked for with
/// `Prefer: respond-async`, is answered 202 with the address of the operation, a dry run as well: the `result` there
/// has its `plan`. A client that hangs up stops nothing.
#[utoipa::path(
    put,
    path = "/api/environments/{environment}/product-deployments/{product}/operation-mode",
    operation_id = "setProductOperationMode",
    params(ProductPath, PreferHeader),
    request_body = SetOperationMode,
    responses(SetMode, Changes)
)]
pub(super) async fn put_product(
    State(state): State<AppState>,
    caller: Caller,
    patience: Patience,
    ApiPath(path): ApiPath<ProductPath>,
    headers: HeaderMap,
    ApiBody(body): ApiBody<SetOperationMode>,
) -> Result<Response, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    let place = Place::Product(Arc::clone(product));
    put(&state, &caller, patience, place, &headers, body).await
}

/// Turns maintenance of one role on or off. Its window belongs to no product: leaving a product leaves it on.
#[utoipa::path(
    put,
    path = "/api/environments/{environment}/apps/{app}/roles/{role}/operation-mode",
    operation_id = "setRoleOperationMode",
    params(RolePath, PreferHeader),
    request_body = SetOperationMode,
    responses(SetMode, Changes)
)]
pub(super) async fn put_role(
    State(state): State<AppState>,
    caller: Caller,
    patience: Patience,
    ApiPath(path): ApiPath<RolePath>,
    headers: HeaderMap,
    ApiBody(body): ApiBody<SetOperationMode>,
) -> Result<Response, Problem> {
    let (app, product) = state.visible_app(&caller, &path.environment, &path.app)?;
    let role = role(&path.role, app.app())?;
    let place = Place::Role(Arc::clone(app), role, Arc::clone(product));
    put(&state, &caller, patience, place, &headers, body).await
}

async fn put(
    state: &AppState,
    caller: &Caller,
    patience: Patience,
    place: Place,
    headers: &HeaderMap,
    body: Result<SetOperationMode, Problem>,
) -> Result<Response, Problem> {
    let of = &place.product().id;
    caller.check_write(of)?;
    let wish = body?.into_wish(caller, place.of_windows(), of)?;
    let operation = begin(state, caller, &place, wish).await?;
    if prefers_async(headers) {
        patience.detach(&operation).await;
        let mut accepted = accepted(state, caller, &operation).await;
        let applied = HeaderValue::from_static(RESPOND_ASYNC);
        accepted.headers_mut().insert(PREFERENCE_APPLIED, applied);
        return Ok(accepted);
    }
    match patience.wait(&operation).await {
        Some(ended) => {
            let success = operation.verdict(&ended, &state.statuses).await?;
            let success = success.unless_all_left()?;
            let (product, name) = (place.product(), place.name());
            let changed = ModeChanged::of(&operation, &ended, product, &name, &success);
            Ok(Json(changed).into_response())
        }
        None => Ok(accepted(state, caller, &operation).await),
    }
}

/// Begins the operation, or the dry run, whether or not the client is still there when all is read that it takes.
pub(super) async fn begin(
    state: &AppState,
    caller: &Caller,
    place: &Place,
    wish: Wish,
) -> Result<Arc<Operation>, Problem> {
    let (state, caller, place) = (state.clone(), caller.clone(), place.clone());
    let begun = tokio::spawn(async move {
        let target = place.target().await?;
        wish.check_roles(&target)?;
        if wish.dry_run {
            return Ok(state.operations.plan(target, wish.request, &caller));
        }
        let operation = state.operations.start(target, wish.request, &caller);
        tracing::info!(
            target: AUDIT_TARGET,
            by = caller.by(),
            mode = ?operation.request.action(),
            place = place.name(),
            reason = wish.reason,
            operation = operation.id,
            "maintenance was asked for"
        );
        Ok(operation)
    });
    begun.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request crashed");
        Err(Problem::new(
            Code::Internal,
            "the request crashed: send it again; the server's log says more",
        ))
    })
}

/// The operation goes on.
pub(super) async fn accepted(
    state: &AppState,
    caller: &Caller,
    operation: &Arc<Operation>,
) -> Response {
    let view = OperationView::of(state, caller, operation).await;
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    if let Ok(location) = location(operation).parse() {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    // A preference may have parameters, which say nothing of this one.
    let mut names = preferences.map(|preference| preference.split(';').next().unwrap_or_default());
    names.any(|name| name.trim().eq_ignore_ascii_case(RESPOND_ASYNC))
}
