//! Lets a browser app on another origin see the 503 and its body, rather than an opaque failure
//! ([Fetch, 3.3](https://fetch.spec.whatwg.org/#http-cors-protocol)).
//!
//! Only answers of the gate: what passes has the app's own headers, or none.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::answer::X_MAINTENANCE;
use crate::asked::Asked;
use crate::body::PageText;
use crate::build_error::BuildError;

/// How long a browser may rely on the answer to a preflight, in seconds: after the maintenance the
/// app's own answer counts.
const MAX_AGE: &str = "5";

/// Which other origins may see the gate's answers, and have their preflights answered by it.
///
/// To requests that pass it adds nothing: the app answers them as before. Where a CORS layer stands
/// around the gate, leave it unset.
#[derive(Debug, Clone)]
pub struct Cors(Who);

#[derive(Debug, Clone)]
enum Who {
    Any,
    Listed(Vec<String>),
}

impl Cors {
    /// Every origin, for requests without credentials: a browser does not show the answer to a
    /// request with cookies to an origin that is not [listed](Self::origins).
    #[must_use]
    pub fn any() -> Self {
        Self(Who::Any)
    }

    /// These origins and no other, also for requests with credentials. An origin is written as the
    /// browser sends it: `https://app.example.com`, without a slash at the end and without the usual
    /// port; building the gate fails otherwise.
    #[must_use]
    pub fn origins<I>(origins: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self(Who::Listed(origins.into_iter().map(Into::into).collect()))
    }

    /// Reads `*`, or origins with commas between them.
    pub(crate) fn parse(text: &str) -> Self {
        let origins = text.split(',').map(str::trim);
        match text.trim() {
            "*" => Self::any(),
            _ => Self::origins(origins.filter(|origin| !origin.is_empty())),
        }
    }

    pub(crate) fn check(self) -> Result<Allowed, BuildError> {
        match self.0 {
            Who::Any => Ok(Allowed::Any),
            Who::Listed(origins) if origins.is_empty() => Err(wrong(
                "no origin is listed for CORS".to_owned(),
                "no other origin would see the page",
            )),
            Who::Listed(origins) => {
                let checked = origins.iter().map(|origin| {
                    check_origin(origin).map_err(|why| {
                        wrong(format!("the CORS origin {origin:?} is not valid"), why)
                    })
                });
                checked.collect::<Result<_, _>>().map(Allowed::Listed)
            }
        }
    }
}

fn wrong(what: String, why: &'static str) -> BuildError {
    BuildError::new(
        what,
        why,
        "List origins such as https://app.example.com in MAINTENANCE_CORS_ORIGINS or the code that sets them, or `*` alone for all",
    )
}

/// An origin as browsers serialise it: what is written otherwise would never match.
fn check_origin(origin: &str) -> Result<HeaderValue, &'static str> {
    // A page in a sandboxed frame of anybody's has this one.
    if origin == "null" {
        return Err("any page can send this origin");
    }
    let (scheme, host) = origin
        .split_once("://")
        .ok_or("it must be a scheme, `://` and a host")?;
    let letters = |text: &str, more: &[u8]| {
        text.bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(&c))
    };
    if scheme.is_empty() || !letters(scheme, b"+-.") {
        return Err("its scheme is not one that a browser sends");
    }
    let (name, port) = match host.rsplit_once(':') {
        // The colons of an IPv6 address are within brackets.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_ipv6 = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    if !is_ipv6 && (name.is_empty() || !letters(name, b"-._")) {
        return Err(
            "its host is not as a browser sends it: lower case, no path, no slash at the end, no `*`",
        );
    }
    if let Some(port) = port {
        let usual = match scheme {
            "https" => "443",
            "http" => "80",
            _ => "",
        };
        // As a number is written, and as a browser writes it: without leading zeros.
        if port == usual
            || port
                .parse::<u16>()
                .ok()
                .map(|port| port.to_string())
                .as_deref()
                != Some(port)
        {
            return Err("its port is not as a browser sends it: a number, and not the usual one");
        }
    }
    HeaderValue::from_str(origin).map_err(|_| "it is not ASCII")
}

/// Checked.
#[derive(Debug, Clone)]
pub(crate) enum Allowed {
    Any,
    Listed(Vec<HeaderValue>),
}

impl Allowed {
    /// Whether an answer depends on who asks.
    pub(crate) fn is_listed(&self) -> bool {
        matches!(self, Self::Listed(_))
    }

    /// The origin to allow, if the request comes from one that may see the answer.
    fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Listed(origins) => {
                let origin = headers.get(ORIGIN)?;
                origins.contains(origin).then(|| origin.clone())
            }
        }
    }

    /// Adds to an answer what lets its asker see it.
    pub(crate) fn mark(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        let Some(origin) = self.origin(asked) else {
            return;
        };
        self.allow(origin, answer);
        answer.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Retry-After, X-Maintenance"),
        );
    }

    fn allow(&self, origin: HeaderValue, answer: &mut HeaderMap) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.is_listed() {
            answer.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    /// The answer to a preflight of an origin that may ask: whatever it announces, so that it gets to
    /// see the 503.
    pub(crate) fn preflight(&self, asked: Asked<'_>) -> Option<Response<PageText>> {
        if *asked.method != Method::OPTIONS || !asked.headers.contains_key(ORIGIN) {
            return None;
        }
        let method = asked.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let origin = self.origin(asked.headers)?;
        let mut response = Response::new(PageText::EMPTY);
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.allow(origin, headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(announced) = asked.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, announced.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_MAINTENANCE, HeaderValue::from_static("on"));
        headers.insert(
            VARY,
            HeaderValue::from_static(
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        );
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_as_a_browser_sends_it() {
        for good in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://[2001:db8::1]",
            "https://xn--bcher-kva.example",
            "capacitor://localhost",
            "http://my_host",
            "https://a.example:80",
        ] {
            assert_eq!(check_origin(good).unwrap(), good);
        }
        for bad in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "://a.example",
            "https://a.example/",
            "https://a.example/app",
            "https://a.example?x",
            "https://A.example",
            "HTTPS://a.example",
            "https://*.example.com",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:",
            "https://a.example:0443",
            "https://a.example:99999",
            "https://a.example:+1",
            "https://u:p@a.example",
            "https://bücher.example",
            "https://a.example b.example",
            "https://[::1",
            "https://[app]",
            "https://::1",
        ] {
            assert!(check_origin(bad).is_err(), "{bad}");
            assert!(Cors::origins(["https://a.example", bad]).check().is_err());
        }
    }

    #[test]
    fn a_list_has_commas_and_a_star_stands_alone() {
        let listed = |text: &str| match Cors::parse(text).check() {
            Ok(Allowed::Listed(origins)) => Some(origins.len()),
            Ok(Allowed::Any) => Some(0),
            Err(_) => None,
        };
        assert_eq!(listed("*"), Some(0));
        assert_eq!(listed(" https://a.example , https://b.example,"), Some(2));
        assert_eq!(listed("https://a.example,*"), None);
        assert_eq!(listed(" , "), None);
    }
}
