//! What one check of an observer comes to.

use jiff::Timestamp;
use maintenance_control::limits::is_unprintable;
use maintenance_flag::Verdict;

/// The most characters that are shown and stored of what was observed, and of why that says nothing.
const MOST: usize = 200;
/// What stands for a secret.
const HIDDEN: &str = "***";

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Whether maintenance is needed.
    pub verdict: Verdict,
    /// What was observed.
    pub observed: Option<String>,
    /// Why the verdict is [`Verdict::Unknown`].
    pub error: Option<String>,
    /// When a calendar says that it changes next, UTC.
    pub next_transition: Option<Timestamp>,
}

impl CheckResult {
    /// This was observed, and it means that.
    #[must_use]
    pub fn of(verdict: Verdict, observed: impl Into<String>) -> Self {
        Self {
            verdict,
            observed: Some(observed.into()),
            error: None,
            next_transition: None,
        }
    }

    /// Nothing is known, for this reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unknown,
            observed: None,
            error: Some(why.into()),
            next_transition: None,
        }
    }

    /// The same, though this was observed.
    #[must_use]
    pub fn seeing(self, observed: impl Into<String>) -> Self {
        Self {
            observed: Some(observed.into()),
            ..self
        }
    }

    /// As it may be shown and stored: short, on one line, and without these secrets.
    pub(super) fn clean(self, secrets: &[String]) -> Self {
        let clean = |text: String| clean(&text, secrets);
        Self {
            observed: self.observed.map(clean),
            error: self.error.map(clean),
            ..self
        }
    }
}

fn clean(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), HIDDEN);
    }
    let mut shown = String::new();
    for (n, c) in text.trim().chars().enumerate() {
        if n == MOST {
            shown.push('…');
            break;
        }
        match is_unprintable(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_observed_is_short_printable_and_without_secrets() {
        let secrets = ["s3cr3t".to_owned(), String::new()];
        let shown = |text: &str| {
            let result = CheckResult::of(Verdict::Normal, text).clean(&secrets);
            result.observed.unwrap()
        };
        assert_eq!(shown("token s3cr3t, again s3cr3t"), "token ***, again ***");
        assert_eq!(shown("a\nb\u{1b}[2J\u{202e}"), "a\\nb\\u{1b}[2J\\u{202e}");
        assert_eq!(shown(&"ä".repeat(5_000)).chars().count(), 201);
        // A secret that the cut would leave half of.
        let half = format!("{}s3cr3t", "x".repeat(197));
        assert!(!shown(&half).contains("s3"), "{}", shown(&half));
        let unknown = CheckResult::unknown("s3cr3t is refused").clean(&secrets);
        assert_eq!(unknown.error.as_deref(), Some("*** is refused"));
    }
}
