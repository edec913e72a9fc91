//! The 503: its texts are rendered once a window, each when it is first asked for, and cloned for every
//! request. What it says is `page`'s business; which requests get one, `decision`'s.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use maintenance_flag::Flag;

use crate::page::{Announcement, Representation, Responder, RetryAfter, Text};
use crate::request::RequestHead;

/// The header that marks an answer of the gate; its value is `on`.
pub(crate) const X_MAINTENANCE: HeaderName = HeaderName::from_static("x-maintenance");

/// The answers of one window.
#[derive(Debug)]
pub(crate) struct Responses {
    responder: Arc<Responder>,
    announcement: Announcement,
    /// By representation; those before the announced end, then those after it.
    rendered: [OnceLock<Rendered>; 2 * Representation::COUNT],
}

#[derive(Debug)]
struct Rendered {
    headers: HeaderMap,
    text: Text,
    /// Whether `Retry-After` is another one every second.
    counts_down: bool,
}

impl Responses {
    /// Those of a window with this flag.
    pub(crate) fn new(responder: Arc<Responder>, flag: Option<&Flag>) -> Self {
        Self {
            responder,
            announcement: Announcement::new(flag),
            rendered: [const { OnceLock::new() }; 2 * Representation::COUNT],
        }
    }

    /// The answer to a request at a moment: to HEAD without a body.
    pub(crate) fn respond(&self, head: RequestHead<'_>, now_ms: u64) -> Response<Bytes> {
        let representation = self.responder.select(head);
        let retry_after = self.announcement.at(now_ms);
        let rendered = self.rendered(representation, retry_after);
        let mut headers = rendered.headers.clone();
        let mut body = match &rendered.text {
            Text::Fixed(text) if !rendered.counts_down => text.clone(),
            text => {
                let seconds = retry_after.seconds.to_string();
                let body = text.with(&seconds);
                if let Ok(seconds) = HeaderValue::from_maybe_shared(Bytes::from(seconds)) {
                    headers.insert(RETRY_AFTER, seconds);
                }
                body
            }
        };
        if *head.method == Method::HEAD {
            headers.insert(CONTENT_LENGTH, body.len().into());
            body = Bytes::new();
        }
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        *response.headers_mut() = headers;
        response
    }

    fn rendered(&self, representation: Representation, retry_after: RetryAfter) -> &Rendered {
        let overdue = retry_after.overdue;
        let offset = if overdue { Representation::COUNT } else { 0 };
        let render = || {
            let text = self
                .responder
                .render(representation, &self.announcement, overdue);
            let counts_down = self.announcement.counts_down() && !overdue;
            Rendered {
                headers: self.headers(representation, retry_after),
                text: match counts_down {
                    true => text,
                    false => Text::Fixed(text.with(&retry_after.seconds.to_string())),
                },
                counts_down,
            }
        };
        #[expect(clippy::indexing_slicing, reason = "an index is below the count")]
        self.rendered[offset.saturating_add(representation.index())].get_or_init(render)
    }

    fn headers(&self, representation: Representation, retry_after: RetryAfter) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(7);
        headers.insert(RETRY_AFTER, retry_after.seconds.into());
        // No max-age beside it: CloudFront would keep a 503 that long.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_MAINTENANCE, HeaderValue::from_static("on"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let content_type = HeaderValue::from_static(representation.content_type());
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(language) = representation.language() {
            headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language));
        }
        if let Some(vary) = self.responder.vary(representation) {
            headers.insert(VARY, HeaderValue::from_static(vary));
        }
        headers
    }
}
