//! Errors as pages: whatever refuses a request, a person at a browser reads why and where to go on.

use askama::Template;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Deserialize;

use super::extract::nothing_here;
use super::page::{Live, Page, Section, html};
use crate::access::is_for_a_person;
use crate::problem::MEDIA_TYPE;

/// The largest problem that is read, bytes.
const MOST: usize = 256 * 1024;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    page: Page,
    heading: &'static str,
    detail: String,
    /// Signing in helps.
    sign_in: bool,
}

/// What a page needs of a [`Problem`].
#[derive(Deserialize)]
struct Body {
    detail: String,
}

/// A middleware: a problem that is answered to a browser becomes a page with the same status.
pub async fn problems_as_pages(request: Request, next: Next) -> Response {
    let is_for_a_person = is_for_a_person(request.headers());
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !is_for_a_person || kind.is_none_or(|kind| kind != MEDIA_TYPE) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let detail = match to_bytes(body, MOST).await {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(|Body { detail }| detail)
            .ok(),
        Err(_) => None,
    };
    let page = ProblemPage {
        page: Page {
            title: heading(parts.status).to_owned(),
            // It may be an error of finding out who asks.
            user: None,
            section: Section::None,
            live: Live::No,
        },
        heading: heading(parts.status),
        detail: detail.unwrap_or_default(),
        sign_in: matches!(
            parts.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ),
    };
    let (of_page, body) = html(parts.status, &page).into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(of_page.headers);
    Response::from_parts(parts, body)
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::UNAUTHORIZED => "Not signed in",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Out of reach",
        status if status.is_server_error() => "Something failed",
        _ => "This cannot be done",
    }
}

/// Answers what has no page and no route of the API.
pub async fn not_found() -> Response {
    nothing_here().into_response()
}
