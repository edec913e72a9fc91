//! Verifies the bypass token of a request, until the token expires.

use http::HeaderMap;
use jiff::Timestamp;
use maintenance_flag::{StoredToken, Token};

use super::cookie;
use crate::policy::Identity;

/// The most candidates of one request that are hashed, so that a header full of guesses stays cheap.
const MAX_CANDIDATES: usize = 4;

/// Verifies tokens against the stored hash, at one time.
#[derive(Clone, Copy)]
pub(super) struct TokenVerifier<'a> {
    token: StoredToken,
    identity: &'a Identity,
    seconds_left: u64,
}

impl<'a> TokenVerifier<'a> {
    /// Returns `None` if the flag has no token, or the token has expired.
    pub(super) fn new(
        token: Option<StoredToken>,
        identity: &'a Identity,
        now: Timestamp,
    ) -> Option<Self> {
        let token = token?;
        let left = token.until.as_second().checked_sub(now.as_second())?;
        let seconds_left = u64::try_from(left).ok().filter(|left| *left > 0)?;
        Some(Self {
            token,
            identity,
            seconds_left,
        })
    }

    /// For how many more seconds the token is valid: at least one.
    pub(super) fn seconds_left(&self) -> u64 {
        self.seconds_left
    }

    /// Returns the first candidate that is the token. Hashes only those with its length.
    pub(super) fn find<'t>(&self, candidates: impl Iterator<Item = &'t [u8]>) -> Option<&'t str> {
        candidates
            .filter(|text| text.len() == Token::LEN)
            .take(MAX_CANDIDATES)
            .filter_map(|text| str::from_utf8(text).ok())
            .find(|text| {
                let Identity { app, role } = self.identity;
                self.token.hash.matches(app, role, text)
            })
    }

    /// Whether a header or a cookie carries the token.
    pub(super) fn verify(&self, headers: &HeaderMap, cookie: &str) -> bool {
        let by_header = headers
            .get_all(Token::HEADER)
            .iter()
            .map(|value| value.as_bytes().trim_ascii());
        self.find(by_header).is_some() || self.find(cookie::values(headers, cookie)).is_some()
    }
}
