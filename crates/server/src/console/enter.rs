//! Entering maintenance: what would happen, and a form to say yes to just that.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use maintenance_control::limits::{self, Invalid};
use maintenance_control::{Action, BypassLink, OnRequest, describe};
use maintenance_flag::{Change, Options};
use serde::Deserialize;

use super::extract::{PageForm, PagePath};
use super::operation::{self, at_work};
use super::page::{Live, Page, html};
use super::plan::{AppPlan, Shown, all_events};
use super::plans::{self, Planned, Plans};
use super::products::find_to_change;
use super::text::Failure;
use super::view::path_of;
use crate::AppState;
use crate::access::{AuditNote, Caller};
use crate::catalog::ManagedProduct;
use crate::operations::{Patience, Request};
use crate::problem::{Code, Problem};

/// The name of its plans.
const KIND: &str = "enter";

#[derive(Template)]
#[template(path = "enter.html")]
struct Enter {
    page: Page,
    path: String,
    title: String,
    version: Option<String>,
    environment: String,
    apps: Vec<AppPlan>,
    /// Why there is no plan at all.
    failure: Option<Failure>,
    /// More would be lost than was shown before.
    has_changed: bool,
    shown: Shown,
    /// Whether every function can be read and everything be done.
    is_possible: bool,
    is_on: bool,
    /// A role has functions, so that it cannot be read-only.
    has_functions: bool,
    fields: Fields,
    errors: Errors,
}

/// The page while the functions are read.
#[derive(Template)]
#[template(path = "reading.html")]
struct Reading {
    page: Page,
    path: String,
    heading: &'static str,
    title: String,
    reload: String,
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    reason: String,
    message: String,
    until: String,
    read_only: Option<String>,
    link: Option<String>,
    accept_loss: Option<String>,
    /// What the page has shown: see [`Shown`].
    shown: String,
}

/// What is wrong with each field.
#[derive(Debug, Default)]
struct Errors {
    reason: Option<String>,
    message: Option<String>,
    until: Option<String>,
    read_only: Option<String>,
    accept_loss: Option<String>,
}

impl Errors {
    fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Each with the id of its field.
    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self {
            reason,
            message,
            until,
            read_only,
            accept_loss,
        } = self;
        let all = [
            ("reason", reason),
            ("message", message),
            ("until", until),
            ("read_only", read_only),
            ("accept_loss", accept_loss),
        ];
        all.into_iter()
            .filter_map(|(field, error)| Some((field, error.as_deref()?)))
    }
}

/// `GET …/enter`.
pub(super) async fn ask(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(plans): Extension<Plans>,
    PagePath((environment, id)): PagePath<(String, String)>,
) -> Result<Response, Problem> {
    let product = find_to_change(&state, &caller, &environment, &id)?;
    if let Some(other) = at_work(&state, &product) {
        return Ok(other.into_response());
    }
    let request = Request::On(Box::new(wish(&caller, &product)));
    let Some(made) = plans.soon(&state, &product, KIND, request, &caller).await else {
        return Ok(reading(&product, &caller, Action::On));
    };
    let page = match &*made {
        Ok(planned) => Enter::new(
            &product,
            &caller,
            Ok(planned),
            Fields::default(),
            Errors::default(),
            None,
        ),
        Err(error) => {
            let failure = Failure::of(error);
            let (fields, errors) = (Fields::default(), Errors::default());
            Enter::new(&product, &caller, Err(failure), fields, errors, None)
        }
    };
    Ok(html(StatusCode::OK, &page))
}

/// The page while the functions are read.
pub(super) fn reading(product: &ManagedProduct, caller: &Caller, action: Action) -> Response {
    let (heading, rest) = match action {
        Action::On => ("Enter maintenance", "enter"),
        Action::Off => ("Exit maintenance", "exit"),
    };
    let path = path_of(product);
    let page = Reading {
        page: Page::new(format!("{heading}: {}", product.title), caller).live(Live::Soon),
        reload: format!("{path}/{rest}"),
        path,
        heading,
        title: product.title.clone(),
    };
    html(StatusCode::OK, &page)
}

/// Maintenance for all of the product, and nothing else said.
fn wish(caller: &Caller, product: &ManagedProduct) -> OnRequest {
    OnRequest {
        who: caller.actor(),
        product: product.of_windows(),
        reason: None,
        read_only: false,
        options: Options::default(),
        link: None,
        accept_event_loss: false,
        shown: None,
    }
}

/// `POST …/enter`.
pub(super) async fn start(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(plans): Extension<Plans>,
    patience: Patience,
    PagePath((environment, id)): PagePath<(String, String)>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, Problem> {
    let product = find_to_change(&state, &caller, &environment, &id)?;
    if let Some(other) = at_work(&state, &product) {
        return Ok(other.into_response());
    }
    let now = Timestamp::now();
    let mut errors = Errors::default();
    let mut on = fields.request(wish(&caller, &product), now, &mut errors);
    if let Err(large) = on.check_size(caller.by(), now) {
        let over = large.bytes.saturating_sub(large.most);
        let text = format!("The reason and the message are {over} bytes too long together.");
        errors.message.get_or_insert(text);
    }
    let seen = Shown::parse(&fields.shown);
    // What was read for the page is old by now. Where reading takes longer than a request may, the operation
    // itself refuses what was not shown.
    let request = Request::On(Box::new(on.clone()));
    let made = plans::now(&state, &product, request, &caller).await;
    let made = made.or_else(|| plans.last(&product, KIND, &caller.actor()));
    let made = made.ok_or_else(|| {
        Problem::new(
            Code::Timeout,
            "Reading the functions took too long. Open the page again.",
        )
    })?;
    let planned = match &*made {
        Ok(planned) => planned,
        Err(error) => {
            let failure = Failure::of(error);
            let page = Enter::new(&product, &caller, Err(failure), fields, errors, None);
            return Ok(html(StatusCode::SERVICE_UNAVAILABLE, &page));
        }
    };
    if on.read_only && has_functions(planned) {
        errors.read_only = Some("A paused function cannot go on reading.".to_owned());
    }
    let (has_changed, shown) = (!seen.has_all(planned), Shown::of(planned));
    if !shown.is_empty() && !has_changed && fields.accept_loss.is_none() {
        errors.accept_loss = Some("Events would be lost: accept it, or cancel.".to_owned());
    }
    if has_changed || !errors.is_empty() || !is_possible(planned) {
        let status = match (has_changed, errors.is_empty()) {
            (true, _) => StatusCode::CONFLICT,
            (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
            (false, true) => StatusCode::CONFLICT,
        };
        let seen = has_changed.then_some(&seen);
        let page = Enter::new(&product, &caller, Ok(planned), fields, errors, seen);
        return Ok(html(status, &page));
    }
    on.shown = Some(all_events(planned.results()));
    if fields.link.is_some() {
        on.link = Some(new_link(now)?);
    }
    let note = AuditNote::new(format!("Maintenance of {id}: {}", fields.reason.trim()));
    let request = Request::On(Box::new(on));
    let asked = (planned.target.clone(), request);
    let started = operation::start(&state, &caller, patience, &product, asked).await;
    Ok(note.on(started))
}

/// A bypass link that is good from now on.
fn new_link(now: Timestamp) -> Result<BypassLink, Problem> {
    BypassLink::random(now).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        Problem::new(
            Code::Internal,
            "No bypass link can be made: the system gives no random bytes.",
        )
    })
}

fn is_possible(planned: &Planned) -> bool {
    planned.results().iter().all(Result::is_ok)
}

fn has_functions(planned: &Planned) -> bool {
    let mut roles = planned.target.apps.iter().flat_map(|(_, roles)| roles);
    roles.any(|role| role.functions.is_some())
}

impl Fields {
    /// What they ask for. What is wrong with one is noted, and then not asked for.
    fn request(&self, mut on: OnRequest, now: Timestamp, errors: &mut Errors) -> OnRequest {
        match limits::reason(&self.reason) {
            Ok(reason) => on.reason = Some(reason.to_owned()),
            Err(broken) => errors.reason = Some(sentence("The reason", &broken)),
        }
        if !self.message.trim().is_empty() {
            match limits::message(&self.message) {
                Ok(message) => on.options.message = Change::Set(message.to_owned()),
                Err(broken) => errors.message = Some(sentence("The message", &broken)),
            }
        }
        match until(&self.until, now) {
            Ok(Some(end)) => on.options.until = Change::Set(end),
            Ok(None) => {}
            Err(broken) => errors.until = Some(format!("The expected end {broken}.")),
        }
        on.read_only = self.read_only.is_some();
        on
    }
}

pub(super) fn sentence(what: &str, broken: &Invalid) -> String {
    format!("{what} {broken}.")
}

/// An end as it is typed: a length of time, or a time in UTC.
fn until(typed: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let (typed, now) = (typed.trim(), now.to_zoned(TimeZone::UTC));
    if typed.is_empty() {
        return Ok(None);
    }
    let end = moment(typed, &now).ok_or(
        "must be a length of time such as 45m or 2h, or a time in UTC such as 14:30 or 2026-11-22 14:30",
    )?;
    limits::end(end, &now)
        .map(Some)
        .map_err(|broken| broken.to_string())
}

/// A time in UTC, or a length of time from now.
pub(super) fn moment(typed: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(at) = typed.parse() {
        return Some(at);
    }
    if !typed.contains(':') {
        return now
            .checked_add(typed.parse::<Span>().ok()?)
            .ok()
            .map(|end| end.timestamp());
    }
    let typed = typed.trim_end_matches("UTC").trim_end();
    let padded = if typed.find(':') == Some(1) {
        format!("0{typed}")
    } else {
        typed.to_owned()
    };
    let is_clock = padded.chars().all(|c| c.is_ascii_digit() || c == ':');
    // A time takes a date before it, and forgets that.
    let clock = padded.parse::<Time>().ok().filter(|_| is_clock);
    let local = match clock {
        Some(time) => {
            let today = now.date().to_datetime(time);
            if today > now.datetime() {
                today
            } else {
                today.checked_add(Span::new().days(1)).ok()?
            }
        }
        None => padded.parse().ok()?,
    };
    local
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|end| end.timestamp())
}

impl Enter {
    fn new(
        product: &Arc<ManagedProduct>,
        caller: &Caller,
        planned: Result<&Planned, Failure>,
        fields: Fields,
        errors: Errors,
        seen: Option<&Shown>,
    ) -> Self {
        let (planned, failure) = match planned {
            Ok(planned) => (Some(planned), None),
            Err(failure) => (None, Some(failure)),
        };
        let apps = planned.map_or_else(Vec::new, |planned| AppPlan::all(planned, seen));
        Self {
            page: Page::new(format!("Enter maintenance: {}", product.title), caller),
            path: path_of(product),
            title: product.title.clone(),
            version: product.version.clone(),
            environment: product.environment.clone(),
            is_on: !apps.is_empty()
                && apps
                    .iter()
                    .flat_map(|app| &app.roles)
                    .all(|role| role.is_on),
            has_changed: seen.is_some(),
            shown: planned.map(Shown::of).unwrap_or_default(),
            is_possible: planned.is_some_and(is_possible),
            has_functions: planned.is_some_and(has_functions),
            failure,
            apps,
            fields,
            errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_end_is_a_length_of_time_or_a_time_in_utc() {
        let now: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
        for (typed, end) in [
            ("", None),
            (" 45m ", Some("2026-11-22T07:45:00Z")),
            ("1h 30m", Some("2026-11-22T08:30:00Z")),
            ("14:30", Some("2026-11-22T14:30:00Z")),
            ("6:30", Some("2026-11-23T06:30:00Z")),
            ("14:30 UTC", Some("2026-11-22T14:30:00Z")),
            ("2026-11-24 14:30", Some("2026-11-24T14:30:00Z")),
            ("2026-11-24T14:30:00+01:00", Some("2026-11-24T13:30:00Z")),
        ] {
            let end = end.map(|end| end.parse().unwrap());
            assert_eq!(until(typed, now), Ok(end), "{typed}");
        }
        for bad in [
            "soon",
            "45",
            "25:00",
            "2026-02-30 09:00",
            "-1h",
            "31d",
            "2026-11-22T06:00:00Z",
        ] {
            assert!(until(bad, now).is_err(), "{bad}");
        }
    }
}
