//! Whether a request passes: [`decide`], a pure function of the flag, the request and the time. It does no
//! I/O and logs nothing; it returns what to do and why.
//!
//! Three kinds of request pass without it: any, while `CacheState::AllowAll` says that the role is not in
//! maintenance; an event that is not HTTP; and one that cannot be serialized to JSON.

use std::fmt;

use bytes::Bytes;
use http::header::UPGRADE;
use http::{HeaderName, Method, Response};
use jiff::Timestamp;
use maintenance_flag::Mode;

use super::cached_flag::Snapshot;
use crate::bypass::{self, Bypassed};
use crate::policy::Policy;
use crate::request::RequestHead;
use crate::request_context::{EventKind, RequestContext};

/// What happens to a request.
#[must_use]
pub enum Decision {
    /// The app handles the request.
    Pass,
    /// The app handles the request but must not write: the maintenance is read-only, and this is a GET, HEAD
    /// or OPTIONS. The extension [`ReadOnly`] on the request tells the app.
    PassReadOnly,
    /// The app never sees the request. Send the client this response: the 503 or, for a bypass link, the redirect
    /// that sets its cookie. Boxed, so that a decision to pass stays small.
    Block(Box<Response<Bytes>>),
}

impl Decision {
    /// Returns the response to a blocked request; `None` if the request passes.
    #[must_use]
    pub fn into_response(self) -> Option<Response<Bytes>> {
        match self {
            Self::Pass | Self::PassReadOnly => None,
            Self::Block(response) => Some(*response),
        }
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("Pass"),
            Self::PassReadOnly => f.write_str("PassReadOnly"),
            // Print no headers: a bypass cookie may be among them.
            Self::Block(response) => f.debug_tuple("Block").field(&response.status()).finish(),
        }
    }
}

/// The extension of a request that passes during a read-only maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnly;

/// What to do with a request, and why.
pub(crate) enum Outcome {
    /// The role is not in maintenance; or the event is not an HTTP request, so that a 503 cannot answer it.
    Pass,
    /// A bypass rule lets the request pass: `path`, `address` or `token`.
    Bypass(&'static str),
    /// The request is a bypass link: answer with this redirect, which sets the cookie.
    RedeemLink(Response<Bytes>),
    /// The maintenance is read-only, and the request only reads.
    ReadOnly,
    /// The request is refused for this reason; `docs/events.md` lists the reasons.
    Block(&'static str),
}

/// Decides about one request.
pub(crate) fn decide(
    policy: &Policy,
    known: Snapshot<'_>,
    head: RequestHead<'_>,
    context: &RequestContext<'_>,
    now: Timestamp,
) -> Outcome {
    if policy.allows_all(known.mode) || context.kind == EventKind::WebSocketMessage {
        return Outcome::Pass;
    }
    match bypass::check(policy, &known.effective.bypass, head, context, now) {
        Some(Bypassed::Pass(reason)) => return Outcome::Bypass(reason),
        Some(Bypassed::Redirect(redirect)) => return Outcome::RedeemLink(redirect),
        None => {}
    }
    match known.mode {
        None => Outcome::Block("unknown"),
        Some(Mode::ReadOnly) => match writes(head, context) {
            Some(reason) => Outcome::Block(reason),
            None => Outcome::ReadOnly,
        },
        // Off has passed above; `on` is the safe answer should it ever get here.
        Some(Mode::On | Mode::Off) => Outcome::Block("on"),
    }
}

/// Returns why a request might write; `None` if it only reads.
fn writes(head: RequestHead<'_>, context: &RequestContext<'_>) -> Option<&'static str> {
    if !is_safe(head.method.as_str()) {
        return Some("write");
    }
    // A WebSocket opens with a GET.
    if context.kind == EventKind::WebSocketConnect || upgrades(head) {
        return Some("upgrade");
    }
    let overridden = METHOD_OVERRIDES
        .iter()
        .flat_map(|name| head.headers.get_all(name))
        .any(|method| !method.to_str().is_ok_and(|method| is_safe(method.trim())));
    overridden.then_some("method-override")
}

/// Whether a method only reads [RFC 9110, 9.2.1]; TRACE is of no use to an app.
fn is_safe(method: &str) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS]
        .iter()
        .any(|safe| method.eq_ignore_ascii_case(safe.as_str()))
}

/// Whether a request asks for another protocol than HTTP on its connection [RFC 9110, 7.8]. `h2c` is
/// HTTP/2, whose requests come to the gate again; Java's client asks for it with every first request.
fn upgrades(head: RequestHead<'_>) -> bool {
    let protocols = head.headers.get_all(UPGRADE).iter();
    protocols
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|protocol| !protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

/// Headers from which middleware inside the gate may take the method.
const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];
