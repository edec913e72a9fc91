//! How the text of an answer becomes a body of the app's own type. The gate changes no type of what
//! passes: to wrap each response would cost more than the decision.

use std::borrow::Cow;

use bytes::Bytes;

/// The text of an answer: the page as it was loaded, or one that was made of it for this window. A
/// clone copies neither.
#[derive(Debug, Clone)]
pub struct PageText(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Static(&'static str),
    Made(Bytes),
}

impl PageText {
    pub(crate) const EMPTY: Self = Self::fixed("");

    pub(crate) const fn fixed(text: &'static str) -> Self {
        Self(Kind::Static(text))
    }

    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Kind::Static(text) => text.len(),
            Kind::Made(bytes) => bytes.len(),
        }
    }

    /// The text as bytes; copies nothing.
    #[must_use]
    #[inline]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Kind::Static(text) => Bytes::from_static(text.as_bytes()),
            Kind::Made(bytes) => bytes,
        }
    }

    /// The text as text; copies what was made for this window.
    #[must_use]
    #[inline]
    pub fn into_text(self) -> Cow<'static, str> {
        match self.0 {
            Kind::Static(text) => Cow::Borrowed(text),
            // Made of text: nothing is ever replaced here.
            Kind::Made(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

impl From<String> for PageText {
    fn from(text: String) -> Self {
        Self(Kind::Made(text.into()))
    }
}

/// Makes the response body `B` of an answer's text. Any type that is made from text has it by
/// [`FromPage`]: the bodies of axum and lambda_http, `Full<Bytes>`, `String`. For another, hand a
/// function to [`MaintenanceLayer::with_body`](crate::MaintenanceLayer::with_body).
pub trait MakeBody<B> {
    /// The body of a response with this text.
    fn make(&self, text: PageText) -> B;
}

/// Makes bodies by [`From`].
#[derive(Debug, Clone, Copy, Default)]
pub struct FromPage;

impl<B: From<Cow<'static, str>>> MakeBody<B> for FromPage {
    // Where the text is known to be the page as it was loaded, what copies another one is not there.
    #[inline(always)]
    fn make(&self, text: PageText) -> B {
        B::from(text.into_text())
    }
}

impl<B, F: Fn(Bytes) -> B> MakeBody<B> for F {
    fn make(&self, text: PageText) -> B {
        self(text.into_bytes())
    }
}
