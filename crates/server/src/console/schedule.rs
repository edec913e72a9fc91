//! The schedule of a product: the windows to come, and forms to schedule, move and cancel one.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maintenance_control::{Actor, AddWindow, OnRequest, ScheduleRequest, limits};
use maintenance_flag::{Change, Options, ScheduledWindow};
use serde::Deserialize;

use super::coming::ComingView;
use super::enter::{moment, sentence};
use super::extract::{PageForm, PagePath};
use super::page::{Live, Page, html};
use super::products::{find, find_to_change};
use super::view::path_of;
use crate::AppState;
use crate::access::{AuditNote, Caller};
use crate::api::schedule::{of, reschedule};
use crate::catalog::ManagedProduct;
use crate::problem::{Code, Problem};
use crate::schedule::{TimesError, check_times, coming};

#[derive(Template)]
#[template(path = "schedule.html")]
struct Schedule {
    page: Page,
    path: String,
    title: String,
    windows: Vec<ComingView>,
    may_change: bool,
    has_functions: bool,
    fields: Fields,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "window.html")]
struct Window {
    page: Page,
    path: String,
    title: String,
    window: ComingView,
    fields: Fields,
    errors: Errors,
}

/// What the forms send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    starts: String,
    ends: String,
    reason: String,
    message: String,
    read_only: Option<String>,
    accept_loss: Option<String>,
    cancel: Option<String>,
}

/// What is wrong with each field, or with all of it.
#[derive(Debug, Default)]
struct Errors {
    starts: Option<String>,
    ends: Option<String>,
    reason: Option<String>,
    message: Option<String>,
    /// It was refused.
    refused: Option<String>,
}

impl Errors {
    fn is_empty(&self) -> bool {
        self.all().next().is_none() && self.refused.is_none()
    }

    /// Each with the id of its field.
    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self {
            starts,
            ends,
            reason,
            message,
            refused: _,
        } = self;
        let all = [
            ("starts", starts),
            ("ends", ends),
            ("reason", reason),
            ("message", message),
        ];
        all.into_iter()
            .filter_map(|(field, error)| Some((field, error.as_deref()?)))
    }
}

/// `GET …/schedule`.
pub(super) async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, id)): PagePath<(String, String)>,
) -> Result<Response, Problem> {
    let product = find(&state, &caller, &environment, &id)?;
    let (fields, errors) = (Fields::default(), Errors::default());
    let page = Schedule::new(&state, &caller, &product, fields, errors).await;
    Ok(html(StatusCode::OK, &page))
}

/// `POST …/schedule`.
pub(super) async fn add(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, id)): PagePath<(String, String)>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, Problem> {
    let product = find_to_change(&state, &caller, &environment, &id)?;
    caller.check_force(&product.id)?;
    let mut errors = Errors::default();
    let request = fields.request(&product, Timestamp::now(), &mut errors);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(request) = request.filter(|_| errors.is_empty()) {
        match reschedule(&state, &caller, &product, request, false).await {
            Ok(done) => return Ok(back(&product, done.message())),
            Err(problem) => (status, errors.refused) = refused(problem)?,
        }
    }
    let page = Schedule::new(&state, &caller, &product, fields, errors).await;
    Ok(html(status, &page))
}

/// `GET …/schedule/{window}`.
pub(super) async fn ask(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, id, window)): PagePath<(String, String, String)>,
) -> Result<Response, Problem> {
    let product = find_to_change(&state, &caller, &environment, &id)?;
    caller.check_force(&product.id)?;
    let known = known(&state, &product, &window).await?;
    let typed = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    let fields = Fields {
        starts: typed(known.0.starts_at),
        ends: typed(known.0.until),
        ..Fields::default()
    };
    let page = Window::new(&caller, &product, known.1, fields, Errors::default());
    Ok(html(StatusCode::OK, &page))
}

/// `POST …/schedule/{window}`.
pub(super) async fn change(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, id, window)): PagePath<(String, String, String)>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, Problem> {
    let product = find_to_change(&state, &caller, &environment, &id)?;
    caller.check_force(&product.id)?;
    let known = known(&state, &product, &window).await?;
    let mut errors = Errors::default();
    let (window, of) = (known.0.window.clone(), of(&caller, &product));
    let request = match &fields.cancel {
        Some(_) => Some(ScheduleRequest::Cancel {
            window,
            product: of,
            withdraw: false,
        }),
        None => {
            let times = fields.times(Timestamp::now(), &mut errors);
            times.map(|(starts_at, until)| ScheduleRequest::Move {
                window,
                product: of,
                starts_at,
                until,
            })
        }
    };
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(request) = request {
        match reschedule(&state, &caller, &product, request, false).await {
            Ok(done) => return Ok(back(&product, done.message())),
            Err(problem) => (status, errors.refused) = refused(problem)?,
        }
    }
    let page = Window::new(&caller, &product, known.1, fields, errors);
    Ok(html(status, &page))
}

/// To the schedule as it is now.
fn back(product: &ManagedProduct, message: &str) -> Response {
    let note = AuditNote::new(format!("Schedule of {}: {message}", product.id));
    let schedule = format!("{}/schedule", path_of(product));
    note.on(Redirect::to(&schedule).into_response())
}

/// Why it was refused, to be shown beside what was typed; what is no matter of that is a page of its own.
fn refused(problem: Problem) -> Result<(StatusCode, Option<String>), Problem> {
    match problem.code {
        Code::Overlap | Code::Begun | Code::Unprocessable | Code::Busy | Code::Owner => {
            Ok((problem.code.status(), Some(problem.detail)))
        }
        _ => Err(problem),
    }
}

async fn known(
    state: &AppState,
    product: &Arc<ManagedProduct>,
    window: &str,
) -> Result<(ScheduledWindow, ComingView), Problem> {
    let status = state.statuses.product(product).await;
    let found = coming(&status).into_iter();
    let found = found.map(|coming| coming.window);
    let found = found.into_iter().find(|it| it.window.as_str() == window);
    let views = ComingView::all(&status, Timestamp::now());
    let view = views.into_iter().find(|it| it.id == window);
    found.zip(view).ok_or_else(|| {
        let detail = "There is no such window to come: it has begun, is over, or was cancelled.";
        Problem::new(Code::NotFound, detail)
    })
}

impl Fields {
    /// The window that they ask for, unless something is wrong with it.
    fn request(
        &self,
        product: &ManagedProduct,
        now: Timestamp,
        errors: &mut Errors,
    ) -> Option<ScheduleRequest> {
        let reason = match limits::reason(&self.reason) {
            Ok(reason) => Some(reason.to_owned()),
            Err(broken) => {
                errors.reason = Some(sentence("The reason", &broken));
                None
            }
        };
        let message = match self.message.trim() {
            "" => Change::Keep,
            typed => match limits::message(typed) {
                Ok(message) => Change::Set(message.to_owned()),
                Err(broken) => {
                    errors.message = Some(sentence("The message", &broken));
                    Change::Keep
                }
            },
        };
        let (starts_at, until) = self.times(now, errors)?;
        let on = OnRequest {
            who: Actor::Person,
            product: product.of_windows(),
            reason,
            read_only: self.read_only.is_some(),
            options: Options {
                message,
                ..Options::default()
            },
            link: None,
            accept_event_loss: self.accept_loss.is_some(),
            shown: None,
        };
        Some(ScheduleRequest::Add(Box::new(AddWindow {
            on,
            starts_at,
            until,
            recurring: None,
        })))
    }

    /// From when to when, as typed: a time in UTC, or a length of time from now and from the start.
    fn times(&self, now: Timestamp, errors: &mut Errors) -> Option<(Timestamp, Timestamp)> {
        let parse =
            |typed: &str, from: Timestamp| moment(typed.trim(), &from.to_zoned(TimeZone::UTC));
        let Some(starts_at) = parse(&self.starts, now) else {
            let example = "The start must be a time in UTC such as 22:00 or 2026-11-22 22:00.";
            errors.starts = Some(example.to_owned());
            return None;
        };
        let Some(until) = parse(&self.ends, starts_at) else {
            let example = "The end must be a length of time such as 2h, or a time in UTC such as 23:30 or 2026-11-22 23:30.";
            errors.ends = Some(example.to_owned());
            return None;
        };
        match check_times(starts_at, until, now) {
            Ok(times) => return Some(times),
            Err(TimesError::InPast) => {
                errors.starts = Some("The start must be in the future.".to_owned());
            }
            Err(TimesError::EndsFirst) => {
                errors.ends = Some("The end must be later than the start.".to_owned());
            }
            Err(TimesError::Length(broken)) => {
                errors.ends = Some(format!("The time from start to end {broken}."));
            }
        }
        None
    }
}

impl Schedule {
    async fn new(
        state: &AppState,
        caller: &Caller,
        product: &Arc<ManagedProduct>,
        fields: Fields,
        errors: Errors,
    ) -> Self {
        let status = state.statuses.product(product).await;
        let mut roles = product.apps.iter().flat_map(|app| &app.roles);
        let may_change = caller.may_force(&product.id);
        // A page with a form stays as it is while somebody types.
        let live = match may_change {
            true => Live::No,
            false => Live::Yes,
        };
        Self {
            page: Page::new(format!("Schedule: {}", product.title), caller).live(live),
            path: path_of(product),
            title: product.title.clone(),
            windows: ComingView::all(&status, Timestamp::now()),
            may_change,
            has_functions: roles.any(|role| role.functions.is_some()),
            fields,
            errors,
        }
    }
}

impl Window {
    fn new(
        caller: &Caller,
        product: &ManagedProduct,
        window: ComingView,
        fields: Fields,
        errors: Errors,
    ) -> Self {
        Self {
            page: Page::new(format!("Move or cancel: {}", product.title), caller),
            path: path_of(product),
            title: product.title.clone(),
            window,
            fields,
            errors,
        }
    }
}
