//! Answers a bypass link, which carries the token in its query, with a redirect to the same page without the token, and
//! sets a cookie that holds it.
//!
//! The redirect is a reference with a query and nothing else, `?page=2`. A browser resolves it against the URL that it
//! requested and keeps the path from there (RFC 3986, 5.2.2). So the redirect repeats no host, no path and no
//! stage of an API, and nothing in the path can make it lead elsewhere.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderValue, Method, Response, StatusCode};
use maintenance_flag::Token;
use percent_encoding::utf8_percent_encode;

use super::cookie;
use super::token::TokenVerifier;
use crate::request::{QUERY, RequestHead};

/// Returns the redirect for a link with the right token; `None` for any other request.
pub(super) fn redeem(
    head: RequestHead<'_>,
    verifier: &TokenVerifier<'_>,
    cookie: &str,
) -> Option<Response<Bytes>> {
    if !matches!(*head.method, Method::GET | Method::HEAD) {
        return None;
    }
    let query = head.uri.query()?;
    let tokens = query.split('&').filter_map(token).map(str::as_bytes);
    let token = verifier.find(tokens)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(without_token(query)).ok()?);
    headers.insert(
        SET_COOKIE,
        cookie::set(cookie, token, verifier.seconds_left())?,
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The URL of this request, which holds the token, would be the referrer.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

/// Returns the token, if the pair of the query holds one.
fn token(pair: &str) -> Option<&str> {
    pair.strip_prefix(Token::QUERY)?.strip_prefix('=')
}

/// Returns the query as a reference, without the token.
fn without_token(query: &str) -> String {
    let mut rest = String::with_capacity(query.len());
    for pair in query.split('&').filter(|pair| token(pair).is_none()) {
        rest.push(if rest.is_empty() { '?' } else { '&' });
        rest.extend(utf8_percent_encode(pair, QUERY));
    }
    if rest.is_empty() {
        // An empty reference would repeat the query, so write an empty query.
        rest.push('?');
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_the_query_stays_and_no_token_does() {
        for (query, rest) in [
            ("maintenance-bypass=x", "?"),
            ("a=1&maintenance-bypass=x", "?a=1"),
            ("maintenance-bypass=x&a=1", "?a=1"),
            (
                "a=1&maintenance-bypass=x&b=%2F&maintenance-bypass=y",
                "?a=1&b=%2F",
            ),
            (
                "maintenance-bypass&maintenance-bypassed=1&maintenance-bypass=",
                "?maintenance-bypass&maintenance-bypassed=1",
            ),
            ("//evil.example/&maintenance-bypass=x", "?//evil.example/"),
            (
                "a=\"<ü>\\^`{|}\r\n&maintenance-bypass=x",
                "?a=%22%3C%C3%BC%3E%5C%5E%60%7B%7C%7D%0D%0A",
            ),
        ] {
            assert_eq!(without_token(query), rest, "{query}");
        }
    }
}
