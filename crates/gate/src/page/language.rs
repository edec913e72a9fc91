//! The languages of the built-in page: selects the visitor's, and has the texts in each.

use std::sync::LazyLock;

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use serde_json::Value;

use super::quality_values::quality_values;

/// For a visitor who accepts none of the others.
const ENGLISH: &str = "en";

/// The texts of the page, by language and name.
static TRANSLATIONS: LazyLock<Value> = LazyLock::new(|| {
    // A test parses the whole file.
    serde_json::from_str(include_str!("translations.json")).unwrap_or_default()
});

/// Returns the tags of all languages.
fn tags() -> impl Iterator<Item = &'static str> {
    let languages = TRANSLATIONS.as_object().into_iter();
    languages.flat_map(|languages| languages.keys().map(String::as_str))
}

/// Returns a text of the page in a language.
pub(super) fn translated(language: &str, name: &str) -> Option<&'static str> {
    TRANSLATIONS.get(language)?.get(name)?.as_str()
}

/// Returns the language that the visitor prefers, the first among equals; English if there is none.
pub(super) fn preferred(headers: &HeaderMap) -> &'static str {
    let mut best = (ENGLISH, 0);
    for (tag, q) in quality_values(headers, &ACCEPT_LANGUAGE) {
        if q > best.1
            && let Some(language) = tagged(tag)
        {
            best = (language, q);
        }
        if best.1 == 1_000 {
            break;
        }
    }
    best.0
}

/// Finds the language of a tag, in any region: `de` for `de-CH`.
fn tagged(tag: &[u8]) -> Option<&'static str> {
    match tag.split(|byte| *byte == b'-').next()? {
        b"*" => Some(ENGLISH),
        primary => tags().find(|language| language.as_bytes().eq_ignore_ascii_case(primary)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(values: &[&str]) -> &'static str {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_LANGUAGE, value.parse().unwrap());
        }
        preferred(&headers)
    }

    #[test]
    fn the_visitors_language_where_it_is_one_of_a_few() {
        for (values, expected) in [
            (&[][..], "en"),
            (&[""], "en"),
            (&["de"], "de"),
            (&["DE-ch"], "de"),
            (&["pt-BR,pt;q=0.9,en;q=0.8"], "pt"),
            (&["nl, fr;q=0.8, de;q=0.9"], "de"),
            (&["it, es"], "it"),
            (&["en;q=0.5", "ja;q=0.7"], "ja"),
            (&["nl,zh;q=0.9"], "en"),
            (&["nl, *;q=0.5, de;q=0.3"], "en"),
            (&["de;q=0"], "en"),
            (&["de;q=0, fr;q=0.1"], "fr"),
            (&["deutsch, fr;q=0.1"], "fr"),
            (&["fr;q=much, de;q=0.1"], "de"),
        ] {
            assert_eq!(chosen(values), expected, "{values:?}");
        }
    }

    #[test]
    fn every_language_says_everything_and_needs_no_escaping() {
        let english = TRANSLATIONS[ENGLISH].as_object().unwrap();
        assert_eq!((tags().count(), english.len()), (7, 9));
        for language in tags() {
            let all = TRANSLATIONS[language].as_object().unwrap();
            assert!(all.keys().eq(english.keys()), "{language}");
            for name in english.keys() {
                let text = translated(language, name).unwrap();
                assert!(!text.is_empty(), "{language} {name}");
                // It may stand in an attribute.
                assert!(!text.contains(['<', '>', '&', '"']), "{language} {name}");
            }
        }
    }
}
