//! Signing in with a token, and out.

use askama::Template;
use axum::Extension;
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, header};
use serde::Deserialize;

use super::extract::{PageForm, PageQuery};
use super::page::{Live, Page, Section, html};
use crate::access::{Access, Caller, ClientAddress, local_path};
use crate::problem::{Code, Problem};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    page: Page,
    /// Where to go then.
    next: String,
    /// Why the last try failed.
    failed: Option<String>,
}

impl SignIn {
    fn new(next: Option<&str>, failed: Option<String>) -> Self {
        Self {
            page: Page {
                title: "Sign in".to_owned(),
                user: None,
                section: Section::None,
                live: Live::No,
            },
            next: local_path(next.unwrap_or("/")).to_owned(),
            failed,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

/// `GET /login`.
pub(super) async fn ask(PageQuery(Next { next }): PageQuery<Next>) -> Response {
    html(StatusCode::OK, &SignIn::new(next.as_deref(), None))
}

/// Not `Debug`: it holds a token.
#[derive(Deserialize)]
pub(super) struct Credentials {
    token: String,
    next: Option<String>,
}

/// `POST /login`.
pub(super) async fn sign_in(
    Extension(access): Extension<Access>,
    client: ClientAddress,
    PageForm(Credentials { token, next }): PageForm<Credentials>,
) -> Response {
    let next = next.as_deref();
    match access.sign_in(client, &token).await {
        Ok(cookie) => {
            let to = Redirect::to(local_path(next.unwrap_or("/")));
            ([(header::SET_COOKIE, cookie)], to).into_response()
        }
        Err(problem) => {
            let mut answer = html(
                problem.code.status(),
                &SignIn::new(next, Some(why(&problem))),
            );
            if let Some(seconds) = problem.retry_after {
                answer
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            answer
        }
    }
}

/// Why, for a person at the page.
fn why(problem: &Problem) -> String {
    match problem.code {
        Code::Unauthorized => {
            "This is not a token that is valid. It may have expired or been revoked.".to_owned()
        }
        Code::TooManyRequests => match problem.retry_after {
            Some(seconds) => format!("Too many tries failed. Try again in {seconds} s."),
            None => "Too many tries failed. Try again later.".to_owned(),
        },
        _ => problem.detail.clone(),
    }
}

/// `POST /logout`.
pub(super) async fn sign_out(
    Extension(access): Extension<Access>,
    Extension(caller): Extension<Caller>,
    client: ClientAddress,
) -> Result<Response, Problem> {
    let cookie = access.sign_out(client, &caller).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}
