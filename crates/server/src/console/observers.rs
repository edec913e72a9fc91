//! The page of the observers: what each saw last, when it looks next, and *Check now*.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::Timestamp;
use maintenance_flag::Verdict;

use super::extract::PagePath;
use super::page::{Live, Page, Section, html};
use super::text::Moment;
use super::view::path_of;
use crate::AppState;
use crate::access::Caller;
use crate::api::check_now;
use crate::catalog::ManagedProduct;
use crate::observers::{NoteKind, Place, View};
use crate::operations::Patience;
use crate::problem::{Code, Problem};

#[derive(Template)]
#[template(path = "observers.html")]
struct Observers {
    page: Page,
    observers: Vec<ObserverView>,
}

struct ObserverView {
    name: String,
    /// As its badge says it.
    result: &'static str,
    kind: &'static str,
    target: String,
    /// The page of the product.
    path: Option<String>,
    disabled: Option<String>,
    checked_at: Option<Moment>,
    observed: Option<String>,
    error: Option<String>,
    streak: u32,
    confirm: u32,
    next_check: Option<Moment>,
    next_transition: Option<Moment>,
    note: Option<String>,
    noted_at: Option<Moment>,
    is_bad: bool,
    may_check: bool,
}

impl ObserverView {
    fn of(state: &AppState, caller: &Caller, view: &View, now: Timestamp) -> Self {
        let moment = |at| Moment::new(at, now);
        let last = view.last.as_ref();
        let product = match &view.place {
            Place::Product(product) => Some(product),
            Place::App { .. } => products(state, caller, view).next(),
        };
        let note = view.note.as_ref();
        Self {
            name: view.name.to_string(),
            result: match last.map(|(_, last)| last.verdict) {
                _ if view.disabled.is_some() => "Disabled",
                Some(Verdict::Maintenance) => "Maintenance",
                Some(Verdict::Normal) => "Normal",
                Some(Verdict::Unknown) | None => "Unknown",
            },
            kind: view.kind_name,
            target: view.place.name(),
            path: product.map(|product| path_of(product)),
            disabled: view.disabled.clone(),
            checked_at: last.map(|(at, _)| moment(*at)),
            observed: last.and_then(|(_, last)| last.observed.clone()),
            error: last.and_then(|(_, last)| last.error.clone()),
            streak: view.streak,
            confirm: view.confirm,
            next_check: view.next_check.map(moment),
            next_transition: last.and_then(|(_, last)| last.next_transition).map(moment),
            note: note.map(|note| capitalized(&note.text)),
            noted_at: note.map(|note| moment(note.at)),
            is_bad: note
                .is_some_and(|note| !matches!(note.kind, NoteKind::Acted | NoteKind::Waits)),
            may_check: may_check(state, caller, view),
        }
    }
}

/// As the beginning of a sentence.
fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}

/// The products of what it acts on that this caller may see.
fn products<'a>(
    state: &'a AppState,
    caller: &'a Caller,
    view: &'a View,
) -> impl Iterator<Item = &'a std::sync::Arc<ManagedProduct>> {
    let products = state.catalog.products();
    products.filter(|product| caller.may_read(&product.id) && view.place.is_of(product))
}

fn may_read(state: &AppState, caller: &Caller, view: &View) -> bool {
    caller.may_read_all() || products(state, caller, view).next().is_some()
}

fn may_check(state: &AppState, caller: &Caller, view: &View) -> bool {
    caller.may_write_all()
        || products(state, caller, view).any(|product| caller.may_write(&product.id))
}

/// `GET /observers`.
pub(super) async fn observers(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let now = Timestamp::now();
    let views = state.observers.views();
    let visible = views.iter().filter(|view| may_read(&state, &caller, view));
    let observers = visible.map(|view| ObserverView::of(&state, &caller, view, now));
    let observers = observers.collect();
    let mut page = Page::new("Observers", &caller).live(Live::Yes);
    page.section = Section::Observers;
    html(StatusCode::OK, &Observers { page, observers })
}

/// `POST /observers/{name}/check`.
pub(super) async fn check(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    patience: Patience,
    PagePath(name): PagePath<String>,
) -> Result<Response, Problem> {
    let view = state.observers.view(&name);
    let view = view.filter(|view| may_read(&state, &caller, view));
    let view = view.ok_or_else(|| {
        let detail =
            format!("There is no observer {name}, or your token is limited to other products.");
        Problem::new(Code::NotFound, detail)
    })?;
    if !may_check(&state, &caller, &view) {
        let detail = "Your token may look at observers, and not have them check: that needs the scope write.";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    check_now(&state, &caller, patience, &view).await?;
    Ok(Redirect::to("/observers").into_response())
}
