//! Which functions belong to a role: name globs, exclusions and tags.

use std::collections::BTreeMap;

use globset::Glob;
use regex_lite::Regex;

/// A pattern that is no glob.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the function pattern {pattern:?} is not valid: {reason}")]
pub struct SelectionError {
    pattern: String,
    reason: String,
}

impl SelectionError {
    /// Why it is no glob, in words that follow a name.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// The functions of a role. A name without wildcards is a glob that matches itself.
#[derive(Debug, Clone)]
pub struct Selection {
    functions: Vec<String>,
    include: Vec<Regex>,
    exclude: Vec<Regex>,
    tags: BTreeMap<String, String>,
}

impl Selection {
    /// Functions whose name matches one of `functions` (or any, if there are only tags), none of
    /// `exclude`, and which carry all of `tags`.
    ///
    /// # Errors
    /// If a pattern is no glob or can match no function name.
    pub fn new(
        functions: &[String],
        exclude: &[String],
        tags: BTreeMap<String, String>,
    ) -> Result<Self, SelectionError> {
        let any = ["*".to_owned()];
        let include = if functions.is_empty() && !tags.is_empty() {
            &any[..]
        } else {
            functions
        };
        Ok(Self {
            functions: functions.to_vec(),
            include: globs(include)?,
            exclude: globs(exclude)?,
            tags,
        })
    }

    /// Whether the name matches; tags are another question.
    #[must_use]
    pub fn matches_name(&self, name: &str) -> bool {
        let any = |globs: &[Regex]| globs.iter().any(|glob| glob.is_match(name));
        any(&self.include) && !any(&self.exclude)
    }

    /// The globs that match none of these names.
    pub(crate) fn unmatched<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<&str> {
        let globs = self.functions.iter().zip(&self.include);
        let unmatched = globs.filter(|(_, glob)| !names.clone().any(|name| glob.is_match(name)));
        unmatched.map(|(text, _)| text.as_str()).collect()
    }

    /// Whether tags have to be looked at.
    #[must_use]
    pub fn needs_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// Whether a function with these tags belongs.
    #[must_use]
    pub fn matches_tags(&self, tags: &std::collections::HashMap<String, String>) -> bool {
        self.tags
            .iter()
            .all(|(key, value)| tags.get(key) == Some(value))
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.functions.is_empty() {
            f.write_str("any name")?;
        } else {
            f.write_str(&self.functions.join(", "))?;
        }
        for (key, value) in &self.tags {
            write!(f, ", with tag {key}={value}")?;
        }
        Ok(())
    }
}

fn globs(patterns: &[String]) -> Result<Vec<Regex>, SelectionError> {
    patterns.iter().map(|pattern| glob(pattern)).collect()
}

/// What a glob means is globset's business. It is matched by the small engine that the AWS SDK brings:
/// globset's own is half a megabyte, for names of 64 characters.
fn glob(pattern: &str) -> Result<Regex, SelectionError> {
    let error = |reason: String| SelectionError {
        pattern: pattern.to_owned(),
        reason,
    };
    // An ARN or a qualified name is a common paste, and would match nothing without a word.
    if pattern.is_empty() {
        return Err(error("it must not be empty".to_owned()));
    }
    if pattern.contains(':') {
        return Err(error(
            "it must be a function name or a glob over names, without ARN or qualifier".to_owned(),
        ));
    }
    let glob = Glob::new(pattern).map_err(|e| error(e.kind().to_string()))?;
    // Bytes or characters are the same in a name: Lambda's have letters, digits, - and _.
    let bytes = glob.regex();
    Regex::new(bytes.strip_prefix("(?-u)").unwrap_or(bytes)).map_err(|e| error(e.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selection(functions: &[&str], exclude: &[&str]) -> Selection {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Selection::new(&own(functions), &own(exclude), BTreeMap::new()).unwrap()
    }

    #[test]
    fn globs_choose_and_exclusions_win() {
        let chosen = selection(&["demo-dev-*", "exact"], &["*-prewarm"]);
        assert!(chosen.matches_name("demo-dev-mailer"));
        assert!(chosen.matches_name("exact"));
        assert!(!chosen.matches_name("exactly"));
        assert!(!chosen.matches_name("demo-dev-prewarm"));
        assert!(!chosen.matches_name("other"));
    }

    #[test]
    fn tags_alone_choose_among_all_names() {
        let tags = BTreeMap::from([("role".to_owned(), "worker".to_owned())]);
        let chosen = Selection::new(&[], &[], tags).unwrap();
        assert!(chosen.matches_name("anything"));
        assert!(chosen.needs_tags());
        assert!(chosen.matches_tags(&[("role".to_owned(), "worker".to_owned())].into()));
        assert!(!chosen.matches_tags(&[("role".to_owned(), "web".to_owned())].into()));
        assert!(!chosen.matches_tags(&[].into()));
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_refused() {
        for bad in [
            "",
            "arn:aws:lambda:us-east-1:1:function:x",
            "name:live",
            "[a",
        ] {
            assert!(
                Selection::new(&[bad.to_owned()], &[], BTreeMap::new()).is_err(),
                "{bad}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// The smaller engine finds what globset's own does, in names and patterns of all that has a
        /// meaning.
        #[test]
        fn a_glob_means_what_globset_says(
            pattern in r"[ab*?\[\]!^{},\\./_-]{1,8}",
            names in proptest::collection::vec("[ab_-]{1,6}", 1..8),
        ) {
            let theirs = Glob::new(&pattern).map(|glob| glob.compile_matcher());
            let ours = Selection::new(std::slice::from_ref(&pattern), &[], BTreeMap::new());
            prop_assert_eq!(ours.is_ok(), theirs.is_ok());
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                for name in names {
                    prop_assert_eq!(ours.matches_name(&name), theirs.is_match(&name), "{}", name);
                }
            }
        }
    }
}
