//! Converts a page to the app's own type of response body. The gate does not wrap the app's responses: that would cost
//! more than the decision.

use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Full};

/// A response body that can be made from a page. The features `axum` and `lambda_http` implement it for the bodies of
/// those crates. Implement it for a body of your own; box a body of another crate in a layer inside the gate, as
/// [the page on axum](crate::guide::axum#with-other-layers) shows.
#[diagnostic::on_unimplemented(
    message = "the gate cannot make a page of the response body `{Self}`",
    note = "for `axum::body::Body` enable the feature `axum` of maintenance-gate, for `lambda_http::Body` the feature `lambda_http`",
    note = "for a body of your own implement `maintenance_gate::PageBody`",
    note = "around a layer that changes the body, such as tower-http's Trace or Compression, put `.map_response_body(axum::body::Body::new)` between the gate and that layer"
)]
pub trait PageBody: Sized {
    /// Creates the body of a response with this page, which is UTF-8.
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

/// Creates a text body: a binary body would reach API Gateway in Base64, which a REST API may not decode.
#[cfg(feature = "lambda_http")]
impl PageBody for lambda_http::Body {
    fn from_page(page: Bytes) -> Self {
        Self::Text(String::from_utf8_lossy(&page).into_owned())
    }
}
