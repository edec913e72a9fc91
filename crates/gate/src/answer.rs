//! The answer to a refused request: made once for the window, and cloned for each request.
//!
//! Only what counts down to the end of a window is made again, at most once a second. What the answer
//! is made of is in `served`; which requests get one, in `state`.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, response};
use maintenance_flag::Flag;

use crate::asked::Asked;
use crate::body::PageText;
use crate::notice::{Moment, Notice};
use crate::served::{Served, Shape};

/// The header that marks an answer of the gate; its value is `on`.
pub const X_MAINTENANCE: HeaderName = HeaderName::from_static("x-maintenance");

/// The answers of one window.
#[derive(Debug)]
pub(crate) struct Answers {
    served: &'static Served,
    notice: Notice,
    /// The answer, where neither the request nor the moment makes a difference to it.
    only: Option<Ready>,
    /// The others, each made when it is first asked for.
    made: [ArcSwapOption<Ready>; Shape::COUNT],
}

/// An answer that needs only to be cloned.
#[derive(Debug)]
struct Ready {
    moment: Moment,
    head: response::Parts,
    text: PageText,
    /// Only said to a HEAD: whoever sends the text says its length, and one header more costs every
    /// other answer a tenth of its time.
    length: HeaderValue,
}

impl Answers {
    /// Those of a window with this flag.
    pub(crate) fn new(served: &'static Served, flag: Option<&Flag>) -> Self {
        let notice = Notice::new(flag);
        Self {
            only: Ready::only(served, &notice),
            served,
            notice,
            made: [const { ArcSwapOption::const_empty() }; Shape::COUNT],
        }
    }

    /// Whether every request gets what it gets where a flag says nothing but that the role is on.
    pub(crate) fn is_usual(&self) -> bool {
        let usual = Notice::new(None).at(u64::MAX);
        let is_usual = |only: &Ready| only.moment == usual;
        self.served.cors.is_none() && self.only.as_ref().is_some_and(is_usual)
    }

    /// The answer to a request at a moment: to HEAD without a body.
    pub(crate) fn to(&self, asked: Asked<'_>, now_ms: u64) -> Response<PageText> {
        let made;
        let ready = match &self.only {
            Some(only) => only,
            None => {
                made = self.ready(self.served.shape(asked), self.notice.at(now_ms));
                &*made
            }
        };
        let mut response = ready.to(asked.method);
        if let Some(cors) = self.served.cors.as_ref().filter(|cors| cors.is_listed()) {
            cors.mark(asked.headers, response.headers_mut());
        }
        response
    }

    /// The answer to a CORS preflight that the app must not see: none if the request is another.
    pub(crate) fn preflight(&self, asked: Asked<'_>) -> Option<Response<PageText>> {
        self.served.cors.as_ref()?.preflight(asked)
    }

    fn ready(&self, shape: Shape, moment: Moment) -> Arc<Ready> {
        let Some(made) = self.made.get(shape.index()) else {
            return Arc::new(self.make(shape, moment, None));
        };
        let before = made.load();
        match &*before {
            Some(ready) if ready.moment == moment => Arc::clone(ready),
            before => {
                // Two requests may make it at the same time; either will do.
                let ready = Arc::new(self.make(shape, moment, before.as_deref()));
                made.store(Some(Arc::clone(&ready)));
                ready
            }
        }
    }

    fn make(&self, shape: Shape, moment: Moment, before: Option<&Ready>) -> Ready {
        let text = match before {
            Some(ready) if !self.served.changes(shape, ready.moment, moment) => ready.text.clone(),
            _ => self.served.text(shape, &self.notice, moment),
        };
        let length = text.len().into();
        Ready::new(self.served, shape, text, length, moment)
    }
}

impl Ready {
    /// The answer to every request, if there is only one.
    fn only(served: &Served, notice: &Notice) -> Option<Self> {
        let (shape, text, length) = served.only_text().filter(|_| notice.is_constant())?;
        let (text, length) = (PageText::fixed(text), HeaderValue::from_static(length));
        Some(Self::new(served, shape, text, length, notice.at(u64::MAX)))
    }

    fn new(
        served: &Served,
        shape: Shape,
        text: PageText,
        length: HeaderValue,
        moment: Moment,
    ) -> Self {
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = StatusCode::SERVICE_UNAVAILABLE;
        let headers = &mut head.headers;
        headers.reserve(4);
        headers.insert(RETRY_AFTER, moment.retry_after());
        // No max-age beside it: CloudFront would keep a 503 that long.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_MAINTENANCE, HeaderValue::from_static("on"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(shape.content_type()));
        if let Some(language) = shape.language() {
            headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language));
        }
        if let Some(vary) = served.vary(shape) {
            headers.insert(VARY, HeaderValue::from_static(vary));
        }
        if let Some(cors) = served.cors.as_ref().filter(|cors| !cors.is_listed()) {
            cors.mark(&HeaderMap::new(), headers);
        }
        Self {
            moment,
            head,
            text,
            length,
        }
    }

    fn to(&self, method: &Method) -> Response<PageText> {
        if *method != Method::HEAD {
            return Response::from_parts(self.head.clone(), self.text.clone());
        }
        let mut response = Response::from_parts(self.head.clone(), PageText::EMPTY);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, self.length.clone());
        response
    }
}

/// The answer to every request, but a HEAD, where a flag says nothing but that the role is on, if there is
/// one.
#[derive(Debug)]
pub(crate) struct Usual {
    headers: HeaderMap,
    text: &'static str,
}

impl Usual {
    /// Lives as long as the process, as what is served does, so that no answer counts who refers to it.
    pub(crate) fn new(served: &Served) -> Option<&'static Self> {
        let (_, text, _) = served.only_text().filter(|_| served.cors.is_none())?;
        let Ready { head, .. } = Ready::only(served, &Notice::new(None))?;
        Some(Box::leak(Box::new(Self {
            headers: head.headers,
            text,
        })))
    }

    /// The answer, with a body made of its text.
    #[inline]
    pub(crate) fn to<B>(&self, body: impl FnOnce(PageText) -> B) -> Response<B> {
        let mut response = Response::new(body(PageText::fixed(self.text)));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        *response.headers_mut() = self.headers.clone();
        response
    }
}
