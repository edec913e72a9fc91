//! Errors in a gate's settings.

use std::borrow::Cow;
use std::fmt;

/// An error in a gate's settings. Its text says what is wrong, why, and what to do next; so does its `Debug`, which
/// Rust prints when `main` returns the error.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}. {next}")]
pub struct BuildError {
    what: Cow<'static, str>,
    why: Cow<'static, str>,
    next: Cow<'static, str>,
}

impl BuildError {
    pub(crate) fn new(
        what: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
        next: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            next: next.into(),
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.next
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
