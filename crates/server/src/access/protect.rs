//! What every request and answer goes through.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{
    ConnectInfo, DefaultBodyLimit, FromRequestParts, OptionalFromRequestParts, Request, State,
};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::StreamExt as _;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header};
use tower::{Layer, ServiceExt};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use super::caller::{Caller, unauthorized};
use super::{Access, audit, authenticate, next};
use crate::deadline::Deadline;
use crate::problem::{Code, MAX_BODY, Problem};

/// How long an answer may take to begin. That of an event stream begins at once.
const TIME_OUT: Duration = Duration::from_secs(30);

/// What every answer says to a browser.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Where a request comes from, as far as that is known: an extractor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(unauthorized)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

impl Access {
    /// The router of both: `private` routes need a [`Caller`], `public` ones do not (the page where
    /// people sign in, its style, `/healthz`, `/__status`).
    pub fn protect<S>(&self, private: Router<S>, public: Router<S>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        // Of routes alone, so that a path that does not exist is answered 404.
        let private = private.route_layer(from_fn_with_state(self.clone(), authenticate));
        private
            .merge(public)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(from_fn_with_state(self.clone(), check_request))
    }

    /// Public routes that say more to a [`Caller`]. A token that is not valid is refused all the same.
    pub fn identify<S>(&self, public: Router<S>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        public.route_layer(from_fn_with_state(self.clone(), identify))
    }
}

/// Steps 1 and 2, and the headers of the answer.
async fn check_request(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let proxied = access.0.options.behind_proxy;
    let client = client_address(request.headers(), request.extensions(), proxied);
    request.extensions_mut().insert(client);
    let in_function = request.extensions().get::<Deadline>().is_some();
    let answered = async {
        if authenticate::bearer(request.headers()).is_some() {
            return next.run(request).await;
        }
        let refused = move |_: ProtectionError| {
            let detail = "the request comes from a page of another site";
            audit::refused(client.0, Code::Forbidden.status(), detail);
            Problem::new(Code::Forbidden, detail).into_response()
        };
        let csrf = CsrfLayer::new().with_rejection_response(refused);
        let Ok(response) = csrf.layer(next).oneshot(request).await;
        response
    };
    let mut response = match in_function {
        // An operation is part of the request there, and the function has a time-out of its own.
        true => answered.await,
        false => {
            let answered = tokio::time::timeout(TIME_OUT, answered).await;
            answered.unwrap_or_else(|_| {
                let detail = "the answer took longer than 30 seconds";
                Problem::new(Code::Timeout, detail).into_response()
            })
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    // Styles and the script say for themselves how long they may be kept.
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

/// Steps 3 and 4.
async fn authenticate(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let client = request.extensions().get().copied();
    let client = client.unwrap_or(ClientAddress(None));
    let caller = match access.caller(request.headers(), client).await {
        Ok(Some(caller)) => caller,
        Ok(None) if is_for_a_person(request.headers()) => return to_sign_in(&request),
        Ok(None) => return unauthorized().into_response(),
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(caller.clone());
    if request.method().is_safe() {
        let headers = request.headers().clone();
        let response = next.run(request).await;
        return match is_event_stream(&response) {
            true => response.map(|body| {
                let events = body.into_data_stream();
                Body::from_stream(events.take_until(Box::pin(access.until_refused(headers))))
            }),
            false => response,
        };
    }
    let change = audit::Change::new(&request, caller, client.0);
    let response = next.run(request).await;
    change.answered(&response);
    response
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

async fn identify(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let client = request.extensions().get().copied();
    let client = client.unwrap_or(ClientAddress(None));
    match access.caller(request.headers(), client).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
        }
        Ok(None) => {}
        Err(problem) => return problem.into_response(),
    }
    next.run(request).await
}

/// Whether a browser shows the answer as a page. None sends a token by itself, and some HTTP libraries prefer HTML
/// unless told (Java's `HttpURLConnection`).
pub(crate) fn is_for_a_person(headers: &HeaderMap) -> bool {
    if authenticate::bearer(headers).is_some() {
        return false;
    }
    let accepts = headers.get_all(header::ACCEPT).into_iter();
    let mut accepts = accepts.filter_map(|value| value.to_str().ok());
    accepts.any(|value| value.contains("text/html"))
}

/// Sends a person to the page where they sign in. A page that was asked for comes next; a form that was
/// sent does not, since its content is gone.
fn to_sign_in(request: &Request) -> Response {
    let path = request.uri().path_and_query().map(|path| path.as_str());
    let path = path.filter(|_| request.method() == Method::GET);
    Redirect::to(&next::login_url(path)).into_response()
}

/// The address of the client: that of the connection, or behind a proxy the last one in `X-Forwarded-For`,
/// which the proxy itself has written; clients can forge those before it.
fn client_address(headers: &HeaderMap, extensions: &Extensions, proxied: bool) -> ClientAddress {
    let connection = extensions.get::<ConnectInfo<SocketAddr>>();
    let connection = connection.map(|info| info.0.ip());
    if !proxied {
        return ClientAddress(connection);
    }
    let forwarded = headers.get_all("x-forwarded-for").into_iter().next_back();
    let forwarded = forwarded.and_then(|value| value.to_str().ok());
    let last = forwarded.and_then(|value| value.rsplit(',').next());
    let last = last.and_then(|address| {
        let address = address.trim();
        // A load balancer may add the port.
        let socket = || Some(address.parse::<SocketAddr>().ok()?.ip());
        address.parse().ok().or_else(socket)
    });
    ClientAddress(last.or(connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(forwarded: &[&'static str], proxied: bool) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        let mut extensions = Extensions::new();
        let peer: SocketAddr = "198.51.100.7:1234".parse().unwrap();
        extensions.insert(ConnectInfo(peer));
        let ClientAddress(address) = client_address(&headers, &extensions, proxied);
        address.map(|address| address.to_string())
    }

    #[test]
    fn the_client_is_the_last_that_the_proxy_names_and_only_behind_one() {
        for (forwarded, proxied, address) in [
            (&["192.0.2.1"][..], false, "198.51.100.7"),
            (&["192.0.2.1"], true, "192.0.2.1"),
            (&["10.0.0.1, 192.0.2.1"], true, "192.0.2.1"),
            (&["10.0.0.1", "192.0.2.1"], true, "192.0.2.1"),
            (&["192.0.2.1:4711"], true, "192.0.2.1"),
            (&["[2001:db8::1]:4711"], true, "2001:db8::1"),
            (&["2001:db8::1"], true, "2001:db8::1"),
            (&["192.0.2.1, unknown"], true, "198.51.100.7"),
            (&[], true, "198.51.100.7"),
        ] {
            assert_eq!(
                client(forwarded, proxied).as_deref(),
                Some(address),
                "{forwarded:?}"
            );
        }
    }
}
