//! Flags with something that may pass.

use http::{Method, Request};
use maintenance_flag::{Token, TokenHash};
use maintenance_gate::{Builder, ManualClock, MemorySource};
use serde_json::{Value, json};

use super::{START, demo};

/// An hour after [`START`].
pub(crate) const AN_HOUR_LATER: &str = "2026-11-18T12:06:40Z";

/// The token of all windows here.
pub(crate) fn token() -> Token {
    let mut bytes = [0; Token::LEN];
    for (n, byte) in (0..).zip(&mut bytes) {
        *byte = n * 5;
    }
    Token::from_random(bytes)
}

/// The stored form of [`token`] for a role of an app, good for an hour from [`START`].
pub(crate) fn stored_token(app: &str, role: &str) -> Value {
    json!({
        "token": TokenHash::of(app, role, token().reveal()).to_string(),
        "token_until": AN_HOUR_LATER,
    })
}

/// A flag of this mode with this bypass.
pub(crate) fn flag(mode: &str, bypass: &Value) -> String {
    json!({
        "schema": 1,
        "mode": mode,
        "window": "20261118T110640Z-00001a2b",
        "bypass": bypass,
    })
    .to_string()
}

/// A builder for a gate of `demo-dev` with this flag, at [`START`].
pub(crate) fn with_flag(flag: &str) -> Builder {
    at(flag, &ManualClock::new(START))
}

/// As [`with_flag`], at a time of your own.
pub(crate) fn at(flag: &str, clock: &ManualClock) -> Builder {
    demo().source(MemorySource::new(flag)).clock(clock.clone())
}

/// A request with these headers.
pub(crate) fn request_with(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}
