//! How products stand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use jiff::Timestamp;
use maintenance_control::{Holder, Part, RoleStatus, Worker, WorkerState, Workers};
use maintenance_flag::{Flag, Mode, OwnerKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{ApiPath, ApiQuery, ProductPath};
use super::mode_changed::TriggerSource;
use super::operations::OperationSummary;
use super::responses::Reads;
use super::schedule::WindowToCome;
use super::visible::not_found;
use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedApp;
use crate::problem::Problem;
use crate::schedule::coming;
use crate::statuses::{AppStatus, OperationMode, ProductStatus, Read};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct EnvironmentPath {
    /// The environment: `prod`.
    environment: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ProductQuery {
    /// Read each function, too, unless that was done in the last twenty seconds: a call to AWS a function.
    #[serde(default)]
    #[param(required = false)]
    functions: bool,
}

/// The products of an environment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductDeployments {
    /// In the order of the configuration.
    product_deployments: Vec<ProductDeployment>,
}

/// A product, in short.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductDeployment {
    /// Its id.
    product_deployment_id: String,
    /// Its environment.
    environment_id: String,
    /// Its id, again.
    product_name: String,
    /// How it is called on pages.
    product_display_name: String,
    /// Its version, as the configuration says it.
    product_version: Option<String>,
    /// Whether its apps are at work.
    status: StackStatus,
    /// Whether it is in maintenance.
    operation_mode: OperationMode,
    /// Whether this token may put it into maintenance now: it is not there yet, and no operation is at work on it.
    can_enter_maintenance: bool,
    /// Whether this token may end its maintenance now, without force.
    can_exit_maintenance: bool,
    /// Why it is in maintenance, and who put it there. Null if it is not.
    maintenance_trigger: Option<MaintenanceTrigger>,
    /// When the maintenance is expected to end.
    until: Option<Timestamp>,
    /// The windows to come, by their start.
    scheduled: Vec<WindowToCome>,
    /// When no code of it can still be running: it is safe to migrate after that. Null if it is not wholly in
    /// maintenance, or that is not known.
    drained_at: Option<Timestamp>,
    /// The newest operation of this server on it that is at work.
    operation: Option<OperationSummary>,
}

/// A product, with its apps.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductDeploymentDetails {
    #[serde(flatten)]
    product: ProductDeployment,
    /// Its apps.
    stacks: Vec<Stack>,
}

/// Whether the functions of an app are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum StackStatus {
    /// All are.
    Running,
    /// None is.
    Stopped,
    /// Some are.
    Partial,
    /// That could not be read.
    Unknown,
}

/// Why a product is in maintenance, and who put it there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MaintenanceTrigger {
    /// A person or an observer.
    source: TriggerSource,
    /// Why.
    reason: Option<String>,
    /// Since when.
    triggered_at_utc: Option<Timestamp>,
    /// Who: of an observer, its name.
    triggered_by: Option<String>,
}

/// An app of a product.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stack {
    /// Its name: `billing-prod`.
    stack_name: String,
    /// Whether its functions are at work: as read last, or by its flags.
    status: StackStatus,
    /// Whether it is in maintenance.
    operation_mode: OperationMode,
    /// How many functions its roles have. Null if they have not been read yet: `functions=true` reads them.
    service_count: Option<usize>,
    /// Its roles.
    roles: Vec<RoleView>,
    /// Functions that could not be read, by name.
    unread: Vec<String>,
    /// Who operates on it, or died in the middle: this server, or a command elsewhere.
    holder: Option<HolderView>,
    /// Why it could not be read.
    error: Option<String>,
}

/// Who operates on an app.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HolderView {
    /// Who.
    by: String,
    /// What for: `on worker`.
    operation: String,
    /// Since when.
    since_utc: Timestamp,
    /// Until when, unless it is renewed.
    until_utc: Timestamp,
}

/// A role of an app.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleView {
    /// The role.
    role: String,
    /// Whether it is in maintenance.
    operation_mode: OperationMode,
    /// Whether readers may pass.
    read_only: bool,
    /// Why it is in maintenance, and who put it there. Null if it is not.
    maintenance_trigger: Option<MaintenanceTrigger>,
    /// The product that its window was opened for. Null: it was turned on by itself.
    opened_for: Option<String>,
    /// What visitors are told.
    message: Option<String>,
    /// When the maintenance is expected to end.
    until: Option<Timestamp>,
    /// What `Retry-After` says, seconds, if not the time until then.
    retry_after: Option<u32>,
    /// When no code of it can still be running.
    drained_at: Option<Timestamp>,
    /// Its functions as they were read last. Null if they have not been.
    functions: Option<Vec<FunctionView>>,
    /// Why it could not be read, and what an operator should know besides.
    warnings: Vec<String>,
}

/// A function.
#[derive(Serialize, ToSchema)]
pub(super) struct FunctionView {
    /// Its name.
    name: String,
    /// How it stands: `running`, `paused`, `pausing`, `invoking`, `restoring`, `restored`, `drifted`, `gone` or
    /// `unexplained`.
    state: &'static str,
}

/// The products of an environment.
#[utoipa::path(
    get,
    path = "/api/environments/{environment}/product-deployments",
    operation_id = "listProductDeployments",
    params(EnvironmentPath),
    responses((status = 200, description = "Those that this token may see.", body = ProductDeployments), Reads)
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<EnvironmentPath>,
) -> Result<Json<ProductDeployments>, Problem> {
    let products = state.visible(&caller);
    let products = products.filter(|product| product.environment == path.environment);
    let statuses = join_all(products.map(|product| state.statuses.product(product))).await;
    let Some(first) = statuses.first() else {
        return Err(not_found(&format!("environment {:?}", path.environment)));
    };
    // One of several that cannot be read is `Unknown`.
    if let Some((app, error)) = first.unread()
        && statuses.iter().all(|status| status.unread().is_some())
    {
        return Err(Problem::of_error(app, error, None));
    }
    let view = |status: &ProductStatus| ProductDeployment::of(&state, &caller, status);
    Ok(Json(ProductDeployments {
        product_deployments: statuses.iter().map(view).collect(),
    }))
}

/// A product, with its apps and roles.
#[utoipa::path(
    get,
    path = "/api/environments/{environment}/product-deployments/{product}",
    operation_id = "getProductDeployment",
    params(ProductPath, ProductQuery),
    responses((status = 200, description = "How it stands.", body = ProductDeploymentDetails), Reads)
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<ProductPath>,
    ApiQuery(query): ApiQuery<ProductQuery>,
) -> Result<Json<ProductDeploymentDetails>, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    let status = state.statuses.product(product).await;
    // One app of several that cannot be read is said in its place.
    if let Some((app, error)) = status.unread() {
        return Err(Problem::of_error(app, error, None));
    }
    if query.functions {
        join_all(
            status
                .apps
                .iter()
                .map(|(app, _)| state.statuses.workers(app)),
        )
        .await;
    }
    let stacks = status.apps.iter();
    Ok(Json(ProductDeploymentDetails {
        product: ProductDeployment::of(&state, &caller, &status),
        stacks: stacks
            .map(|(app, read)| Stack::of(&state, app, read))
            .collect(),
    }))
}

impl ProductDeployment {
    fn of(state: &AppState, caller: &Caller, status: &ProductStatus) -> Self {
        let product = &status.product;
        let operation = state.operations.of_product(product);
        let operation = operation.filter(|operation| !operation.progress().borrow().is_over());
        let (mode, now) = (status.mode(), Timestamp::now());
        let stacks = status.apps.iter();
        let stacks = stacks.map(|(app, read)| StackStatus::of(state, app, read));
        Self {
            product_deployment_id: product.id.to_string(),
            environment_id: product.environment.clone(),
            product_name: product.id.to_string(),
            product_display_name: product.title.clone(),
            product_version: product.version.clone(),
            status: StackStatus::together(stacks),
            operation_mode: mode,
            can_enter_maintenance: operation.is_none() && status.may_enter(caller, now),
            can_exit_maintenance: operation.is_none() && status.may_exit(caller, now),
            maintenance_trigger: status.holder_flag().map(MaintenanceTrigger::of),
            until: status.flags_on().filter_map(|flag| flag.until).max(),
            scheduled: coming(status).iter().map(WindowToCome::of).collect(),
            drained_at: drained_at(status, mode),
            operation: operation.map(|operation| OperationSummary::of(&operation)),
        }
    }
}

/// When no code of a product can still be running, if it is wholly in maintenance and that is known.
fn drained_at(status: &ProductStatus, mode: OperationMode) -> Option<Timestamp> {
    let drained = status.flags_on().map(|flag| flag.drained_at);
    let drained: Option<Vec<_>> = drained.collect();
    drained?
        .into_iter()
        .max()
        .filter(|_| mode == OperationMode::Maintenance)
}

impl MaintenanceTrigger {
    fn of(flag: &Flag) -> Self {
        let owner = flag.owner.as_ref();
        // A flag that was typed by hand names no owner, and a person typed it.
        let kind = owner.map_or(OwnerKind::Manual, |owner| owner.kind);
        let named = owner.map(|owner| owner.name.clone());
        Self {
            source: kind.into(),
            reason: flag.reason.clone(),
            triggered_at_utc: flag.since,
            triggered_by: named.or_else(|| flag.by.clone()),
        }
    }
}

impl StackStatus {
    fn of(state: &AppState, app: &ManagedApp, read: &Read<AppStatus>) -> Self {
        let last = state.statuses.last_workers(app.app());
        let Some((workers, true)) = &last else {
            return Self::by_flags(read);
        };
        match &**workers {
            Ok(workers) if workers.unread.is_empty() && !workers.workers.is_empty() => {
                Self::together(workers.workers.iter().map(|worker| match worker.state {
                    WorkerState::Paused => Self::Stopped,
                    WorkerState::Running | WorkerState::Restored => Self::Running,
                    _ => Self::Partial,
                }))
            }
            _ => Self::by_flags(read),
        }
    }

    fn by_flags(read: &Read<AppStatus>) -> Self {
        let mode = (**read)
            .as_ref()
            .map_or(OperationMode::Unknown, AppStatus::mode);
        match mode {
            OperationMode::Normal => Self::Running,
            OperationMode::Maintenance => Self::Stopped,
            OperationMode::Partial => Self::Partial,
            OperationMode::Unknown => Self::Unknown,
        }
    }

    fn together(all: impl Iterator<Item = Self>) -> Self {
        let join = |all, next| match (all, next) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (all, next) if all == next => all,
            _ => Self::Partial,
        };
        all.reduce(join).unwrap_or(Self::Running)
    }
}

impl Stack {
    fn of(state: &AppState, app: &Arc<ManagedApp>, read: &Read<AppStatus>) -> Self {
        let workers = state.statuses.last_workers(app.app());
        let workers = workers
            .as_ref()
            .and_then(|(read, _)| (**read).as_ref().ok());
        let unread = workers.iter().flat_map(|workers| &workers.unread);
        let status = (**read).as_ref();
        let roles = status.map_or(&[][..], |status| &status.roles);
        Self {
            stack_name: app.app().to_string(),
            status: StackStatus::of(state, app, read),
            operation_mode: status.map_or(OperationMode::Unknown, AppStatus::mode),
            service_count: workers.map(|workers| workers.workers.len() + workers.unread.len()),
            roles: roles
                .iter()
                .map(|role| RoleView::of(role, workers))
                .collect(),
            unread: unread.map(|unread| unread.function.clone()).collect(),
            holder: status
                .ok()
                .and_then(|status| status.holder.as_ref())
                .map(HolderView::of),
            error: status
                .err()
                .map(|error| maintenance_control::in_full(error)),
        }
    }
}

impl HolderView {
    fn of(holder: &Holder) -> Self {
        Self {
            by: holder.by.clone(),
            operation: holder.operation.clone(),
            since_utc: holder.since,
            until_utc: holder.until,
        }
    }
}

impl RoleView {
    fn of(status: &RoleStatus, workers: Option<&Workers>) -> Self {
        let is_on = status.state == maintenance_control::State::On;
        let flag = status.flag.as_ref().filter(|_| is_on);
        let unread = status
            .unread
            .iter()
            .filter(|unread| unread.part == Part::Flag);
        let warnings = status.warnings.iter().map(ToString::to_string);
        Self {
            role: status.role.to_string(),
            operation_mode: OperationMode::of([status.state]),
            read_only: flag.is_some_and(|flag| flag.mode == Mode::ReadOnly),
            maintenance_trigger: flag.map(MaintenanceTrigger::of),
            opened_for: flag
                .and_then(|flag| flag.product.as_ref())
                .map(ToString::to_string),
            message: flag.and_then(|flag| flag.message.clone()),
            until: flag.and_then(|flag| flag.until),
            retry_after: flag.and_then(|flag| flag.retry_after),
            drained_at: flag.and_then(|flag| flag.drained_at),
            functions: workers.map(|workers| functions(workers, status)),
            warnings: unread
                .map(|unread| unread.error.clone())
                .chain(warnings)
                .collect(),
        }
    }
}

/// The functions of a role, by name.
fn functions(workers: &Workers, status: &RoleStatus) -> Vec<FunctionView> {
    let of_role = workers
        .workers
        .iter()
        .filter(|worker| worker.role == status.role);
    of_role.map(FunctionView::of).collect()
}

impl FunctionView {
    fn of(worker: &Worker) -> Self {
        Self {
            name: worker.function.clone(),
            state: match worker.state {
                WorkerState::Running => "running",
                WorkerState::Paused => "paused",
                WorkerState::Pausing => "pausing",
                WorkerState::Invoking => "invoking",
                WorkerState::Restoring => "restoring",
                WorkerState::Restored => "restored",
                WorkerState::Drifted => "drifted",
                WorkerState::Gone => "gone",
                WorkerState::Unexplained => "unexplained",
            },
        }
    }
}
