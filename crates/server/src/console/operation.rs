//! An operation: each app and role while it is at work, and how it ended. The same address all the time, so that
//! reloading loses nothing; after a restart of the server, which knows its operations no more, the page says how
//! the product stands.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::Timestamp;
use maintenance_control::{
    Action, BypassReport, Report, RoleOutcome, RoleReport, WorkersReport, describe,
};
use maintenance_flag::{Mode, Token};

use super::extract::{PagePath, PageQuery};
use super::page::{Live, Page, html};
use super::products::find;
use super::text::{Failure, Moment};
use super::view::{HolderView, Offers, ProductView, doing, path_of};
use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedProduct;
use crate::operations::{
    AppProgress, Ended, Operation, Patience, Phase, Request, RoleProgress, Success, Target,
};
use crate::problem::{Code, Problem};
use crate::statuses::{OperationMode, ProductStatus};

/// The page of a product's operation that is at work, for who asks for another one.
pub(super) fn at_work(state: &AppState, product: &ManagedProduct) -> Option<Redirect> {
    let operation = state.operations.of_product(product)?;
    let is_over = operation.progress().borrow().is_over();
    let path = || format!("{}/operations/{}?other", path_of(product), operation.id);
    (!is_over).then(|| Redirect::to(&path()))
}

/// Starts an operation, and sends its caller to its page.
pub(super) async fn start(
    state: &AppState,
    caller: &Caller,
    patience: Patience,
    product: &ManagedProduct,
    (target, request): (Target, Request),
) -> Response {
    let operation = state.operations.start(target, request, caller);
    patience.detach(&operation).await;
    let path = format!("{}/operations/{}", path_of(product), operation.id);
    Redirect::to(&path).into_response()
}

#[derive(Template)]
#[template(path = "working.html")]
struct Working {
    page: Page,
    path: String,
    title: String,
    what: &'static str,
    by: String,
    started: Moment,
    reason: Option<String>,
    /// It was another's when the caller asked for one.
    is_others: bool,
    apps: Vec<AppWork>,
}

/// How far it is with an app.
struct AppWork {
    name: String,
    roles: Vec<RoleWork>,
    waiting: Option<String>,
    lease: Option<(Moment, Option<HolderView>)>,
}

struct RoleWork {
    name: String,
    what: String,
    done: usize,
    /// None: not counted.
    total: Option<usize>,
    lines: Vec<String>,
}

#[derive(Template)]
#[template(path = "done.html")]
struct Done {
    page: Page,
    path: String,
    is_on: bool,
    heading: &'static str,
    /// `Normal → Maintenance`: as far as it is known how it stood before, and once this had ended.
    from: Option<&'static str>,
    to: Option<&'static str>,
    /// How it stands now, if that is not how this left it.
    now: Option<&'static str>,
    /// What this left is no more: another operation came after it.
    is_past: bool,
    is_complete: bool,
    failures: Vec<(String, Failure)>,
    apps: Vec<AppDone>,
    drained_at: Option<Moment>,
    /// What passes though it is safe to migrate.
    still_passes: bool,
    left_on: Vec<String>,
    /// The bypass link can be shown.
    has_link: bool,
    id: String,
    title: String,
    offers: Offers,
    at: Moment,
}

struct AppDone {
    name: String,
    roles: Vec<RoleDone>,
}

struct RoleDone {
    outcome: String,
    changed: Option<String>,
    unchanged: Option<String>,
    failed: Vec<String>,
    lines: Vec<String>,
}

#[derive(Template)]
#[template(path = "unknown.html")]
struct Unknown {
    page: Page,
    it: ProductView,
    offers: Offers,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    page: Page,
    path: String,
    title: String,
    /// None: it was shown before.
    link: Option<Link>,
}

struct Link {
    /// Where it leads, app by app; `?…` where the app's address is unknown.
    links: Vec<(String, String)>,
    is_clear: bool,
    is_unknown: bool,
    query: &'static str,
    header: &'static str,
    until: Moment,
}

/// Whether the caller asked for another operation.
#[derive(serde::Deserialize)]
pub(super) struct Query {
    other: Option<String>,
}

/// `GET …/operations/{id}`.
pub(super) async fn operation(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, product, id)): PagePath<(String, String, String)>,
    PageQuery(query): PageQuery<Query>,
) -> Result<Response, Problem> {
    let product = find(&state, &caller, &environment, &product)?;
    let now = Timestamp::now();
    let Some(operation) = of_product(&state, &product, &id) else {
        let status = state.statuses.product(&product).await;
        let it = ProductView::of(&state, &status, now);
        let offers = Offers::of(&status, &caller, it.at_work.is_some());
        let page = Page::new(format!("{}: {}", it.title, it.mode), &caller).live(Live::Yes);
        return Ok(html(StatusCode::NOT_FOUND, &Unknown { page, it, offers }));
    };
    let progress = operation.progress().borrow().clone();
    Ok(match progress.ended {
        None => {
            let what = doing(operation.request.action());
            let page = Page::new(format!("{what}: {}", product.title), &caller).live(Live::Soon);
            let page = Working {
                page,
                path: path_of(&product),
                title: product.title.clone(),
                what,
                by: operation.by.clone(),
                started: Moment::new(operation.started, now),
                reason: reason(&operation).cloned(),
                is_others: query.other.is_some(),
                apps: progress
                    .apps
                    .iter()
                    .map(|app| AppWork::of(&operation, app, now))
                    .collect(),
            };
            html(StatusCode::OK, &page)
        }
        Some(ended) => {
            let status = state.statuses.product(&product).await;
            let newest = state.operations.of_product(&product);
            let is_newest = newest.is_none_or(|newest| newest.id == operation.id);
            let page = Done::new(&operation, &ended, is_newest, &status, &caller, now);
            html(StatusCode::OK, &page)
        }
    })
}

/// `POST …/operations/{id}/link`: shows the bypass link once, to whom it was made for.
pub(super) async fn link(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, product, id)): PagePath<(String, String, String)>,
) -> Result<Response, Problem> {
    let product = find(&state, &caller, &environment, &product)?;
    let operation = of_product(&state, &product, &id);
    let operation = operation
        .filter(|operation| operation.is_of(&caller))
        .ok_or_else(|| {
            Problem::new(
                Code::NotFound,
                "This server has no bypass link of yours. Enter again to make one.",
            )
        })?;
    let link = operation.take_link().map(|link| {
        let token = link.token.reveal();
        let apps = &operation.target.apps;
        let url =
            |url: Option<&str>| format!("{}?{}={token}", url.unwrap_or_default(), Token::QUERY);
        let links = apps
            .iter()
            .map(|(app, _)| (app.app().to_string(), url(app.url.as_deref())));
        Link {
            links: links.collect(),
            is_clear: apps.iter().any(|(app, _)| {
                app.url
                    .as_deref()
                    .is_some_and(|url| url.starts_with("http://"))
            }),
            is_unknown: apps.iter().any(|(app, _)| app.url.is_none()),
            query: Token::QUERY,
            header: Token::HEADER,
            until: Moment::new(link.until, Timestamp::now()),
        }
    });
    let page = LinkPage {
        page: Page::new(format!("Bypass link: {}", product.title), &caller),
        path: path_of(&product),
        title: product.title.clone(),
        link,
    };
    Ok(html(StatusCode::OK, &page))
}

/// The operation of this id, if it is about this product.
fn of_product(state: &AppState, product: &ManagedProduct, id: &str) -> Option<Arc<Operation>> {
    state.operations.get(id).filter(|operation| {
        let of = operation.target.product.as_ref();
        of.is_some_and(|of| of.id == product.id && of.environment == product.environment)
    })
}

fn reason(operation: &Operation) -> Option<&String> {
    match &operation.request {
        Request::On(on) => on.reason.as_ref(),
        Request::Off(off) => off.force.as_ref(),
    }
}

impl AppWork {
    fn of(operation: &Operation, app: &AppProgress, now: Timestamp) -> Self {
        let action = operation.request.action();
        let began = app.roles.iter().any(|role| role.phase == Phase::Working);
        let action_begun = began.then_some(action);
        Self {
            name: app.app.to_string(),
            roles: app
                .roles
                .iter()
                .map(|role| RoleWork::of(action, role))
                .collect(),
            waiting: app
                .waiting
                .as_ref()
                .and_then(|it| describe::waiting(action_begun, it)),
            lease: app.lease_until.map(|until| {
                let holder = app.lease_of.as_ref();
                (
                    Moment::new(until, now),
                    holder.map(|holder| HolderView::of(holder, now)),
                )
            }),
        }
    }
}

impl RoleWork {
    fn of(action: Action, role: &RoleProgress) -> Self {
        let mut work = Self {
            name: role.role.to_string(),
            what: String::new(),
            done: role.done,
            total: role.total,
            lines: Vec::new(),
        };
        work.what = match &role.phase {
            Phase::Pending => "waiting for its turn".to_owned(),
            Phase::Reading if role.total.is_none() => "listing functions".to_owned(),
            Phase::Reading => "reading functions".to_owned(),
            Phase::Working => match (action, role.total) {
                (Action::On, None) => "turning on".to_owned(),
                (Action::Off, None) => "turning off".to_owned(),
                (Action::On, Some(_)) => "pausing functions".to_owned(),
                (Action::Off, Some(_)) => "restoring functions".to_owned(),
            },
            Phase::Finished(report) => {
                let done = RoleDone::of(action, report);
                work.lines = done.lines;
                work.lines.extend(done.failed);
                work.lines.extend(done.changed);
                work.total = work.total.filter(|total| *total > 0);
                done.outcome
            }
        };
        work
    }
}

impl RoleDone {
    fn of(action: Action, report: &RoleReport) -> Self {
        let mut done = Self {
            outcome: describe::outcome(report),
            changed: None,
            unchanged: None,
            failed: Vec::new(),
            lines: report.warnings.iter().map(ToString::to_string).collect(),
        };
        if let Some(workers) = &report.workers {
            done.add(action, workers);
        }
        done
    }

    fn add(&mut self, action: Action, workers: &WorkersReport) {
        let (verb, already) = match action {
            Action::On => ("paused", "already at zero"),
            Action::Off => ("restored", "unchanged"),
        };
        let named = |verb: &str, names: &[String]| {
            let count = describe::functions(names.len());
            (!names.is_empty()).then(|| format!("{count} {verb}: {}", names.join(", ")))
        };
        self.changed = named(verb, &workers.changed);
        self.unchanged = named(already, &workers.unchanged);
        for failed in &workers.failed {
            self.failed
                .push(format!("{}: {}", failed.function, failed.error));
            if let Some(hint) = failed
                .hint
                .as_ref()
                .filter(|hint| !self.lines.contains(hint))
            {
                self.lines.push(hint.clone());
            }
        }
        let left = match action {
            Action::On => "was not paused",
            Action::Off => "was not restored",
        };
        self.failed.extend(
            workers
                .unfinished
                .iter()
                .map(|name| format!("{name} {left}")),
        );
        let drifted = workers.drifted.iter().map(describe::drifted);
        match action {
            Action::On => self.failed.extend(drifted),
            Action::Off => self.lines.extend(drifted),
        }
        self.lines
            .extend(workers.gone.iter().map(|what| describe::gone(what)));
    }
}

impl Done {
    fn new(
        operation: &Operation,
        ended: &Ended,
        is_newest: bool,
        status: &ProductStatus,
        caller: &Caller,
        now: Timestamp,
    ) -> Self {
        let action = operation.request.action();
        let product = &status.product;
        let reports = || ended.reports();
        let roles = || reports().flat_map(|report| &report.roles);
        let is_complete = ended.is_complete();
        let success = Success::of(reports());
        // An app without a report stands as it stood, and that is not known here.
        let is_known = reports().count() == operation.target.apps.len();
        let known =
            |mode: OperationMode| Some(mode).filter(|it| is_known && *it != OperationMode::Unknown);
        let (from, to) = (known(success.previous), known(success.new));
        let mode = status.mode();
        let is_past = match to {
            Some(to) if is_complete => mode != OperationMode::Unknown && mode != to,
            _ => !is_newest,
        };
        let heading = match (action, is_complete, is_past) {
            _ if ended.is_refusal() => "Nothing was changed",
            (Action::On, true, false) => "Maintenance is on",
            (Action::On, true, true) => "Maintenance was turned on",
            (Action::Off, true, false) => "Maintenance is off",
            (Action::Off, true, true) => "Maintenance was turned off",
            (Action::On, false, false) => "Maintenance is not complete",
            (Action::On, false, true) => "Maintenance was not completed",
            (Action::Off, false, false) => "Not everything is restored",
            (Action::Off, false, true) => "Not everything was restored",
        };
        let results = operation.target.apps.iter().zip(&ended.results);
        let failures = results.filter_map(|((app, _), result)| {
            let error = result.as_ref().err()?;
            Some((app.app().to_string(), Failure::of(error)))
        });
        let drained = reports()
            .map(Report::drained_at)
            .collect::<Option<Vec<_>>>();
        let drained = drained.and_then(|all| all.into_iter().max());
        let is_taker = operation.is_of(caller);
        Self {
            page: Page::new(format!("{heading}: {}", product.title), caller),
            path: path_of(product),
            is_on: action == Action::On,
            heading,
            from: from.map(OperationMode::as_str),
            to: to.map(OperationMode::as_str),
            now: (to != Some(mode)).then(|| mode.as_str()),
            is_past,
            is_complete,
            failures: failures.collect(),
            apps: reports().map(AppDone::of).collect(),
            drained_at: drained
                .map(|at| Moment::new(at, now))
                .filter(|_| action == Action::On),
            still_passes: roles()
                .filter_map(|role| role.options.as_ref())
                .any(|options| {
                    options.mode == Mode::ReadOnly || options.bypass != BypassReport::default()
                }),
            left_on: left_on(ended),
            has_link: is_taker && !is_past && operation.has_link() && roles().any(is_stored),
            id: operation.id.clone(),
            title: product.title.clone(),
            offers: Offers::of(status, caller, false),
            at: Moment::new(ended.at, now),
        }
    }
}

/// Whether the role's flag has what was asked for, the bypass link among it.
fn is_stored(role: &RoleReport) -> bool {
    matches!(
        role.outcome,
        RoleOutcome::TurnedOn | RoleOutcome::OptionsUpdated
    )
}

/// Roles that stay on though the product was left, with whose they are.
fn left_on(ended: &Ended) -> Vec<String> {
    let reports = ended.reports();
    let roles = reports.flat_map(|report| report.roles.iter().map(move |role| (report, role)));
    let left = roles.filter_map(|(report, role)| Some((report, role, role.left.as_ref()?)));
    left.map(|(report, role, window)| {
        let what = match &window.product {
            Some(product) => format!("turned on for the product {product}"),
            None => "turned on by itself".to_owned(),
        };
        let by = window.owner.as_ref();
        let by = by.map_or_else(String::new, |owner| format!(", by {}", owner.name));
        format!("{} {}: {what}{by}", report.app, role.role)
    })
    .collect()
}

impl AppDone {
    fn of(report: &Report) -> Self {
        let roles = report.roles.iter();
        Self {
            name: report.app.to_string(),
            roles: roles
                .map(|role| RoleDone::of(report.action, role))
                .collect(),
        }
    }
}
