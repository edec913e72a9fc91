//! axum's extractors, with refusals as problems in words of ours: a person reads them on a page.

use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, FromRequestParts, Path, Query, Request};
use http::StatusCode;
use http::request::Parts;
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// Parameters of the path.
pub(super) struct PagePath<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PagePath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // It is not UTF-8, and nothing has such a name.
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(it)| Self(it)).map_err(|_| nothing_here())
    }
}

/// Parameters of the query.
pub(super) struct PageQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for PageQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(it)| Self(it)).map_err(|_| {
            let detail = "The part of the address after the question mark is wrong. Leave it out.";
            Problem::new(Code::BadRequest, detail)
        })
    }
}

/// A form. What is not UTF-8 is refused, and not mended: it would be stored as something else than was sent.
pub(super) struct PageForm<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for PageForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let head = parts.clone();
        let bytes = Bytes::from_request(Request::from_parts(head, body), state).await;
        let bytes = bytes.map_err(|error| refused(error.status()))?;
        if percent_decode(&bytes).decode_utf8().is_err() {
            let detail = "A field holds what is not text. Go back, fill it in again, and send it.";
            return Err(Problem::new(Code::BadRequest, detail));
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        let form = Form::from_request(request, state).await;
        form.map(|Form(it)| Self(it))
            .map_err(|error| refused(error.status()))
    }
}

/// A form that was refused with this status.
fn refused(status: StatusCode) -> Problem {
    let (code, detail) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => (
            Code::TooLarge,
            "The form is larger than 64 KiB. Go back, make it shorter, and send it again.",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            Code::UnsupportedMediaType,
            "This address takes the form of its page. A program sends JSON to the API instead.",
        ),
        _ => (
            Code::BadRequest,
            "This is not the form of the page. Open the page, fill in its form, and send it.",
        ),
    };
    Problem::new(code, detail)
}

/// Nothing has this address.
pub(super) fn nothing_here() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this address.")
}
