//! Where a person goes after signing in: a page of this server, whatever a link says.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a query's value as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The page where a person signs in, and then goes on to `next`.
pub(crate) fn login_url(next: Option<&str>) -> String {
    match next.map(local_path) {
        None | Some("/") => "/login".to_owned(),
        Some(next) => format!("/login?next={}", utf8_percent_encode(next, ESCAPED)),
    }
}

/// `next`, if it is a path of this server, with a query or without; else `/`. Browsers take `//host` and
/// `/\\host` for another server, and leave out tabs and line breaks first [URL Standard, basic URL parser].
#[must_use]
pub fn local_path(next: &str) -> &str {
    let is_plain = next
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_plain && next.starts_with('/') && !next.starts_with("//") {
        next
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_to_a_page_of_this_server_only() {
        for good in [
            "/",
            "/products/shop",
            "/history?app=shop&page=2",
            "/a//b",
            "/a:b@c",
        ] {
            assert_eq!(local_path(good), good);
        }
        for bad in [
            "",
            "products",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "https://evil.example/",
            "https:evil.example",
            "javascript:alert(1)",
            "/\r\nSet-Cookie: a=b",
            "/\u{e9}",
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn comes_back_to_the_whole_path_that_was_asked_for() {
        assert_eq!(login_url(None), "/login");
        assert_eq!(login_url(Some("/")), "/login");
        assert_eq!(login_url(Some("//evil.example")), "/login");
        assert_eq!(
            login_url(Some("/history?app=shop&page=2#x")),
            "/login?next=/history%3Fapp%3Dshop%26page%3D2%23x"
        );
    }
}
