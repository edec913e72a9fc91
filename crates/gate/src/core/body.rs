//! How a page becomes a response body of the app's own type. The gate changes no type of what passes:
//! to wrap each response would cost more than the decision.

use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Full};

/// A response body that can be made of a page. Bodies of axum and lambda_http are, with the feature of
/// that name. For a body of your own implement it; a body of another crate is boxed by a layer inside the gate,
/// as [the page on axum](crate::guide::axum#with-other-layers) shows.
#[diagnostic::on_unimplemented(
    message = "the gate cannot make a page of the response body `{Self}`",
    note = "for `axum::body::Body` enable the feature `axum` of maintenance-gate, for `lambda_http::Body` the feature `lambda_http`",
    note = "for a body of your own implement `maintenance_gate::PageBody`",
    note = "around a layer that changes the body, such as tower-http's Trace or Compression, put `.map_response_body(axum::body::Body::new)` between the gate and that layer"
)]
pub trait PageBody: Sized {
    /// The body of a response with this page, which is UTF-8.
    fn from_page(page: Bytes) -> Self;
}

impl PageBody for Full<Bytes> {
    #[inline]
    fn from_page(page: Bytes) -> Self {
        Self::new(page)
    }
}

impl<E> PageBody for BoxBody<Bytes, E> {
    fn from_page(page: Bytes) -> Self {
        Full::new(page).map_err(|never| match never {}).boxed()
    }
}

impl<E> PageBody for UnsyncBoxBody<Bytes, E> {
    fn from_page(page: Bytes) -> Self {
        Full::new(page)
            .map_err(|never| match never {})
            .boxed_unsync()
    }
}

#[cfg(feature = "axum")]
impl PageBody for axum::body::Body {
    fn from_page(page: Bytes) -> Self {
        Self::from(page)
    }
}

/// As text: a binary body would go to API Gateway in Base64, which a REST API may not decode.
#[cfg(feature = "lambda_http")]
impl PageBody for lambda_http::Body {
    fn from_page(page: Bytes) -> Self {
        Self::Text(String::from_utf8_lossy(&page).into_owned())
    }
}
