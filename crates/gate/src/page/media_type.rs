//! Selects the media type that a client prefers, if `Builder::negotiate` is set
//! ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)).

use http::HeaderMap;
use http::header::ACCEPT;

use super::quality_values::quality_values;

/// A media type that the gate can answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Html,
    Json,
    Problem,
}

/// The order among media types that a client accepts equally. A client that names problem documents wants them for
/// errors, even if it also accepts plain JSON.
const ORDER: [MediaType; 3] = [MediaType::Html, MediaType::Problem, MediaType::Json];

impl MediaType {
    /// Returns the value of `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Problem => "application/problem+json",
        }
    }

    /// Returns how specific a media range is for this type; `None` if it does not match.
    fn named_by(self, range: &[u8]) -> Option<u8> {
        let ours = self.content_type();
        let ours = ours.strip_suffix("; charset=utf-8").unwrap_or(ours);
        if range.eq_ignore_ascii_case(ours.as_bytes()) {
            return Some(2);
        }
        match range.strip_suffix(b"/*")? {
            b"*" => Some(0),
            kind => {
                let (our_kind, _) = ours.split_once('/')?;
                kind.eq_ignore_ascii_case(our_kind.as_bytes()).then_some(1)
            }
        }
    }

    /// Returns the media type that a client prefers: by quality value; then a type that it names before one that only
    /// a wildcard matches, since clients of JSON send `application/json, */*`; then `first`; then HTML.
    /// Returns `first` if the client accepts none, or sends no `Accept`.
    pub(crate) fn preferred(headers: &HeaderMap, first: Self) -> Self {
        // For each type, the quality value of the most specific range.
        let mut found = ORDER.map(|media_type| (media_type, None::<(u8, u16)>));
        for (range, q) in quality_values(headers, &ACCEPT) {
            for (media_type, best) in &mut found {
                if let Some(closeness) = media_type.named_by(range) {
                    *best = (*best).max(Some((closeness, q)));
                    // No other type can win, so stop here. Browsers send such a range first.
                    if *media_type == first && *best == Some((2, 1_000)) {
                        return first;
                    }
                }
            }
        }
        found
            .into_iter()
            .filter_map(|(media_type, best)| {
                let (closeness, q) = best.filter(|(_, q)| *q > 0)?;
                Some((media_type, (q, closeness, media_type == first)))
            })
            // The first of the greatest: `max_by_key` would return the last.
            .rev()
            .max_by_key(|(_, merit)| *merit)
            .map_or(first, |(media_type, _)| media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(values: &[&str], first: MediaType) -> MediaType {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        MediaType::preferred(&headers, first)
    }

    #[test]
    fn each_client_gets_what_it_prefers() {
        use MediaType::{Html, Json, Problem};
        for (values, expected) in [
            (&[][..], Html),
            (&[""], Html),
            (&["*/*"], Html),
            (&["image/png"], Html),
            (&["text/*"], Html),
            (&["text/plain"], Html),
            (&["application/json"], Json),
            (&["Application/JSON; charset=utf-8"], Json),
            (&["application/problem+json"], Problem),
            (&["application/*"], Problem),
            // Browsers, for a page, a script and an image.
            (
                &[
                    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
                ],
                Html,
            ),
            (
                &["image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"],
                Html,
            ),
            // axios; jQuery; Angular; clients of RFC 9457.
            (&["application/json, text/plain, */*"], Json),
            (&["application/json, text/javascript, */*; q=0.01"], Json),
            (&["application/json, application/problem+json"], Problem),
            (&["application/problem+json;q=0.9, application/json"], Json),
            // Quality values.
            (&["text/html;q=0.5, application/json"], Json),
            (&["text/html, application/json"], Html),
            (&["application/json, text/html"], Html),
            (&["text/html;q=0.4, application/json;q=0.399"], Html),
            (&["text/html;q=0, */*"], Problem),
            (
                &["*/*, text/html;q=0.1, application/problem+json;q=0.1"],
                Json,
            ),
            (
                &["text/*;q=0.9, application/*;q=0.8, text/html;q=0.1"],
                Problem,
            ),
            (&["*/*;q=0"], Html),
            (&["application/json;q=0"], Html),
            // Several headers; an invalid item is left out.
            (&["text/html;q=0.2", "application/json;q=0.3"], Json),
            (
                &["json, /, a/b/c, text/html;q=1.5", "application/json;q=0.1"],
                Json,
            ),
        ] {
            assert_eq!(preferred(values, Html), expected, "{values:?}");
        }
    }

    #[test]
    fn the_apps_own_order_decides_where_the_client_does_not() {
        use MediaType::{Html, Json};
        for values in [
            &[][..],
            &["*/*"],
            &["image/png"],
            &["application/json, text/html"],
        ] {
            assert_eq!(preferred(values, Json), Json, "{values:?}");
        }
        assert_eq!(preferred(&["text/html, */*;q=0.8"], Json), Html);
        assert_eq!(
            preferred(&["text/html, application/json;q=0.8"], Json),
            Html
        );
    }
}
