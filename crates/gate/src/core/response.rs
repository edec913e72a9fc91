//! The 503: built once for each representation and `Retry-After`, and cloned for every request. `page` renders its
//! text; `decision` decides which requests get one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use maintenance_flag::Flag;

use crate::page::{Representation, Responder, RetryAfter};
use crate::request::RequestHead;

/// The header that marks an answer of the gate; its value is `on`.
pub(crate) const X_MAINTENANCE: HeaderName = HeaderName::from_static("x-maintenance");

/// The responses of one flag: those of the current second, if `Retry-After` counts down.
#[derive(Debug, Default)]
pub(crate) struct Responses(ArcSwap<Vec<(Representation, RetryAfter, Response<Bytes>)>>);

impl Responses {
    /// Returns the response to a request at this time, under this flag. A response to HEAD has no body.
    pub(crate) fn respond(
        &self,
        responder: &Responder,
        flag: &Flag,
        head: RequestHead<'_>,
        now_ms: u64,
    ) -> Response<Bytes> {
        let representation = responder.select(head);
        let retry_after = RetryAfter::at(flag, now_ms);
        let all = self.0.load();
        let same_time = all.iter().filter(|it| it.1 == retry_after);
        let mut response = match same_time.clone().find(|it| it.0 == representation) {
            Some((.., known)) => known.clone(),
            None => {
                let response = render(responder, representation, flag, retry_after);
                let new = (representation, retry_after, response.clone());
                // If two requests render at once, the work of one is lost. That does no harm.
                self.0
                    .store(Arc::new(same_time.cloned().chain([new]).collect()));
                response
            }
        };
        if *head.method == Method::HEAD {
            let length = std::mem::take(response.body_mut()).len();
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        response
    }
}

fn render(
    responder: &Responder,
    representation: Representation,
    flag: &Flag,
    retry_after: RetryAfter,
) -> Response<Bytes> {
    let mut headers = HeaderMap::with_capacity(7);
    headers.insert(RETRY_AFTER, retry_after.seconds.into());
    // No `max-age`: CloudFront would cache a 503 for that long.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_MAINTENANCE, HeaderValue::from_static("on"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in [
        (CONTENT_TYPE, Some(representation.media_type.content_type())),
        (CONTENT_LANGUAGE, representation.language),
        (VARY, responder.vary(representation)),
    ] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let text = responder.render(representation, flag, retry_after);
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    *response.headers_mut() = headers;
    response
}
