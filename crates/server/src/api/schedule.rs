//! Windows to come of a product: listed, scheduled, moved and cancelled.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use jiff::Timestamp;
use maintenance_control::limits;
use maintenance_control::{Actor, AddWindow, OnRequest, ScheduleRequest};
use maintenance_flag::{Change, Mode, Options, ScheduleOutcome, ScheduledWindow, WindowId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Whole, instant, invalid, unprocessable};
use super::extract::{ApiBody, ApiPath, ProductPath};
use super::responses::{Changes, Reads};
use super::visible::{missing, not_found};
use crate::AppState;
use crate::access::{AUDIT_TARGET, Caller};
use crate::catalog::ManagedProduct;
use crate::operations::{Rescheduled, Target};
use crate::problem::{Code, Problem};
use crate::schedule::{Coming, Place, TimesError, check_times, coming};

/// How long a request waits for what it asked for. It goes on all the same.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct WindowPath {
    /// The environment: `prod`.
    environment: String,
    /// The product's id: `shop`.
    product: String,
    /// The window.
    window: String,
}

/// The windows to come of a product.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Windows {
    /// By their start.
    windows: Vec<WindowToCome>,
}

/// A window that opens and closes by itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowToCome {
    /// Its identity.
    window: String,
    /// When it opens.
    starts_at: Timestamp,
    /// When it ends.
    until: Timestamp,
    /// Whether readers may pass.
    read_only: bool,
    /// Why.
    reason: Option<String>,
    /// What visitors are told.
    message: Option<String>,
    /// What `Retry-After` says, seconds, if not the time until its end.
    retry_after: Option<u32>,
    /// Who scheduled or last moved it.
    scheduled_by: Option<String>,
    /// The name of the recurring window that it is an occurrence of.
    recurring: Option<String>,
    /// The product that it was scheduled for.
    opened_for: Option<String>,
    /// Whether functions are paused though events will be lost.
    accept_event_loss: bool,
    /// The roles that it is for.
    roles: Vec<WindowRole>,
}

/// A role that a window is for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WindowRole {
    /// The app: `billing-prod`.
    app: String,
    /// The role.
    role: String,
}

/// A window to be scheduled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewWindow {
    /// When it opens: RFC 3339.
    #[schema(format = DateTime)]
    starts_at: String,
    /// When it ends: RFC 3339, at most 30 days after it opens.
    #[schema(format = DateTime)]
    until: String,
    /// Why, for the team: one line.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024)]
    reason: Option<String>,
    /// What visitors are told: one line.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024)]
    message: Option<String>,
    /// Let readers (GET, HEAD, OPTIONS) pass. Roles with functions cannot.
    #[serde(default)]
    read_only: bool,
    /// What `Retry-After` says, seconds.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 2592000)]
    retry_after: Option<Whole>,
    /// Pause functions though asynchronous events will be lost. Otherwise those that would lose some go on.
    #[serde(default)]
    accept_event_loss: bool,
    /// Change nothing, and answer what would be scheduled.
    #[serde(default)]
    dry_run: bool,
}

/// Another time for a window.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MovedWindow {
    /// When it opens: RFC 3339.
    #[schema(format = DateTime)]
    starts_at: String,
    /// When it ends: RFC 3339. Without it the window is as long as it was.
    #[serde(default)]
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Change nothing, and answer what would be changed.
    #[serde(default)]
    dry_run: bool,
}

/// What was changed, or with `dryRun` would be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowChanged {
    /// Always true: what was not carried out is a problem.
    success: bool,
    /// The same in a sentence.
    message: String,
    /// The window as it is; one that was cancelled, as it was.
    window: WindowToCome,
    /// The window as it was, if it was moved.
    before: Option<WindowToCome>,
}

impl WindowToCome {
    pub(super) fn of(coming: &Coming) -> Self {
        Self::new(&coming.window, &coming.places)
    }

    fn new(window: &ScheduledWindow, places: &[Place]) -> Self {
        Self {
            window: window.window.to_string(),
            starts_at: window.starts_at,
            until: window.until,
            read_only: window.mode == Mode::ReadOnly,
            reason: window.reason.clone(),
            message: window.message.clone(),
            retry_after: window.retry_after,
            scheduled_by: window.by.clone(),
            recurring: window.recurring.clone(),
            opened_for: window.product.as_ref().map(ToString::to_string),
            accept_event_loss: window.accept_event_loss,
            roles: places
                .iter()
                .map(|place| WindowRole {
                    app: place.app.to_string(),
                    role: place.role.to_string(),
                })
                .collect(),
        }
    }
}

/// The windows to come of a product, those of recurring windows among them as far as they are in the flags.
#[utoipa::path(
    get,
    path = "/api/environments/{environment}/product-deployments/{product}/schedule",
    operation_id = "listSchedule",
    params(ProductPath),
    responses((status = 200, description = "By their start.", body = Windows), Reads)
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<ProductPath>,
) -> Result<Json<Windows>, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    let status = state.statuses.product(product).await;
    if let (Some(error), Some((app, _))) = (status.error(), status.apps.first()) {
        return Err(Problem::of_error(app.app(), error, None));
    }
    let windows = coming(&status).iter().map(WindowToCome::of).collect();
    Ok(Json(Windows { windows }))
}

/// Schedules a window of all roles of a product. Gates open and close by themselves at the time; functions are
/// paused and restored by this server.
///
/// The same window once more is answered 200.
#[utoipa::path(
    post,
    path = "/api/environments/{environment}/product-deployments/{product}/schedule",
    operation_id = "scheduleWindow",
    params(ProductPath),
    request_body = NewWindow,
    responses(
        (status = 200, description = "It was scheduled already; or with `dryRun`, what would be.", body = WindowChanged),
        (status = 201, description = "It is scheduled.", body = WindowChanged, headers(
            ("Location" = String, description = "The address of the window.")
        )),
        Changes
    )
)]
pub(super) async fn post(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<ProductPath>,
    ApiBody(body): ApiBody<NewWindow>,
) -> Result<Response, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    caller.check_force(&product.id)?;
    let body = body?;
    let dry_run = body.dry_run;
    let request = body.into_request(product, Timestamp::now())?;
    let done = reschedule(&state, &caller, product, request, dry_run).await?;
    let location = format!(
        "/api/environments/{}/product-deployments/{}/schedule/{}",
        path.environment, path.product, done.changed.window.window
    );
    Ok(match done.is_new && !dry_run {
        true => (
            StatusCode::CREATED,
            [(header::LOCATION, location)],
            Json(done.changed),
        )
            .into_response(),
        false => Json(done.changed).into_response(),
    })
}

/// Moves a window that has yet to open.
#[utoipa::path(
    patch,
    path = "/api/environments/{environment}/product-deployments/{product}/schedule/{window}",
    operation_id = "moveWindow",
    params(WindowPath),
    request_body = MovedWindow,
    responses((status = 200, description = "It has that time.", body = WindowChanged), Changes)
)]
pub(super) async fn patch(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<WindowPath>,
    ApiBody(body): ApiBody<MovedWindow>,
) -> Result<Json<WindowChanged>, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    caller.check_force(&product.id)?;
    let body = body?;
    let window = find(&state, product, &path.window).await?;
    let now = Timestamp::now();
    let starts_at = instant("startsAt", &body.starts_at)?;
    let until = match &body.until {
        Some(until) => instant("until", until)?,
        None => {
            let length = window.until.duration_since(window.starts_at);
            let end = starts_at.checked_add(length);
            end.map_err(|_| unprocessable("startsAt must be within 30 days of its end"))?
        }
    };
    let (starts_at, until) = times(starts_at, until, now)?;
    let request = ScheduleRequest::Move {
        window: window.window,
        product: of(&caller, product),
        starts_at,
        until,
    };
    let done = reschedule(&state, &caller, product, request, body.dry_run).await?;
    Ok(Json(done.changed))
}

/// Cancels a window that has yet to open. One that has begun is ended by `PUT …/operation-mode`.
#[utoipa::path(
    delete,
    path = "/api/environments/{environment}/product-deployments/{product}/schedule/{window}",
    operation_id = "cancelWindow",
    params(WindowPath),
    responses((status = 200, description = "It will not open.", body = WindowChanged), Changes)
)]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<WindowPath>,
) -> Result<Json<WindowChanged>, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    caller.check_force(&product.id)?;
    let request = ScheduleRequest::Cancel {
        window: window_id(&path.window)?,
        product: of(&caller, product),
        withdraw: false,
    };
    let done = reschedule(&state, &caller, product, request, false).await?;
    Ok(Json(done.changed))
}

/// The product whose windows this caller may change; none: all of the product's apps.
pub(crate) fn of(caller: &Caller, product: &ManagedProduct) -> Option<maintenance_flag::Product> {
    match caller.may_write_all() {
        true => None,
        false => product.of_windows(),
    }
}

fn no_window(window: &str) -> Problem {
    let look = "GET …/schedule lists those of a product";
    missing(&format!("window {window:?} to come"), look)
}

fn window_id(text: &str) -> Result<WindowId, Problem> {
    text.parse().map_err(|_| no_window(text))
}

/// The window to come of this identity.
async fn find(
    state: &AppState,
    product: &Arc<ManagedProduct>,
    window: &str,
) -> Result<ScheduledWindow, Problem> {
    let status = state.statuses.product(product).await;
    let mut all = coming(&status).into_iter();
    let found = all.find(|it| it.window.window.as_str() == window);
    match found {
        Some(found) => Ok(found.window),
        None => match (status.error(), status.apps.first()) {
            (Some(error), Some((app, _))) => Err(Problem::of_error(app.app(), error, None)),
            _ => Err(no_window(window)),
        },
    }
}

/// The times of a window, or what to send instead.
fn times(
    starts_at: Timestamp,
    until: Timestamp,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Problem> {
    check_times(starts_at, until, now).map_err(|error| {
        unprocessable(match error {
            TimesError::InPast => format!(
                "startsAt must be in the future, and {starts_at} is not. To begin at once, send PUT …/operation-mode"
            ),
            TimesError::EndsFirst => format!(
                "until must be later than startsAt, and {until} is not later than {starts_at}"
            ),
            TimesError::Length(broken) => format!("the time from startsAt to until {broken}"),
        })
    })
}

impl NewWindow {
    fn into_request(
        self,
        product: &ManagedProduct,
        now: Timestamp,
    ) -> Result<ScheduleRequest, Problem> {
        let (starts_at, until) = times(
            instant("startsAt", &self.starts_at)?,
            instant("until", &self.until)?,
            now,
        )?;
        let reason = self.reason.as_deref().map(limits::reason).transpose();
        let reason = reason.map_err(|broken| invalid("reason", &broken))?;
        let message = self.message.as_deref().map(limits::message).transpose();
        let message = message.map_err(|broken| invalid("message", &broken))?;
        let retry_after = self.retry_after.map(|Whole(it)| limits::retry_after(it));
        let retry_after = retry_after
            .transpose()
            .map_err(|broken| invalid("retryAfter", &broken))?;
        let on = OnRequest {
            who: Actor::Person,
            product: product.of_windows(),
            reason: reason.map(str::to_owned),
            read_only: self.read_only,
            options: Options {
                message: change(message.map(str::to_owned)),
                retry_after: change(retry_after),
                ..Options::default()
            },
            link: None,
            accept_event_loss: self.accept_event_loss,
            shown: None,
        };
        Ok(ScheduleRequest::Add(Box::new(AddWindow {
            on,
            starts_at,
            until,
            recurring: None,
        })))
    }
}

fn change<T>(value: Option<T>) -> Change<T> {
    value.map_or(Change::Keep, Change::Set)
}

/// What was done.
pub(crate) struct Done {
    changed: WindowChanged,
    is_new: bool,
}

/// Changes the windows to come of a product, and waits for that as long as an answer may take.
pub(crate) async fn reschedule(
    state: &AppState,
    caller: &Caller,
    product: &Arc<ManagedProduct>,
    request: ScheduleRequest,
    dry_run: bool,
) -> Result<Done, Problem> {
    let target = target(product).await?;
    check_read_only(&request, &target)?;
    let operations = &state.operations;
    let done = async {
        match dry_run {
            true => {
                operations
                    .plan_reschedule(&target, &request, caller.by())
                    .await
            }
            false => operations.reschedule(&target, request, caller.by()).await,
        }
    };
    let done = tokio::time::timeout(ANSWER_WITHIN, done).await;
    let done = done.map_err(|_| {
        Problem::new(
            Code::Timeout,
            "it takes longer than an answer may, and goes on: look at the schedule, or send the same request again",
        )
    })?;
    let done = done.map_err(|(app, error)| Problem::of_error(app.app(), &error, None))?;
    let done = Done::of(&done, dry_run).ok_or_else(|| not_found("app of this product"))?;
    if !dry_run {
        tracing::info!(
            target: AUDIT_TARGET,
            by = caller.by(),
            product = %product.id,
            "{}", done.changed.message
        );
    }
    Ok(done)
}

/// All roles of all apps of the product.
async fn target(product: &Arc<ManagedProduct>) -> Result<Target, Problem> {
    let mut target = Target {
        product: Some(Arc::clone(product)),
        apps: Vec::with_capacity(product.apps.len()),
    };
    for app in &product.apps {
        let of_app = Target::app(Arc::clone(app)).await;
        let of_app = of_app.map_err(|error| Problem::of_error(app.app(), &error, None))?;
        target.apps.extend(of_app.apps);
    }
    Ok(target)
}

/// A paused function cannot go on reading.
fn check_read_only(request: &ScheduleRequest, target: &Target) -> Result<(), Problem> {
    let is_read_only = matches!(request, ScheduleRequest::Add(add) if add.on.read_only);
    let mut roles = target.apps.iter().flat_map(|(app, roles)| {
        let roles = roles.iter().filter(|spec| spec.functions.is_some());
        roles.map(move |spec| (app.app(), &spec.role))
    });
    match roles.next() {
        Some((app, role)) if is_read_only => Err(unprocessable(format!(
            "the {role} role of {app} selects functions, and a paused function cannot go on reading. Leave out readOnly"
        ))),
        _ => Ok(()),
    }
}

impl Done {
    /// What was done, in a sentence.
    pub(crate) fn message(&self) -> &str {
        &self.changed.message
    }

    fn of(done: &Rescheduled, dry_run: bool) -> Option<Self> {
        // A role that had it already says least.
        let changed = |outcome| outcome != ScheduleOutcome::AlreadyScheduled;
        let mut roles = done.roles.iter().map(|(_, role)| role);
        let first = roles
            .clone()
            .find(|role| changed(role.outcome))
            .or_else(|| roles.next())?;
        let places = done.roles.iter().map(|(app, role)| Place {
            app: app.app().clone(),
            role: role.role.clone(),
        });
        let places: Vec<_> = places.collect();
        let window = WindowToCome::new(&first.window, &places);
        let before = first.before.as_ref();
        let before = before.map(|before| WindowToCome::new(before, &places));
        let times = |window: &WindowToCome| format!("{} to {}", window.starts_at, window.until);
        let message = match (first.outcome, &before) {
            (ScheduleOutcome::Moved, Some(before)) => {
                format!("changed from {} to {}", times(before), times(&window))
            }
            (ScheduleOutcome::Moved, None) => format!("moved to {}", times(&window)),
            (ScheduleOutcome::Scheduled, _) => format!("scheduled from {}", times(&window)),
            (ScheduleOutcome::AlreadyScheduled, _) => {
                format!("already scheduled from {}", times(&window))
            }
            (ScheduleOutcome::Cancelled, _) => {
                format!("the window from {} was cancelled", times(&window))
            }
        };
        Some(Self {
            is_new: first.outcome == ScheduleOutcome::Scheduled,
            changed: WindowChanged {
                success: true,
                message: match dry_run {
                    true => format!("Nothing was changed: it would be {message}"),
                    false => message,
                },
                window,
                before,
            },
        })
    }
}
