//! Paths that may pass.
//!
//! A path is compared as it was sent, byte by byte. Routers differ in what they make of an unusual
//! spelling (`//`, `..`, `%2e`, a `;`), so such a path is never inside a prefix: what passes is what any
//! router takes for the path that was allowed.

use std::fmt;
use std::str::FromStr;

/// A path (`/health`), or with `/*` at its end everything below one (`/hooks/*`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// Without the `*`.
    path: String,
    is_prefix: bool,
}

/// A text that is no path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a path: {reason}")]
pub struct PathError {
    text: String,
    reason: &'static str,
}

impl PathPattern {
    /// Whether a request for this path (without its query) is allowed by the pattern.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        if self.is_prefix {
            path.starts_with(&self.path) && is_plain(path)
        } else {
            path == self.path
        }
    }
}

/// Whether a path means the same to every server: no empty or dot segment, no escape, and nothing that
/// some server takes for a separator.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"%;\\?#".contains(&byte);
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let mut segments = rest.split('/').peekable();
    let mut sound = true;
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let only_dots = segment.bytes().all(|byte| byte == b'.');
        sound &= !only_dots || (is_last && segment.is_empty());
    }
    sound && path.bytes().all(plain)
}

impl FromStr for PathPattern {
    type Err = PathError;

    /// Reads `/health` or `/hooks/*`.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let error = |reason| {
            Err(PathError {
                text: text.to_owned(),
                reason,
            })
        };
        if !text.starts_with('/') {
            return error("it must begin with /");
        }
        let (path, is_prefix) = match text.strip_suffix('*') {
            Some(path) if path.ends_with('/') => (path, true),
            _ => (text, false),
        };
        if path.contains('*') {
            return error("a * may stand only at its end, after a /");
        }
        if path.contains(['?', '#']) {
            return error("a query is no part of it: a path passes with any query");
        }
        if !is_plain(path) {
            return error("it must be written plainly, without //, . or .. segments, %, ; or \\");
        }
        Ok(Self {
            path: path.to_owned(),
            is_prefix,
        })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().unwrap()
    }

    #[test]
    fn an_exact_path_is_that_path_and_no_other_spelling_of_it() {
        let health = pattern("/health");
        assert!(health.matches("/health"));
        for other in [
            "/health/",
            "/Health",
            "//health",
            "/./health",
            "/%68ealth",
            "/health%20",
            "/healthz",
            "/x/../health",
            "health",
            "",
        ] {
            assert!(!health.matches(other), "{other}");
        }
        assert!(pattern("/").matches("/") && !pattern("/").matches("/x"));
    }

    #[test]
    fn a_prefix_matches_plainly_written_paths_below_it() {
        let hooks = pattern("/hooks/*");
        for inside in [
            "/hooks/",
            "/hooks/stripe",
            "/hooks/stripe/42",
            "/hooks/stripe/",
        ] {
            assert!(hooks.matches(inside), "{inside}");
        }
        for outside in [
            "/hooks",
            "/hooksx",
            "/Hooks/a",
            "//hooks/a",
            "/hooks//a",
            "/hooks/../admin",
            "/hooks/./a",
            "/hooks/%2e%2e/admin",
            "/hooks/%2E./admin",
            "/hooks/%252e%252e/admin",
            "/hooks/..;/admin",
            "/hooks/..\\admin",
            "/hooks/%5c..%5cadmin",
            "/hooks/a%2f..%2fadmin",
            "/hooks/a/..",
            "/hooks/.",
            "/hooks/...",
            "/hooks/.../admin",
            "/hooks/a\u{0}",
            "/hooks/ä",
            "/x/hooks/a",
            "",
        ] {
            assert!(!hooks.matches(outside), "{outside}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_mean_what_it_says_is_refused() {
        for bad in [
            "",
            "health",
            "*",
            "/a*",
            "/*/a",
            "/a/**",
            "/a?b",
            "/a#b",
            "/a/../b",
            "//",
            "/a//b",
            "/a%20b",
            "/a b",
            "/a;b",
            "https://a/b",
        ] {
            assert!(bad.parse::<PathPattern>().is_err(), "{bad}");
        }
        for good in [
            "/",
            "/*",
            "/health",
            "/hooks/*",
            "/.well-known/acme-challenge/*",
            "/a/b/",
        ] {
            assert_eq!(pattern(good).to_string(), good);
        }
    }
}
