//! What observes a product, and checking now.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use maintenance_flag::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{ApiPath, ProductPath};
use super::responses::{Changes, Reads};
use super::visible::missing;
use crate::AppState;
use crate::access::{AUDIT_TARGET, Caller};
use crate::catalog::ManagedProduct;
use crate::observers::{CheckResult, Note, View};
use crate::operations::Patience;
use crate::problem::{Code, Problem};

/// How long a request waits for its check.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ObserverPath {
    /// The environment: `prod`.
    environment: String,
    /// The product's id: `shop`.
    product: String,
    /// The observer: `database`.
    name: String,
}

/// The observers of a product.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObserverList {
    /// Those that act on it or on an app of it, in the order of their names.
    observers: Vec<ObserverView>,
}

/// A monitor that turns maintenance on and off by what it sees.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObserverView {
    /// What it is called.
    name: String,
    /// What it looks at: `http`, `file`, `command`, `parameter`, `alarm`, `calendar`; there may be others later.
    kind: &'static str,
    /// What it acts on: a product's id, an app, or roles of one.
    target: String,
    /// Why it does nothing. Null: it is enabled.
    disabled: Option<String>,
    /// What the last check came to. Null: there was none yet.
    last_result: Option<ResultView>,
    /// How many results in a row were equal to the last one, at most `confirm`; 0 if it was unknown.
    streak: u32,
    /// How many equal results in a row it takes to change something.
    confirm: u32,
    /// Seconds from the end of a check to the next one.
    interval_seconds: Option<u64>,
    /// When it checks next. Null: not by itself.
    next_check: Option<Timestamp>,
    /// What it did last, or why it does nothing. Null: it had nothing to do.
    note: Option<NoteView>,
    /// Its last operation of this server.
    operation_id: Option<String>,
}

/// What a check came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultView {
    /// Whether it came to anything: if not, nothing is changed by it.
    is_success: bool,
    /// Whether maintenance is needed.
    is_maintenance_required: bool,
    /// What was observed: at most 200 characters.
    observed_value: Option<String>,
    /// Why it came to nothing.
    error_message: Option<String>,
    /// When it ended.
    checked_at: Timestamp,
    /// When a calendar says that it changes next.
    next_transition: Option<Timestamp>,
}

/// What an observer did, or why it does nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoteView {
    /// Since when that is so.
    at: Timestamp,
    /// `acted`, `waits` (a person holds it), `conflict` (another observer does), `busy`, `partial` or `failed`.
    kind: &'static str,
    /// In a sentence.
    text: String,
}

impl ObserverView {
    pub(super) fn of(view: &View) -> Self {
        Self {
            name: view.name.to_string(),
            kind: view.kind_name,
            target: view.place.name(),
            disabled: view.disabled.clone(),
            last_result: view
                .last
                .as_ref()
                .map(|(at, last)| ResultView::of(*at, last)),
            streak: view.streak,
            confirm: view.confirm,
            interval_seconds: view.interval.map(|it| it.as_secs()),
            next_check: view.next_check,
            note: view.note.as_ref().map(NoteView::of),
            operation_id: view.operation.clone(),
        }
    }
}

impl ResultView {
    fn of(checked_at: Timestamp, last: &CheckResult) -> Self {
        Self {
            is_success: last.verdict != Verdict::Unknown,
            is_maintenance_required: last.verdict == Verdict::Maintenance,
            observed_value: last.observed.clone(),
            error_message: last.error.clone(),
            checked_at,
            next_transition: last.next_transition,
        }
    }
}

impl NoteView {
    fn of(note: &Note) -> Self {
        Self {
            at: note.at,
            kind: note.kind.as_str(),
            text: note.text.clone(),
        }
    }
}

/// The observers of a product, each with its last result.
#[utoipa::path(
    get,
    path = "/api/environments/{environment}/product-deployments/{product}/observers",
    operation_id = "listObservers",
    params(ProductPath),
    responses((status = 200, description = "Its observers.", body = ObserverList), Reads)
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<ProductPath>,
) -> Result<Json<ObserverList>, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    let views = of(&state, product);
    Ok(Json(ObserverList {
        observers: views.iter().map(ObserverView::of).collect(),
    }))
}

/// The observers of a product.
fn of(state: &AppState, product: &ManagedProduct) -> Vec<View> {
    let mut views = state.observers.views();
    views.retain(|view| view.place.is_of(product));
    views
}

/// Checks now.
///
/// The result counts as any other: if it is the last that was needed, the observer acts. A check that takes longer
/// than 20 s is answered 202, with what was known before, and goes on. A client that hangs up stops nothing.
#[utoipa::path(
    post,
    path = "/api/environments/{environment}/product-deployments/{product}/observers/{name}/check",
    operation_id = "checkObserver",
    params(ObserverPath),
    responses(
        (status = 200, description = "What the check came to.", body = ObserverView),
        (status = 202, description = "The check goes on.", body = ObserverView),
        Changes
    )
)]
pub(super) async fn check(
    State(state): State<AppState>,
    caller: Caller,
    patience: Patience,
    ApiPath(path): ApiPath<ObserverPath>,
) -> Result<Response, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    caller.check_write(&product.id)?;
    let views = of(&state, product);
    let known = views.iter().find(|view| view.name.as_str() == path.name);
    let known = known.ok_or_else(|| {
        let what = format!("observer {:?} of {}", path.name, product.id);
        missing(&what, "GET …/observers lists those of a product")
    })?;
    let view = check_now(&state, &caller, patience, known).await?;
    Ok(match view {
        Some(view) => Json(ObserverView::of(&view)).into_response(),
        None => {
            let before = views.iter().find(|view| view.name.as_str() == path.name);
            let before = before.map(ObserverView::of);
            (StatusCode::ACCEPTED, Json(before)).into_response()
        }
    })
}

/// Has an observer check now, for a caller who may have it act. None: the check takes longer than a request may,
/// and goes on.
pub(crate) async fn check_now(
    state: &AppState,
    caller: &Caller,
    patience: Patience,
    view: &View,
) -> Result<Option<View>, Problem> {
    let name = view.name.to_string();
    if let Some(why) = &view.disabled {
        let detail = format!("the observer {name} is disabled: {why}");
        return Err(Problem::new(Code::Unprocessable, detail));
    }
    tracing::info!(target: AUDIT_TARGET, by = caller.by(), observer = name, "a check was asked for");
    let observers = state.observers.clone();
    let checked = tokio::spawn(async move {
        let checked = observers.check(&name).await?;
        let view = checked.view();
        match (checked.operation(), patience) {
            // A function is frozen once it has answered.
            (Some(operation), Patience::StopBefore(_)) => {
                patience.detach(operation).await;
                checked.ended().await;
            }
            _ => checked.detach(),
        }
        Some(view)
    });
    match tokio::time::timeout(ANSWER_WITHIN, checked).await {
        Err(_) => Ok(None),
        Ok(Ok(view)) => Ok(view),
        Ok(Err(error)) => {
            tracing::error!(%error, "a check crashed");
            let detail = "the check crashed: the server's log says more";
            Err(Problem::new(Code::Internal, detail))
        }
    }
}
