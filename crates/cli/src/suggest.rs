//! Did you mean …?

/// Whether one word is so near to another that it is likely a slip of it, in a letter of every four and in
/// less than half of them, or its beginning.
pub(crate) fn is_near(typed: &str, word: &str) -> bool {
    distance(typed, word).is_some()
}

fn distance(typed: &str, word: &str) -> Option<usize> {
    let distance = strsim::damerau_levenshtein(&typed.to_lowercase(), word);
    let length = typed.chars().count();
    let is_slip = distance <= 1 + length / 4 && distance * 2 < length;
    let is_beginning = length > 2 && word.starts_with(typed);
    (is_slip || is_beginning).then_some(distance)
}

/// The one of `known` that `typed` is most likely a slip of, if any is near enough.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = |word: &'a str| Some((distance(typed, word)?, word));
    let nearest = known.into_iter().filter_map(near);
    nearest
        .min_by_key(|(distance, _)| *distance)
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
    fn slips_are_recognised_and_far_words_are_not() {
        let roles = ["web", "worker"];
        assert_eq!(nearest("wokrer", roles), Some("worker"));
        assert_eq!(nearest("Web", roles), Some("web"));
        assert_eq!(nearest("workers", roles), Some("worker"));
        assert_eq!(nearest("work", roles), Some("worker"));
        for far in ["database", "wrk", "w", ""] {
            assert_eq!(nearest(far, roles), None, "{far}");
        }
        // The last thing to try by mistake.
        for far in ["o", "no", "online", "frobnicate"] {
            assert!(!is_near(far, "on"), "{far}");
        }
        assert_eq!(
            hint("database", &roles, "the roles are"),
            "the roles are web, worker"
        );
    }
}
