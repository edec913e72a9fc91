//! Names: of an app, a role, a maintenance window, a token, and of the parameters that hold their state.
//!
//! The rules are the intersection of what Parameter Store takes (`a-zA-Z0-9_.-/`, at most 15 levels,
//! not starting with `aws` or `ssm`) and what stays readable in a path and in a file name. A name is
//! checked once, when it is parsed; a value of these types is always valid.

mod access;
mod observer;
mod parameters;

use std::fmt;
use std::str::FromStr;

pub use access::{AccessId, AccessKind, TokenName};
pub use observer::ObserverName;
pub use parameters::{Parameters, Prefix};

/// The most characters of an app name or an env name.
const MAX_NAME: usize = 64;
/// The most characters of a role or a product.
const MAX_WORD: usize = 32;

/// A name that breaks a rule. The message quotes the name and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not valid: {rule}")]
pub struct NameError {
    what: &'static str,
    value: String,
    rule: String,
}

impl NameError {
    fn new(what: &'static str, value: &str, rule: impl Into<String>) -> Self {
        // A pasted file must not fill the terminal.
        let shown: String = value.chars().take(80).collect();
        let value = if shown.len() < value.len() {
            format!("{shown}…")
        } else {
            shown
        };
        Self {
            what,
            value,
            rule: rule.into(),
        }
    }

    /// Which kind of name is wrong: `app`, `env`, `role`, `product`, `window`, `token` or `prefix`.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The rule that the name breaks, as a sentence.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

/// The rule for app, env and token: what Parameter Store and a file system both take in one path segment.
fn check_segment(what: &'static str, value: &str) -> Result<(), NameError> {
    let fail = |rule: &str| Err(NameError::new(what, value, rule));
    if value.is_empty() {
        return fail("it must not be empty");
    }
    if value.chars().count() > MAX_NAME {
        return fail("it may have at most 64 characters");
    }
    if !value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    {
        return fail("it may hold only the letters a-z and A-Z, digits, '_', '.' and '-'");
    }
    if !value.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return fail("it must start with a letter or a digit");
    }
    Ok(())
}

/// The rule for a role and a product: a word that can stand in a command, a path and a URL.
fn check_word(what: &'static str, value: &str) -> Result<(), NameError> {
    let fail = |rule: &str| Err(NameError::new(what, value, rule));
    if value.is_empty() {
        return fail("it must not be empty");
    }
    if value.chars().count() > MAX_WORD {
        return fail("it may have at most 32 characters");
    }
    if !value
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    {
        return fail("it may hold only lower-case letters a-z, digits, '_' and '-'");
    }
    if !value.starts_with(|first: char| first.is_ascii_lowercase()) {
        return fail("it must start with a letter");
    }
    Ok(())
}

/// One deployment of one app: its name and its environment. Printed `<name>-<env>`, as in `demo-dev`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct App {
    name: String,
    env: String,
}

impl App {
    /// An app of this name in this environment.
    ///
    /// # Errors
    /// If either breaks its rule: 1–64 letters, digits, `_`, `.` and `-`, the first a letter or digit.
    pub fn new(name: &str, env: &str) -> Result<Self, NameError> {
        check_segment("app", name)?;
        check_segment("env", env)?;
        Ok(Self {
            name: name.to_owned(),
            env: env.to_owned(),
        })
    }

    /// The app's name, `demo` of `demo-dev`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The app's environment, `dev` of `demo-dev`.
    #[must_use]
    pub fn env(&self) -> &str {
        &self.env
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.name, self.env))
    }
}

/// A part of an app that is put into maintenance by itself: `web`, `worker`, or one that the
/// configuration names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

impl Role {
    /// The role that visitors reach. It always exists.
    #[must_use]
    pub fn web() -> Self {
        Self("web".to_owned())
    }

    /// The role of the background functions. It always exists.
    #[must_use]
    pub fn worker() -> Self {
        Self("worker".to_owned())
    }

    /// The role's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The role's name with a capital, as a sentence starts: `Web`.
    #[must_use]
    pub fn capitalized(&self) -> String {
        let mut chars = self.0.chars();
        chars.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(chars).collect()
        })
    }
}

impl FromStr for Role {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        check_word("role", value)?;
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A named set of apps of one environment that go into maintenance together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product(String);

impl Product {
    /// The product's id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Product {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        check_word("product", value)?;
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The identity of one maintenance window, from `on` to `off`. Sorts by time of opening.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(String);

impl WindowId {
    /// The window opened at `at`; `entropy` tells apart two that open in the same second.
    #[must_use]
    pub fn new(at: jiff::Timestamp, entropy: u32) -> Self {
        Self(format!("{}-{entropy:08x}", at.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// The id as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WindowId {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        check_segment("window", value)?;
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule<T: FromStr<Err = NameError> + fmt::Debug>(value: &str) -> String {
        value.parse::<T>().unwrap_err().to_string()
    }

    #[test]
    fn bad_names_are_refused_with_the_rule_they_break() {
        assert_eq!(
            rule::<Role>("Web!"),
            r#"role "Web!" is not valid: it may hold only lower-case letters a-z, digits, '_' and '-'"#
        );
        assert_eq!(
            rule::<Role>(""),
            r#"role "" is not valid: it must not be empty"#
        );
        assert!(rule::<Role>("9lives").ends_with("it must start with a letter"));
        assert!(rule::<Role>(&"r".repeat(33)).ends_with("it may have at most 32 characters"));
        assert_eq!(
            App::new("de/mo", "dev").unwrap_err().to_string(),
            r#"app "de/mo" is not valid: it may hold only the letters a-z and A-Z, digits, '_', '.' and '-'"#
        );
        assert_eq!(
            App::new("demo", "").unwrap_err().to_string(),
            r#"env "" is not valid: it must not be empty"#
        );
        let long = App::new(&"x".repeat(200), "dev").unwrap_err();
        assert_eq!(long.rule(), "it may have at most 64 characters");
        assert!(long.to_string().contains('…'), "a long name is cut: {long}");
        assert!(App::new("..", "dev").is_err());
        assert!(App::new("demo\n", "dev").is_err());
    }

    #[test]
    fn windows_sort_by_time() {
        let at = |s: &str| WindowId::new(s.parse().unwrap(), 7);
        assert!(at("2026-11-21T08:30:00Z") < at("2026-11-21T08:30:01Z"));
        assert!(at("2026-11-21T08:30:00Z") < at("2027-01-01T00:00:00Z"));
    }
}
