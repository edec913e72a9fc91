//! The web console: what a team sees of its products, and how it enters and exits maintenance.
//!
//! Pages are rendered here and work without a script. With it, a page that shows something that may change
//! fetches itself anew when the server says so, and only its `<main>` is exchanged: one mechanism for all pages.
//!
//! | page | |
//! |---|---|
//! | `/` | all products |
//! | `/products/{environment}/{product}` | one, with its apps, roles and functions |
//! | `…/enter`, `…/exit` | what would happen, and a form to say yes to it |
//! | `…/schedule` | the windows to come, and a form to schedule one |
//! | `…/schedule/{window}` | forms to move or cancel one |
//! | `…/operations/{id}` | an operation at work, and how it ended |
//! | `/history` | what became of them |
//! | `/observers` | what each observer saw last |
//! | `/login` | signing in |

mod assets;
mod coming;
mod enter;
mod errors;
mod exit;
mod extract;
mod history;
mod observers;
mod operation;
mod page;
mod plan;
mod plans;
mod products;
mod schedule;
mod sign_in;
mod text;
mod view;

use axum::routing::{get, post};
use axum::{Extension, Router};

pub use errors::{not_found, problems_as_pages};

use crate::AppState;
use crate::access::Access;

/// The pages that need a caller, and those that do not, as [`Access::protect`] takes them.
pub fn routes(access: &Access) -> (Router<AppState>, Router<AppState>) {
    let product = "/products/{environment}/{product}";
    let under = |rest: &str| format!("{product}{rest}");
    let private = Router::new()
        .route("/", get(products::products))
        .route("/history", get(history::history))
        .route(product, get(products::product))
        .route(&under("/enter"), get(enter::ask).post(enter::start))
        .route(&under("/exit"), get(exit::ask).post(exit::start))
        .route(&under("/schedule"), get(schedule::list).post(schedule::add))
        .route(
            &under("/schedule/{window}"),
            get(schedule::ask).post(schedule::change),
        )
        .route(&under("/operations/{id}"), get(operation::operation))
        .route(&under("/operations/{id}/link"), post(operation::link))
        .route("/observers", get(observers::observers))
        .route("/observers/{name}/check", post(observers::check))
        .route("/logout", post(sign_in::sign_out))
        .layer(Extension(access.clone()))
        .layer(Extension(plans::Plans::default()));
    let public = Router::new()
        .route("/login", get(sign_in::ask).post(sign_in::sign_in))
        .layer(Extension(access.clone()))
        .route("/assets/{name}", get(assets::asset));
    (private, public)
}
