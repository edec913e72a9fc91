//! Exiting maintenance: what would be given back, and a form to say yes to it. Of a maintenance that an observer
//! holds, a form that overrides it, with a reason.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use maintenance_control::{Action, Error, OffRequest, limits};
use maintenance_flag::{OwnerKind, Refusal};
use serde::Deserialize;

use super::enter::reading;
use super::extract::{PageForm, PagePath};
use super::operation::{self, at_work};
use super::page::{Page, html};
use super::plan::AppPlan;
use super::plans::{Planned, Plans};
use super::products::find_to_change;
use super::text::Failure;
use super::view::{WindowView, path_of};
use crate::AppState;
use crate::access::{AuditNote, Caller};
use crate::catalog::ManagedProduct;
use crate::operations::{Patience, Request, Target};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "exit.html")]
struct Exit {
    page: Page,
    path: String,
    title: String,
    window: Option<WindowView>,
    /// Who holds it, if it has to be overridden.
    held: Option<String>,
    may_force: bool,
    apps: Vec<AppPlan>,
    failure: Option<Failure>,
    offers_exit: bool,
    has_drifted: bool,
    reason: String,
    error: Option<String>,
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    force: Option<String>,
    reason: String,
    restore_saved: Option<String>,
}

/// `GET …/exit`.
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
    page(&state, &caller, &plans, &product, Fields::default(), None).await
}

/// The page, with what a form sent before and what is wrong with it.
async fn page(
    state: &AppState,
    caller: &Caller,
    plans: &Plans,
    product: &Arc<ManagedProduct>,
    fields: Fields,
    error: Option<String>,
) -> Result<Response, Problem> {
    let request = Request::Off(wish(caller, product));
    let Some(made) = plans.soon(state, product, "exit", request, caller).await else {
        return Ok(reading(product, caller, Action::Off));
    };
    let held = made.as_ref().as_ref().ok().and_then(holder);
    let may_force = caller.may_force(&product.id);
    // What would be given back is shown all the same, whether this caller may do it or not.
    let made = match &held {
        None => made,
        Some(_) => {
            let mut request = wish(caller, product);
            request.who = maintenance_control::Actor::Person;
            request.force = Some("to be said".to_owned());
            let request = Request::Off(request);
            match plans
                .soon(state, product, "override", request, caller)
                .await
            {
                Some(made) => made,
                None => return Ok(reading(product, caller, Action::Off)),
            }
        }
    };
    let status = state.statuses.product(product).await;
    let (apps, failure) = match &*made {
        Ok(planned) => (AppPlan::all(planned, None), None),
        Err(error) => (Vec::new(), Some(Failure::of(error))),
    };
    let is_possible = failure.is_none() && apps.iter().all(|app| app.failure.is_none());
    let changes = apps
        .iter()
        .flat_map(|app| &app.roles)
        .any(|role| role.changes);
    let code = match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = Exit {
        page: Page::new(format!("Exit maintenance: {}", product.title), caller),
        path: path_of(product),
        title: product.title.clone(),
        window: WindowView::of(&status, Timestamp::now()),
        offers_exit: is_possible && changes && (held.is_none() || may_force),
        has_drifted: apps.iter().any(|app| app.has_drifted),
        held,
        may_force,
        apps,
        failure,
        reason: fields.reason,
        error,
    };
    Ok(html(code, &page))
}

/// Who holds it, if this caller may not exit it.
fn holder(planned: &Planned) -> Option<String> {
    planned.results().iter().find_map(|result| match result {
        Err(Error::Refused {
            source: Refusal::Conflict { holder },
            ..
        }) => Some(match holder.kind {
            OwnerKind::Observer => {
                format!("It is held by {holder}, which ends it when it sees that all is normal.")
            }
            OwnerKind::Manual => format!("It is held by {holder}: a person ends it."),
        }),
        _ => None,
    })
}

fn wish(caller: &Caller, product: &ManagedProduct) -> OffRequest {
    OffRequest {
        who: caller.actor(),
        product: product.of_windows(),
        force: None,
        restore_saved: false,
    }
}

/// `POST …/exit`.
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
    let mut off = wish(&caller, &product);
    off.restore_saved = fields.restore_saved.is_some();
    if fields.force.is_some() {
        caller.check_force(&product.id)?;
        match limits::reason(&fields.reason) {
            Ok(reason) => off.force = Some(reason.to_owned()),
            Err(broken) => {
                let error = format!("The reason {broken}.");
                return page(&state, &caller, &plans, &product, fields, Some(error)).await;
            }
        }
    }
    let note = AuditNote::new(match &off.force {
        Some(reason) => format!("Normal for {id}, overriding its holder: {reason}"),
        None => format!("Normal for {id}"),
    });
    let target = Target::product(&product).await;
    let target = target.map_err(|error| {
        let failure = Failure::of(&error);
        Problem::new(crate::problem::Code::Aws, failure.what)
    })?;
    let asked = (target, Request::Off(off));
    let started = operation::start(&state, &caller, patience, &product, asked).await;
    Ok(note.on(started))
}
