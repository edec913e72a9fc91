//! The answer to a refused request: built when the state is learnt, cloned for each request.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode, response};
use maintenance_flag::Flag;

use crate::asked::Asked;
use crate::body::PageText;
use crate::pages::Loaded;

/// The header that marks an answer of the gate; its value is `on`.
pub const X_MAINTENANCE: HeaderName = HeaderName::from_static("x-maintenance");

/// What `Retry-After` says when the flag says neither that nor an end: two minutes, in seconds.
pub const DEFAULT_RETRY_AFTER: u32 = 120;

/// The 503s of one window.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    head: response::Parts,
    page: PageText,
    seconds: u64,
}

impl Answers {
    /// Those of a window with this flag.
    pub(crate) fn new(page: Loaded, flag: Option<&Flag>) -> Self {
        let seconds = retry_after(flag, u64::MAX);
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = StatusCode::SERVICE_UNAVAILABLE;
        head.headers.reserve(5);
        head.headers.insert(RETRY_AFTER, seconds.into());
        // No max-age beside it: CloudFront would keep a 503 that long.
        head.headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        head.headers
            .insert(X_MAINTENANCE, HeaderValue::from_static("on"));
        head.headers.insert(CONTENT_TYPE, page.content_type());
        head.headers.insert(CONTENT_LENGTH, page.text.len().into());
        Self {
            head,
            page: PageText::fixed(page.text),
            seconds,
        }
    }

    /// The answer to a request, which asks to come back after `seconds`: to HEAD without a body.
    pub(crate) fn to(&self, asked: Asked<'_>, seconds: u64) -> Response<PageText> {
        let mut head = self.head.clone();
        if seconds != self.seconds {
            head.headers.insert(RETRY_AFTER, seconds.into());
        }
        let body = if *asked.method == Method::HEAD {
            PageText::EMPTY
        } else {
            self.page.clone()
        };
        Response::from_parts(head, body)
    }
}

/// When to come back, in seconds: as the flag says, else when it says the maintenance ends, if that
/// is to come, else [`DEFAULT_RETRY_AFTER`].
pub(crate) fn retry_after(flag: Option<&Flag>, now_ms: u64) -> u64 {
    let until_the_end = || {
        let end = u64::try_from(flag?.until?.as_millisecond()).ok()?;
        let left = end.checked_sub(now_ms)?.div_ceil(1_000);
        (left > 0).then_some(left)
    };
    flag.and_then(|flag| flag.retry_after)
        .map(u64::from)
        .or_else(until_the_end)
        .unwrap_or(u64::from(DEFAULT_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use maintenance_flag::Mode;

    use super::*;
    use crate::pages::{Page, Pages};

    #[test]
    fn the_answer_has_exactly_these_headers() {
        let page = Pages::Given(Page::json(b"{}")).load();
        let answers = Answers::new(page, None);
        for (method, body) in [("GET", "{}"), ("POST", "{}"), ("HEAD", "")] {
            let request = http::Request::builder().method(method).body(()).unwrap();
            let response = answers.to((&request).into(), 7);
            assert_eq!(response.status(), 503);
            let headers: Vec<_> = response
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            assert_eq!(
                headers,
                [
                    "retry-after: 7",
                    "cache-control: no-store",
                    "x-maintenance: on",
                    "content-type: application/json",
                    "content-length: 2",
                ]
            );
            assert_eq!(response.into_body().into_text(), body);
        }
    }

    #[test]
    fn retry_after_is_the_flags_word_then_its_end_then_two_minutes() {
        let now: jiff::Timestamp = "2026-11-21T08:00:00.5Z".parse().unwrap();
        let now_ms = now.as_millisecond() as u64;
        let mut flag = Flag::bare(Mode::On);
        assert_eq!(retry_after(None, now_ms), 120);
        assert_eq!(retry_after(Some(&flag), now_ms), 120);
        flag.until = Some("2026-11-21T08:10:00Z".parse().unwrap());
        assert_eq!(retry_after(Some(&flag), now_ms), 600, "rounded up");
        flag.until = Some(now);
        assert_eq!(retry_after(Some(&flag), now_ms), 120, "it is over");
        flag.until = Some("1960-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(retry_after(Some(&flag), now_ms), 120);
        flag.retry_after = Some(0);
        assert_eq!(retry_after(Some(&flag), now_ms), 0);
        flag.retry_after = Some(30);
        assert_eq!(retry_after(Some(&flag), now_ms), 30);
    }
}
