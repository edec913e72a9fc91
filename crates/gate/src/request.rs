//! The part of a request that the gate reads: everything but its body.

use http::{Extensions, HeaderMap, Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// Escapes every character but those that need no escaping anywhere in a URI (RFC 3986, 2.3).
pub(crate) const COMPONENT: &AsciiSet = &without(NON_ALPHANUMERIC, b"-._~");
/// Escapes every character that a path may not hold (RFC 3986, 3.3). Keeps escapes.
pub(crate) const PATH: &AsciiSet = &without(COMPONENT, b"!$&'()*+,;=:@/%");
/// Escapes every character that a query may not hold (RFC 3986, 3.4). Keeps escapes.
pub(crate) const QUERY: &AsciiSet = &PATH.remove(b'?');

const fn without(set: &AsciiSet, bytes: &[u8]) -> AsciiSet {
    match bytes {
        [] => set.union(AsciiSet::EMPTY),
        [byte, rest @ ..] => without(&set.remove(*byte), rest),
    }
}

/// A request, without its body.
#[derive(Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    #[inline]
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}
