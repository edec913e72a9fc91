//! Did you mean …?

/// The one of `known` that `typed` is most likely a slip of, if any is near enough.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&typed.to_lowercase(), word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// The hint after a word that is none of `known`.
pub(crate) fn hint(typed: &str, known: &[&str], what: &str) -> String {
    match nearest(typed, known.iter().copied()) {
        Some(word) => format!("did you mean {word}?"),
        None => format!("{what} {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let roles = ["web", "worker"];
        assert_eq!(nearest("wokrer", roles), Some("worker"));
        assert_eq!(nearest("Web", roles), Some("web"));
        assert_eq!(nearest("workers", roles), Some("worker"));
        assert_eq!(nearest("database", roles), None);
        assert_eq!(
            hint("database", &roles, "the roles are"),
            "the roles are web, worker"
        );
    }
}
