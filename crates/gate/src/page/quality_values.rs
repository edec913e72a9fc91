//! Headers that are lists with quality values: `Accept` and `Accept-Language`
//! ([RFC 9110, 12.4.2](https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2)).

use http::HeaderMap;
use http::header::HeaderName;

/// The items of all headers of this name, without parameters, each with its quality value in thousandths.
/// What cannot be read is left out.
pub(crate) fn quality_values<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'a str, u16)> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| unquoted(list, ','))
        .filter_map(item)
}

fn item(item: &str) -> Option<(&str, u16)> {
    let mut parts = unquoted(item, ';').map(str::trim);
    let value = parts.next().filter(|value| !value.is_empty())?;
    let q = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    match q {
        None => Some((value, 1_000)),
        Some((_, q)) => Some((value, q_value(q.trim())?)),
    }
}

/// Splits where the separator is not within quotes.
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

/// `0.5` is 500. Not read as a floating-point number, whose tables would be 20 KB more of every handler.
fn q_value(q: &str) -> Option<u16> {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    match whole {
        "0" => format!("{fraction:0<3.3}").parse().ok(),
        "1" if fraction.bytes().all(|digit| digit == b'0') => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;

    fn read(values: &[&str]) -> Vec<(String, u16)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                ACCEPT,
                http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        quality_values(&headers, &ACCEPT)
            .map(|(item, q)| (item.to_owned(), q))
            .collect()
    }

    #[test]
    fn items_come_with_their_quality_values() {
        let expected = |items: &[(&str, u16)]| -> Vec<(String, u16)> {
            items
                .iter()
                .map(|(item, w)| ((*item).to_owned(), *w))
                .collect()
        };
        assert_eq!(read(&[]), []);
        assert_eq!(read(&["", " , ,", ";q=1"]), []);
        assert_eq!(
            read(&["a/b, c/d;q=0.5 ;x=1", "e;Q = 0"]),
            expected(&[("a/b", 1000), ("c/d", 500), ("e", 0)])
        );
        assert_eq!(
            read(&[r#"a;t="x,y;q=0";q=0.25,b"#]),
            expected(&[("a", 250), ("b", 1000)])
        );
        // Not UTF-8 is no list; the next header still is.
        assert_eq!(read(&["é", "b"]), expected(&[("b", 1000)]));
    }

    #[test]
    fn a_quality_value_is_at_most_one_and_an_invalid_one_drops_its_item() {
        for (q, expected) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.12345", Some(123)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("2", None),
            ("-1", None),
            ("0.5x", None),
            ("", None),
            ("high", None),
            ("nan", None),
            ("inf", None),
        ] {
            assert_eq!(q_value(q), expected, "{q}");
            assert_eq!(
                read(&[&format!("a;q={q}")]).len(),
                usize::from(expected.is_some())
            );
        }
    }
}
