//! Whether a request may pass although the role is in maintenance, and why.

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use maintenance_flag::Bypass;

use super::token::TokenVerifier;
use super::{client_ip, link};
use crate::policy::Policy;
use crate::request::RequestHead;
use crate::request_context::{EventKind, RequestContext};

/// A request that may pass.
pub(crate) enum Bypassed {
    /// Now, by this rule.
    Pass(&'static str),
    /// After this redirect, which sets the cookie.
    Redirect(Response<Bytes>),
}

/// Whether `bypass` lets a request pass. The cheap rules come first.
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
    // The link comes before the paths, so that it sets its cookie also on a path that anyone may
    // ask for. A WebSocket client follows no redirect.
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
