//! What became of the products that the caller may see, newest first; and the last of one, on its page.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use maintenance_control::{RoleTransition, describe};
use maintenance_flag::Source;
use serde::Deserialize;

use super::extract::PageQuery;
use super::page::{Live, Page, Section, html};
use super::text::{Failure, Moment};
use crate::AppState;
use crate::access::Caller;
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::history::{self, HistoryFilter, HistoryPage};
use crate::problem::{Code, Problem};

/// How many transitions a page has.
const ON_A_PAGE: usize = 50;
/// How many of the last ones the page of a product has.
const LAST: usize = 5;
/// How long the page of a product waits for them. The page of the history waits as long as it takes.
const WITHIN: Duration = Duration::from_millis(1500);

/// What is asked for. A form sends a field that is not chosen as an empty one.
#[derive(Debug, Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    product: String,
    #[serde(default)]
    app: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryTemplate {
    page: Page,
    products: Vec<Choice>,
    apps: Vec<Choice>,
    sources: Vec<Choice>,
    is_filtered: bool,
    rows: Vec<Row>,
    /// The address of the next page.
    older: Option<String>,
    /// It is not the first page.
    is_older: bool,
    cut_off: Vec<String>,
    unread: Vec<(String, Failure)>,
}

/// What a filter may be.
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

/// A transition.
pub(super) struct Row {
    pub(super) at: Moment,
    pub(super) role: String,
    pub(super) change: String,
    pub(super) by: Option<String>,
    pub(super) user: Option<String>,
    pub(super) source: Option<&'static str>,
    pub(super) duration: Option<String>,
    pub(super) result: &'static str,
    pub(super) is_wrong: bool,
    pub(super) notes: Vec<String>,
}

impl Row {
    fn of(transition: &RoleTransition, now: Timestamp) -> Self {
        let entry = &transition.entry;
        let whole = |length: Duration| Duration::from_secs(length.as_secs());
        Self {
            at: Moment::new(entry.at, now),
            role: format!("{} {}", transition.app, transition.role),
            change: describe::transition(entry),
            by: entry.by.clone(),
            user: entry.user.clone(),
            source: entry.source.map(Source::as_str),
            duration: entry.duration.map(|it| describe::duration(whole(it))),
            result: entry.result.as_str(),
            is_wrong: entry.result.as_str() == "partial" || entry.error.is_some(),
            notes: describe::transition_notes(entry),
        }
    }
}

/// `GET /history`.
pub(super) async fn history(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PageQuery(query): PageQuery<Query>,
) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let visible = state.catalog.products();
    let visible: Vec<_> = visible.filter(|it| caller.may_read(&it.id)).collect();
    let source = Source::ALL
        .into_iter()
        .find(|it| it.as_str() == query.source);
    if source.is_none() && !query.source.is_empty() {
        return Err(nothing("source", &query.source));
    }
    let of_product: Vec<_> = visible
        .iter()
        .filter(|it| query.product.is_empty() || is_called(it, &query.product))
        .collect();
    if of_product.is_empty() && !query.product.is_empty() {
        return Err(nothing("product", &query.product));
    }
    let mut apps: Vec<Arc<ManagedApp>> = Vec::new();
    for app in of_product.iter().flat_map(|it| &it.apps) {
        // One of several products is one.
        if apps.iter().all(|known| known.app() != app.app()) {
            apps.push(Arc::clone(app));
        }
    }
    let app_choices: Vec<_> = apps.iter().map(|it| it.app().to_string()).collect();
    apps.retain(|it| query.app.is_empty() || it.app().to_string() == query.app);
    if apps.is_empty() && !query.app.is_empty() {
        return Err(nothing("app", &query.app));
    }
    let filter = HistoryFilter {
        role: None,
        source,
        after: Some(query.after.clone()).filter(|after| !after.is_empty()),
        limit: ON_A_PAGE,
    };
    let read = history::page(&state.statuses, &apps, &filter).await;
    let read = read.map_err(|it| nothing("transition", &it.0))?;
    let choice = |value: String, label: String, chosen: &str| Choice {
        is_chosen: value == chosen,
        value,
        label,
    };
    let products = visible.iter().map(|it| {
        let label = format!("{} ({})", it.title, it.environment);
        choice(name_of(it), label, &query.product)
    });
    let apps = app_choices.into_iter();
    let sources = Source::ALL.map(|it| it.as_str().to_owned()).into_iter();
    let mut page = Page::new("History", &caller).live(Live::Yes);
    page.section = Section::History;
    let template = HistoryTemplate {
        page,
        products: products.collect(),
        apps: apps.map(|it| choice(it.clone(), it, &query.app)).collect(),
        sources: sources
            .map(|it| choice(it.clone(), it, &query.source))
            .collect(),
        is_filtered: [&query.product, &query.app, &query.source]
            .into_iter()
            .any(|it| !it.is_empty()),
        rows: read.transitions.iter().map(|it| Row::of(it, now)).collect(),
        older: read.next.as_ref().map(|next| address(&query, next)),
        is_older: !query.after.is_empty(),
        unread: unread(&read),
        cut_off: read.cut_off,
    };
    Ok(html(StatusCode::OK, &template))
}

/// The last transitions of a product, if they are read soon: reading goes on for the next page.
pub(super) async fn last_of(state: &AppState, product: &ManagedProduct) -> Vec<Row> {
    let (statuses, apps) = (state.statuses.clone(), product.apps.clone());
    let read = tokio::spawn(async move {
        let filter = HistoryFilter {
            limit: LAST,
            ..HistoryFilter::default()
        };
        history::page(&statuses, &apps, &filter).await
    });
    let Ok(Ok(Ok(page))) = tokio::time::timeout(WITHIN, read).await else {
        return Vec::new();
    };
    let now = Timestamp::now();
    page.transitions.iter().map(|it| Row::of(it, now)).collect()
}

/// The address of a product's history.
pub(super) fn path_of(product: &ManagedProduct) -> String {
    format!("/history?product={}", name_of(product).replace('/', "%2F"))
}

/// A product by environment and id: an id alone may be of several environments.
fn name_of(product: &ManagedProduct) -> String {
    format!("{}/{}", product.environment, product.id)
}

fn is_called(product: &ManagedProduct, name: &str) -> bool {
    name_of(product) == name
}

fn unread(page: &HistoryPage) -> Vec<(String, Failure)> {
    let unread = page.unread.iter();
    let failures = unread.filter_map(|(app, read)| {
        let error = (**read).as_ref().err()?;
        Some((app.to_string(), Failure::of(error)))
    });
    failures.collect()
}

/// The address of the page that begins after this transition.
fn address(query: &Query, after: &str) -> String {
    let fields = [
        ("product", query.product.as_str()),
        ("app", query.app.as_str()),
        ("source", query.source.as_str()),
        ("after", after),
    ];
    let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
    // Names and ids hold letters, digits and `-_./` alone: each was found above.
    let given = given.map(|(name, value)| format!("{name}={}", value.replace('/', "%2F")));
    format!("/history?{}", given.collect::<Vec<_>>().join("&"))
}

fn nothing(what: &str, name: &str) -> Problem {
    let detail = format!("There is no {what} {name}, or your token is limited to others.");
    Problem::new(Code::NotFound, detail)
}
