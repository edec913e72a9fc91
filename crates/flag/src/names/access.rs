//! Names of tokens and sessions.

use std::fmt;
use std::str::FromStr;

use super::{NameError, check_segment};

/// Crockford's base32 in lower case: no letter that reads as another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What lets a caller in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// A token: sent as `Authorization: Bearer`.
    Token,
    /// A session: sent as a cookie.
    Session,
}

impl AccessKind {
    /// How the text of one begins.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Token => "mnt_",
            Self::Session => "mns_",
        }
    }

    /// The level of the parameter names that they are below.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Token => "tokens",
            Self::Session => "sessions",
        }
    }
}

/// The id of a token or a session: no secret. It is the last level of the parameter name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessId(String);

impl AccessId {
    /// How many characters it has: each carries 5 random bits.
    pub const LEN: usize = 10;

    /// An id of these random bytes, of which each gives 5 bits.
    #[must_use]
    pub fn from_random(bytes: [u8; Self::LEN]) -> Self {
        let letter = |byte: u8| ALPHABET.get(usize::from(byte & 31)).copied();
        let letters = bytes.into_iter().filter_map(letter);
        Self(letters.map(char::from).collect())
    }

    /// The id as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessId {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        if value.len() == Self::LEN && value.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Ok(Self(value.to_owned()));
        }
        let rule = "an id has 10 digits and lower-case letters, and no i, l, o or u";
        Err(NameError::new("token", value, rule))
    }
}

impl fmt::Display for AccessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a token is called: `release-bot`. It stands in flags, logs and headers, so it holds nothing that
/// could break a line of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenName(String);

impl TokenName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        check_segment("token", value)?;
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
