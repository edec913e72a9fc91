//! Which functions belong to a role: name globs, exclusions and tags.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

/// A pattern that is no glob.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the function pattern {pattern:?} is not valid: {reason}")]
pub struct SelectionError {
    pattern: String,
    reason: String,
}

/// The functions of a role. A name without wildcards is a glob that matches itself.
#[derive(Debug, Clone)]
pub struct Selection {
    functions: Vec<String>,
    include: GlobSet,
    exclude: GlobSet,
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
        self.include.is_match(name) && !self.exclude.is_match(name)
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

fn globs(patterns: &[String]) -> Result<GlobSet, SelectionError> {
    let error = |pattern: &str, reason: String| SelectionError {
        pattern: pattern.to_owned(),
        reason,
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // An ARN or a qualified name is a common paste, and would match nothing without a word.
        if pattern.is_empty() {
            return Err(error(pattern, "it must not be empty".to_owned()));
        }
        if pattern.contains(':') {
            return Err(error(
                pattern,
                "it must be a function name or a glob over names, without ARN or qualifier"
                    .to_owned(),
            ));
        }
        let glob = Glob::new(pattern).map_err(|e| error(pattern, e.kind().to_string()))?;
        set.add(glob);
    }
    set.build()
        .map_err(|e| error(e.glob().unwrap_or_default(), e.kind().to_string()))
}

#[cfg(test)]
mod tests {
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
}
