//! What became of products.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use maintenance_control::{RoleTransition, in_full};
use maintenance_flag::{Owner, Source, Times};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{ApiPath, ApiQuery, ProductPath};
use super::responses::Reads;
use super::visible::{missing, not_found, role};
use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedApp;
use crate::history::{self, HistoryFilter, HistoryPage};
use crate::problem::{Code, Problem};

/// The most transitions of a page.
const MOST: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Only those of this app: `billing` or `billing-prod`.
    app: Option<String>,
    /// Only those of this role.
    role: Option<String>,
    /// Only those that were made by this.
    source: Option<TransitionSource>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Only older ones than the one of this id, as `next` of the page before says it.
    after: Option<String>,
}

/// What made a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) enum TransitionSource {
    /// A person, by hand or by script.
    #[serde(alias = "manual")]
    Manual,
    /// A monitor.
    #[serde(alias = "observer")]
    Observer,
    /// The time that was set for it.
    #[serde(alias = "schedule")]
    Schedule,
}

impl From<TransitionSource> for Source {
    fn from(source: TransitionSource) -> Self {
        match source {
            TransitionSource::Manual => Self::Manual,
            TransitionSource::Observer => Self::Observer,
            TransitionSource::Schedule => Self::Schedule,
        }
    }
}

impl From<Source> for TransitionSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Manual => Self::Manual,
            Source::Observer => Self::Observer,
            Source::Schedule => Self::Schedule,
        }
    }
}

/// What became of a product, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductHistory {
    /// The transitions of the roles of its apps.
    history: Vec<TransitionView>,
    /// What `after` has to be for the next page. Null if there is no more.
    next: Option<String>,
    /// Roles of which older transitions are not kept, as `billing-prod/web`: the store has the last hundred
    /// versions of each flag.
    older_not_kept: Vec<String>,
    /// Apps that could not be read.
    unread: Vec<UnreadApp>,
}

/// An app that could not be read.
#[derive(Serialize, ToSchema)]
pub(super) struct UnreadApp {
    /// Which.
    app: String,
    /// Why.
    error: String,
}

/// A transition of a role's flag.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransitionView {
    /// What no other one is called.
    id: String,
    /// The app: `billing-prod`.
    app: String,
    /// The role.
    role: String,
    /// When it was.
    at_utc: Timestamp,
    /// What happened: `turned_on`, `turned_off`, `started_by_itself` and `ended_by_itself` (at the time that was set),
    /// `restored` (`off` was run after that), `options_updated`, `scheduled`, `rescheduled`, `cancelled`,
    /// `set_by_hand`, `unreadable` (it became no flag). More may be added.
    kind: &'static str,
    /// How the role stood before: `on`, `off`, `read-only`, `unreadable`; `unknown` if that is not kept.
    from: &'static str,
    /// How it stood after.
    to: &'static str,
    /// Who made it, as the flag has it. Null if the flag does not tell.
    by: Option<String>,
    /// Who wrote it, as AWS knows it: the ARN of the caller.
    user: Option<String>,
    /// What made it. Null if the flag does not tell.
    source: Option<TransitionSource>,
    /// Who held the window that it opened, changed or closed.
    owner: Option<OwnerView>,
    /// The product that the window was opened for.
    opened_for: Option<String>,
    /// The window.
    window: Option<String>,
    /// Why.
    reason: Option<String>,
    /// How long the window was open that it opened or closed. Null while it is open, and where that is not kept.
    duration_seconds: Option<u64>,
    /// How it ended: `complete`, `partial` (the window closed before all functions were paused), `unknown` (the
    /// flag does not tell).
    result: &'static str,
    /// The options that it changed.
    changed: Vec<&'static str>,
    /// When the window opens and ends that was scheduled, moved or cancelled.
    times: Option<TimesView>,
    /// When it was to open and end before it was moved.
    times_before: Option<TimesView>,
    /// The observer that it overrode.
    overrode: Option<OwnerView>,
    /// Why the flag cannot be read.
    error: Option<String>,
}

/// When a window opens and ends.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimesView {
    /// When it opens.
    starts_at_utc: Timestamp,
    /// When it ends.
    until_utc: Timestamp,
}

impl TimesView {
    fn of(times: Times) -> Self {
        Self {
            starts_at_utc: times.starts_at,
            until_utc: times.until,
        }
    }
}

/// Who holds a window.
#[derive(Serialize, ToSchema)]
pub(super) struct OwnerView {
    /// A person or an observer.
    kind: TransitionSource,
    /// Its name.
    name: String,
}

impl OwnerView {
    fn of(owner: &Owner) -> Self {
        Self {
            kind: Source::from(owner.kind).into(),
            name: owner.name.clone(),
        }
    }
}

/// What became of a product: who turned its maintenance on and off, when and why; newest first. It is read from
/// the versions of its flags that the parameter store keeps.
#[utoipa::path(
    get,
    path = "/api/environments/{environment}/product-deployments/{product}/history",
    operation_id = "getProductHistory",
    params(ProductPath, HistoryQuery),
    responses((status = 200, description = "What became of it.", body = ProductHistory), Reads)
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(path): ApiPath<ProductPath>,
    ApiQuery(query): ApiQuery<HistoryQuery>,
) -> Result<Json<ProductHistory>, Problem> {
    let product = state.visible_product(&caller, &path.environment, &path.product)?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("limit must be 1 to {MOST}, and is {limit}");
        return Err(Problem::new(Code::BadRequest, detail));
    }
    let is_asked = |app: &&Arc<ManagedApp>| {
        let asked = query.app.as_deref();
        asked.is_none_or(|name| app.app().name() == name || app.app().to_string() == name)
    };
    let apps: Vec<_> = product.apps.iter().filter(is_asked).cloned().collect();
    let Some(first) = apps.first() else {
        let app = query.app.unwrap_or_default();
        return Err(not_found(&format!(
            "app {app:?} of the product {}",
            product.id
        )));
    };
    let filter = HistoryFilter {
        role: query.role.map(|it| role(&it, first.app())).transpose()?,
        source: query.source.map(Source::from),
        after: query.after,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let page = history::page(&state.statuses, &apps, &filter).await;
    let page = page.map_err(|it| {
        let look = "Leave out after, to begin with the newest";
        missing(&format!("transition {:?} that is kept", it.0), look)
    })?;
    if let Some((app, error)) = page.error(&apps) {
        return Err(Problem::of_error(app, error, None));
    }
    Ok(Json(ProductHistory::of(page)))
}

impl ProductHistory {
    fn of(page: HistoryPage) -> Self {
        let unread = page.unread.iter().filter_map(|(app, read)| {
            Some(UnreadApp {
                app: app.to_string(),
                error: in_full((**read).as_ref().err()?),
            })
        });
        Self {
            unread: unread.collect(),
            history: page.transitions.iter().map(TransitionView::of).collect(),
            next: page.next,
            older_not_kept: page.cut_off,
        }
    }
}

impl TransitionView {
    fn of(transition: &RoleTransition) -> Self {
        let entry = &transition.entry;
        Self {
            id: transition.id(),
            app: transition.app.to_string(),
            role: transition.role.to_string(),
            at_utc: entry.at,
            kind: entry.kind.as_str(),
            from: entry.from.as_str(),
            to: entry.to.as_str(),
            by: entry.by.clone(),
            user: entry.user.clone(),
            source: entry.source.map(TransitionSource::from),
            owner: entry.owner.as_ref().map(OwnerView::of),
            opened_for: entry.product.as_ref().map(ToString::to_string),
            window: entry.window.as_ref().map(|it| it.as_str().to_owned()),
            reason: entry.reason.clone(),
            duration_seconds: entry.duration.map(|it| it.as_secs()),
            result: entry.result.as_str(),
            changed: entry.changed.clone(),
            times: entry.times.map(TimesView::of),
            times_before: entry.times_before.map(TimesView::of),
            overrode: entry.overrode.as_ref().map(OwnerView::of),
            error: entry.error.as_ref().map(ToString::to_string),
        }
    }
}
