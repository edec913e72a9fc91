//! The secret of a bypass link, and its stored form.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Keeps this hash apart from any other of the same bytes.
const DOMAIN: &[u8] = b"maintenance bypass 1";
const SCHEME: &str = "sha256:";
/// A token's own alphabet: base64url, so that it needs no escape in a link, a cookie or a header.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A secret that lets its holder pass. It is shown once and never stored; see [`TokenHash`].
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// How many characters a token has: each carries 6 random bits, 258 in all.
    pub const LEN: usize = 43;
    /// Its name in a link's query.
    pub const QUERY: &str = "maintenance-bypass";
    /// The header that a script sends it in.
    pub const HEADER: &str = "X-Maintenance-Bypass";

    /// A token of these random bytes, of which each gives 6 bits.
    #[must_use]
    pub fn from_random(bytes: [u8; Self::LEN]) -> Self {
        let letter = |byte: u8| ALPHABET.get(usize::from(byte & 63)).copied();
        Self(
            bytes
                .into_iter()
                .filter_map(letter)
                .map(char::from)
                .collect(),
        )
    }

    /// Reads a token as it is sent. None if it cannot be one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        is_token(text).then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the operator who asked for it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn is_token(text: &str) -> bool {
    text.len() == Token::LEN && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The stored form of a [`Token`]: enough to recognise it, for one role of one app, and not enough to
/// make it. The token has 258 random bits, so no slow hash is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token that shall pass at this role of this app (`demo-dev`).
    #[must_use]
    pub fn of(app: &str, role: &str, token: &str) -> Self {
        let mut hash = Sha256::new();
        // The lengths keep `ab` + `c` and `a` + `bc` apart.
        for part in [DOMAIN, app.as_bytes(), role.as_bytes(), token.as_bytes()] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Whether a text is the token, in a time that does not tell how much of it is right. A
    /// text that cannot be a token is not even hashed.
    #[must_use]
    pub fn matches(&self, app: &str, role: &str, text: &str) -> bool {
        is_token(text) && bool::from(Self::of(app, role, text).0.ct_eq(&self.0))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(SCHEME)?;
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::from_random([7; Token::LEN])
    }

    #[test]
    fn a_hash_knows_its_token_app_and_role() {
        let hash = TokenHash::of("demo-dev", "web", token().reveal());
        assert!(hash.matches("demo-dev", "web", token().reveal()));
        assert!(!hash.matches("demo-prod", "web", token().reveal()));
        assert!(!hash.matches("demo-dev", "worker", token().reveal()));
        assert!(!hash.matches("demo-de", "vweb", token().reveal()));
        // Not even if the flag holds the hash of a text that would end a cookie.
        let crooked = format!("{};", &token().reveal()[1..]);
        assert!(!TokenHash::of("demo-dev", "web", &crooked).matches("demo-dev", "web", &crooked));
        let other = Token::from_random([8; Token::LEN]);
        assert!(!hash.matches("demo-dev", "web", other.reveal()));
        assert!(!hash.matches("demo-dev", "web", &token().reveal()[1..]));
        assert!(!hash.matches("demo-dev", "web", &hash.to_string()));
        assert!(!hash.matches("demo-dev", "web", ""));
    }

    #[test]
    fn is_stored_as_hexadecimal_digits_and_read_back() {
        let hash = TokenHash::of("demo-dev", "web", token().reveal());
        let stored = hash.to_string();
        assert!(stored.starts_with("sha256:") && stored.len() == 7 + 64);
        assert!(!stored.contains(token().reveal()));
        assert_eq!(TokenHash::parse(&stored), Some(hash));
        for bad in [
            "",
            "sha256:",
            "sha256:2bb80d53",
            &stored[1..],
            &stored[..70],
        ] {
            assert_eq!(TokenHash::parse(bad), None, "{bad}");
        }
        let no_digit = format!("sha256:+{}", &stored[8..]);
        assert_eq!(TokenHash::parse(&no_digit), None);
    }

    #[test]
    fn a_token_needs_no_escape_and_is_not_shown_by_accident() {
        let mut bytes = [0; Token::LEN];
        for (n, byte) in (0..).zip(&mut bytes) {
            *byte = n * 6;
        }
        let token = Token::from_random(bytes);
        assert_eq!(token.reveal().len(), Token::LEN);
        assert!(
            token
                .reveal()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
