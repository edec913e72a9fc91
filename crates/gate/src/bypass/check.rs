//! Applies the bypass rules of the flag to a request.

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use maintenance_flag::Bypass;

use super::token::TokenVerifier;
use super::{client_ip, link};
use crate::policy::Policy;
use crate::request::RequestHead;
use crate::request_context::{EventKind, RequestContext};

/// How a bypass rule lets a request pass.
pub(crate) enum Bypassed {
    /// At once. Names the rule: `path`, `address` or `token`.
    Pass(&'static str),
    /// Through this redirect, which sets the cookie.
    Redirect(Response<Bytes>),
}

/// Finds the rule that lets a request pass, if any. The cheap rules come first.
pub(crate) fn check(
    policy: &Policy,
    bypass: &Bypass,
    head: RequestHead<'_>,
    context: &RequestContext<'_>,
    now: Timestamp,
) -> Option<Bypassed> {
    if bypass.is_empty() {
        return None;
    }
    let verifier = TokenVerifier::new(bypass.token, &policy.identity, now);
    // Links are checked before paths, so that a link sets its cookie also on a path that passes anyway. A WebSocket
    // client does not follow a redirect.
    if let Some(verifier) = &verifier
        && context.kind == EventKind::Http
        && let Some(redirect) = link::redeem(head, verifier, &policy.cookie)
    {
        return Some(Bypassed::Redirect(redirect));
    }
    if !bypass.paths.is_empty()
        && let Some((path, raw)) = context.paths(head)
        && bypass
            .paths
            .iter()
            .any(|pattern| pattern.matches(path) || pattern.matches(raw))
    {
        return Some(Bypassed::Pass("path"));
    }
    if !bypass.addresses.is_empty()
        && !context.invalid_method
        && let Some(address) = client_ip::of(head, context, policy.trusted_proxies)
        && bypass.addresses.iter().any(|range| range.contains(address))
    {
        return Some(Bypassed::Pass("address"));
    }
    verifier
        .filter(|verifier| verifier.verify(head.headers, &policy.cookie))
        .map(|_| Bypassed::Pass("token"))
}
