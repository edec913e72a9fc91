//! All routes, each behind what it needs.

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::access::Access;
use crate::{AppState, api};

/// The API and the console.
pub fn router(state: AppState, access: &Access) -> Router {
    let (private, public) = api::routes(access);
    access
        .protect(private, public)
        .layer(from_fn_with_state(state.clone(), api::count))
        .with_state(state)
}
