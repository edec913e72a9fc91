//! All routes, each behind what it needs.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use http::Method;

use crate::access::Access;
use crate::problem::{Code, Problem};
use crate::{AppState, api, console};

/// The API and the console.
pub fn router(state: AppState, access: &Access) -> Router {
    let (private, public) = api::routes(access);
    let (private_pages, public_pages) = console::routes(access);
    // Before the layers, so that they are around it as well.
    let public = public.merge(public_pages).fallback(console::not_found);
    let public = public.method_not_allowed_fallback(method_not_allowed);
    let private = private.merge(private_pages);
    access
        .protect(
            private.method_not_allowed_fallback(method_not_allowed),
            public,
        )
        .layer(from_fn(console::problems_as_pages))
        .layer(from_fn_with_state(state.clone(), api::count))
        .with_state(state)
}

async fn method_not_allowed(method: Method) -> Problem {
    let detail = format!("this address takes no {method}: the header Allow says what it takes");
    Problem::new(Code::MethodNotAllowed, detail)
}
