//! How the page becomes a body of the app's own type. The gate changes no type of what passes: to
//! wrap each response would cost more than the decision.

use bytes::Bytes;

/// Makes the body of a 503 out of the page; `""` for HEAD.
///
/// [`FromPage`] serves axum's, lambda_http's and every other body that can be made from a
/// `&'static str`; a function from `Bytes` serves the rest: see
/// [`MaintenanceLayer::with_body`](crate::MaintenanceLayer::with_body).
pub trait MakeBody<B> {
    /// The body of a response with this page.
    fn make(&self, page: &'static str) -> B;
}

/// Makes bodies by [`From`].
#[derive(Debug, Clone, Copy, Default)]
pub struct FromPage;

impl<B: From<&'static str>> MakeBody<B> for FromPage {
    #[inline]
    fn make(&self, page: &'static str) -> B {
        B::from(page)
    }
}

impl<B, F: Fn(Bytes) -> B> MakeBody<B> for F {
    fn make(&self, page: &'static str) -> B {
        self(Bytes::from_static(page.as_bytes()))
    }
}
