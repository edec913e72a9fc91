//! `GET /api/operations/{id}`: how far an operation is, and how it ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use maintenance_control::{Action, Waiting};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::WantedMode;
use super::extract::ApiPath;
use super::mode_changed::ModeChanged;
use super::responses::Reads;
use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedProduct;
use crate::operations::{
    AppProgress, Ended, Operation, Phase, Progress, RoleProgress, RoleResult, Success,
};
use crate::problem::{Code, Problem, ProblemBody};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OperationPath {
    /// Its id, as `Location` has it.
    id: String,
}

/// An operation, in short.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationSummary {
    /// Its id.
    operation_id: String,
    /// Its address.
    href: String,
    /// What was asked for.
    mode: WantedMode,
    /// Whether it only reads: its `result` has the `plan`.
    dry_run: bool,
    /// When it began.
    started_at_utc: Timestamp,
    /// Who asked for it.
    triggered_by: String,
    /// Functions read or changed in the phase at hand.
    done: usize,
    /// Of so many, as far as they are listed.
    total: usize,
}

/// An operation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationView {
    #[serde(flatten)]
    summary: OperationSummary,
    /// Whether it is at work, or how it ended.
    status: OperationState,
    /// The product, unless it is about an app or a role alone.
    product_deployment_id: Option<String>,
    /// The environment.
    environment_id: Option<String>,
    /// How far it is with each app.
    apps: Vec<AppProgressView>,
    /// When it ended.
    ended_at_utc: Option<Timestamp>,
    /// What it changed, once it has; or would change.
    result: Option<ModeChanged>,
    /// Why it did not change all that it should have: as the request would have been answered.
    problem: Option<ProblemBody>,
}

/// Whether an operation is at work, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum OperationState {
    /// It is at work.
    Running,
    /// Everything is where it should be.
    Succeeded,
    /// `problem` says what is not.
    Failed,
}

/// How far an operation is with an app.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppProgressView {
    /// The app.
    app: String,
    /// Its roles.
    roles: Vec<RoleProgressView>,
    /// What its functions wait for just now.
    waiting: Option<WaitingView>,
    /// An operation did not give its lease back: this one waits until then.
    lease_until_utc: Option<Timestamp>,
    /// Whose lease that is.
    lease_of: Option<String>,
}

/// How far an operation is with a role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleProgressView {
    /// The role.
    role: String,
    /// `pending`, `reading`, `working` or `finished`.
    phase: &'static str,
    /// Functions read or changed in this phase.
    done: usize,
    /// Of so many. Null while they are being listed.
    total: Option<usize>,
    /// What became of it, once it is finished.
    result: Option<RoleResult>,
}

/// What functions wait for: how many, each.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaitingView {
    /// Event source mappings that AWS is disabling or enabling.
    mappings: usize,
    /// Event source mappings that AWS is creating or updating, for another client.
    settling: usize,
    /// Provisioned concurrency, by qualifier, that is not ready yet.
    provisioned: usize,
    /// Calls that AWS refuses while an update is in progress.
    updates: usize,
    /// AWS has refused calls for their number, and they are sent more slowly for a while.
    throttled: bool,
}

/// How far an operation or a dry run is, and how it ended. Its server remembers the last hundred of each, until it
/// stops.
#[utoipa::path(
    get,
    path = "/api/operations/{id}",
    operation_id = "getOperation",
    params(OperationPath),
    responses((status = 200, description = "The operation.", body = OperationView), Reads)
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<OperationPath>,
) -> Result<Json<OperationView>, Problem> {
    let operation = state.operations.get(&path.id);
    let operation = operation.filter(|operation| state.may_read_operation(&caller, operation));
    let operation = operation.ok_or_else(|| {
        let detail = format!(
            "there is no operation {:?}. A server remembers the last hundred until it stops; the product itself \
             says how it stands",
            path.id
        );
        Problem::new(Code::NotFound, detail)
    })?;
    Ok(Json(OperationView::of(&state, &caller, &operation).await))
}

/// The address of an operation.
pub(super) fn location(operation: &Operation) -> String {
    format!("/api/operations/{}", operation.id)
}

impl OperationSummary {
    pub(super) fn of(operation: &Operation) -> Self {
        Self::at(operation, &operation.progress().borrow())
    }

    fn at(operation: &Operation, progress: &Progress) -> Self {
        let roles = || progress.apps.iter().flat_map(|app| &app.roles);
        Self {
            operation_id: operation.id.clone(),
            href: location(operation),
            mode: match operation.request.action() {
                Action::On => WantedMode::Maintenance,
                Action::Off => WantedMode::Normal,
            },
            dry_run: operation.is_dry_run,
            started_at_utc: operation.started,
            triggered_by: operation.by.clone(),
            done: roles().map(|role| role.done).sum(),
            total: roles().filter_map(|role| role.total).sum(),
        }
    }
}

impl OperationView {
    /// All of it that this caller may see.
    pub(super) async fn of(state: &AppState, caller: &Caller, operation: &Operation) -> Self {
        let mut view = Self::progress(operation, true);
        let ended = operation.progress().borrow().ended.clone();
        let Some(ended) = ended else { return view };
        let verdict = operation.verdict(&ended, &state.statuses).await;
        match verdict.and_then(Success::unless_all_left) {
            Ok(success) => {
                if let Some(product) = product_of(state, caller, operation) {
                    let name = name(operation);
                    let changed = ModeChanged::of(operation, &ended, &product, &name, &success);
                    view.result = Some(changed);
                }
            }
            Err(problem) => view.problem = Some(problem.body()),
        }
        view
    }

    /// How far it is; what became of each role only `in_full`.
    pub(super) fn progress(operation: &Operation, in_full: bool) -> Self {
        let progress = operation.progress();
        let progress = progress.borrow();
        let product = operation.target.product.as_ref();
        let mut apps = operation.target.apps.iter();
        let environment = apps.next().map(|(app, _)| app.app().env().to_owned());
        let apps = progress.apps.iter();
        Self {
            summary: OperationSummary::at(operation, &progress),
            status: match &progress.ended {
                None => OperationState::Running,
                Some(ended) if is_success(operation, ended) => OperationState::Succeeded,
                Some(_) => OperationState::Failed,
            },
            product_deployment_id: product.map(|product| product.id.to_string()),
            environment_id: environment,
            apps: apps.map(|app| AppProgressView::of(app, in_full)).collect(),
            ended_at_utc: progress.ended.as_ref().map(|ended| ended.at),
            result: None,
            problem: None,
        }
    }
}

fn is_success(operation: &Operation, ended: &Ended) -> bool {
    operation.is_done(ended) && Success::of(ended.reports()).unless_all_left().is_ok()
}

/// The product that an operation is about, or by which the caller may see its app.
fn product_of(
    state: &AppState,
    caller: &Caller,
    operation: &Operation,
) -> Option<Arc<ManagedProduct>> {
    if let Some(product) = &operation.target.product {
        return Some(Arc::clone(product));
    }
    let (app, _) = operation.target.apps.first()?;
    let mut products = state.catalog.products_of(app.app());
    products
        .find(|product| caller.may_read(&product.id))
        .cloned()
}

/// How a sentence names what an operation is about.
fn name(operation: &Operation) -> String {
    let target = &operation.target;
    match (&target.product, target.apps.as_slice()) {
        (Some(product), _) => product.title.clone(),
        (None, [(app, roles)]) => match roles.as_slice() {
            [spec] => format!("the {} role of {}", spec.role, app.app()),
            _ => app.app().to_string(),
        },
        (None, _) => String::new(),
    }
}

impl AppProgressView {
    fn of(app: &AppProgress, in_full: bool) -> Self {
        Self {
            app: app.app.to_string(),
            roles: app
                .roles
                .iter()
                .map(|role| RoleProgressView::of(role, in_full))
                .collect(),
            waiting: app.waiting.map(WaitingView::from),
            lease_until_utc: app.lease_until,
            lease_of: app.lease_of.as_ref().map(|holder| holder.by.clone()),
        }
    }
}

impl RoleProgressView {
    fn of(role: &RoleProgress, in_full: bool) -> Self {
        let (phase, result) = match &role.phase {
            Phase::Pending => ("pending", None),
            Phase::Reading => ("reading", None),
            Phase::Working => ("working", None),
            Phase::Finished(report) => ("finished", Some(report)),
        };
        let result = result.filter(|_| in_full);
        Self {
            role: role.role.to_string(),
            phase,
            done: role.done,
            total: role.total,
            result: result.map(|report| RoleResult::from(&**report)),
        }
    }
}

impl From<Waiting> for WaitingView {
    fn from(waiting: Waiting) -> Self {
        Self {
            mappings: waiting.mappings,
            settling: waiting.settling,
            provisioned: waiting.provisioned,
            updates: waiting.updates,
            throttled: waiting.throttled,
        }
    }
}
