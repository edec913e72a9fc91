//! Where a request may carry a token, and whether one of them is right.

use http::HeaderMap;
use jiff::Timestamp;
use maintenance_flag::{StoredToken, Token};

use super::cookie;
use crate::events::Identity;

/// How many texts of one request are looked at closely, so that a header full of guesses costs no more
/// than an honest one.
const TRIES: usize = 4;

/// What recognises the token of this window, at one moment.
#[derive(Clone, Copy)]
pub(super) struct Lock<'a> {
    token: StoredToken,
    who: &'a Identity,
    seconds: u64,
}

impl<'a> Lock<'a> {
    /// None if there is no token, or it has ended.
    pub(super) fn new(
        token: Option<StoredToken>,
        who: &'a Identity,
        now: Timestamp,
    ) -> Option<Self> {
        let token = token?;
        let seconds = token.until.as_second().checked_sub(now.as_second())?;
        let seconds = u64::try_from(seconds).ok().filter(|left| *left > 0)?;
        Some(Self {
            token,
            who,
            seconds,
        })
    }

    /// For how many seconds the token is good, at least one.
    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// The first of these texts that is the token. Only texts of its length count as a try.
    pub(super) fn find<'t>(&self, texts: impl Iterator<Item = &'t [u8]>) -> Option<&'t str> {
        texts
            .filter(|text| text.len() == Token::LEN)
            .take(TRIES)
            .filter_map(|text| str::from_utf8(text).ok())
            .find(|text| self.token.hash.matches(&self.who.app, &self.who.role, text))
    }

    /// Whether a header or a cookie is the token.
    pub(super) fn opens(&self, headers: &HeaderMap, cookie: &str) -> bool {
        let by_header = headers
            .get_all(Token::HEADER)
            .iter()
            .map(|value| value.as_bytes().trim_ascii());
        self.find(by_header).is_some() || self.find(cookie::values(headers, cookie)).is_some()
    }
}
