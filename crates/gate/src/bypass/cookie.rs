//! The cookie that a bypass link sets: its name, its `Set-Cookie` header with `Max-Age`, and the values that a browser
//! sends back.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// Makes browsers accept the cookie only over TLS, for this host alone and for every path, so that no other domain can
/// set or overwrite it.
/// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes>
const PREFIX: &str = "__Host-maintenance";

/// Returns the name of the cookie for a role of an app.
pub(crate) fn name(app: &str, role: &str) -> String {
    format!("{PREFIX}-{app}-{role}")
        .chars()
        .map(|letter| match letter {
            '-' | '_' | '.' => letter,
            _ if letter.is_ascii_alphanumeric() => letter,
            _ => '-',
        })
        .collect()
}

/// Builds the value of `Set-Cookie`: the cookie holds the token and expires after `seconds`. `SameSite` is Lax, since a
/// browser would not send a Strict cookie after the redirect of a link in a chat.
pub(super) fn set(name: &str, token: &str, seconds: u64) -> Option<HeaderValue> {
    let cookie =
        format!("{name}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    let mut value = HeaderValue::try_from(cookie).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Yields the values of all cookies with this name, in the order of the headers.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(move |pair| {
            pair.trim_ascii()
                .strip_prefix(name.as_bytes())?
                .strip_prefix(b"=")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_holds_only_what_a_cookies_name_may() {
        assert_eq!(name("demo-dev", "web"), "__Host-maintenance-demo-dev-web");
        assert_eq!(
            name("a.b_c;d e=ü\r", "w"),
            "__Host-maintenance-a.b_c-d-e----w"
        );
    }

    #[test]
    fn finds_every_cookie_of_the_name_and_no_other() {
        let mut headers = HeaderMap::new();
        for line in [
            "a=1; n=x;n=y ;  n=z=z; nn=no; xn=no; n; N=no; =n=no",
            "ü=1; n=",
        ] {
            headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let found: Vec<_> = values(&headers, "n").collect();
        assert_eq!(found, [&b"x"[..], b"y", b"z=z", b""]);
        assert_eq!(values(&HeaderMap::new(), "n").count(), 0);
    }

    #[test]
    fn sets_no_cookie_that_would_break_the_header() {
        assert!(set("n", "a\r\nSet-Cookie: b", 1).is_none());
        let cookie = set("n", "t", 60).unwrap();
        assert_eq!(
            cookie.to_str().unwrap(),
            "n=t; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"
        );
    }
}
