//! Parses headers that are lists with quality values: `Accept` and `Accept-Language`
//! ([RFC 9110, 12.4.2](https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2)).

use http::HeaderMap;
use http::header::HeaderName;

/// Yields the items of all headers with this name, without parameters, each with its quality value in thousandths.
/// Skips invalid items. Gives quotes no meaning, since no item that the gate knows has any.
///
/// Splits bytes: to split a string at a character takes three times as long.
pub(crate) fn quality_values<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'a [u8], u16)> {
    let lists = headers.get_all(name).into_iter();
    lists
        .flat_map(|list| list.as_bytes().split(|byte| *byte == b','))
        .filter_map(item)
}

fn item(item: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let value = parts.next().filter(|value| !value.is_empty())?;
    let q = parts.find_map(|parameter| {
        let name = parameter.first().filter(|name| matches!(name, b'q' | b'Q'));
        let rest = name.and_then(|_| parameter.get(1..))?;
        rest.trim_ascii_start().strip_prefix(b"=")
    });
    match q {
        None => Some((value, 1_000)),
        Some(q) => Some((value, q_value(q.trim_ascii())?)),
    }
}

/// Parses a quality value: `0.5` is 500. To parse floating-point numbers would add 20 KB of tables to every handler.
fn q_value(q: &[u8]) -> Option<u16> {
    let (whole, fraction) = match q {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut digits = fraction.iter().map(|digit| u16::from(digit & 0xf));
    match whole {
        b'0' => {
            let places = [100_u16, 10, 1].into_iter().zip(digits);
            Some(
                places
                    .map(|(place, digit)| place.saturating_mul(digit))
                    .sum(),
            )
        }
        b'1' => digits.all(|digit| digit == 0).then_some(1_000),
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
            .map(|(item, q)| (String::from_utf8_lossy(item).into_owned(), q))
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
            read(&[r#"a;t="x,y";q=0.25,b"#]).last(),
            Some(&("b".to_owned(), 1000))
        );
        assert_eq!(
            read(&["é;q=0.1", "b"]),
            expected(&[("é", 100), ("b", 1000)])
        );
    }

    #[test]
    fn a_quality_value_is_at_most_one_and_an_invalid_one_drops_its_item() {
        for (q, expected) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.12345", Some(123)),
            ("0.07", Some(70)),
            ("0.999", Some(999)),
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
            assert_eq!(q_value(q.as_bytes()), expected, "{q}");
            assert_eq!(
                read(&[&format!("a;q={q}")]).len(),
                usize::from(expected.is_some())
            );
        }
    }
}
