//! The measurements: one request through a service that does nothing, bare, behind the gate, and behind
//! its peers from tower-http. The same cases serve the times, the instruction counts and the
//! allocations.

mod template;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE};
use http::{HeaderName, HeaderValue, Request, Response, Uri, response};
use http_body_util::Full;
use maintenance_gate::{Builder, Gate, MaintenanceLayer, MemorySource, Page};
use tower::{Layer, Service};
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tower_http::validate_request::ValidateRequestHeaderLayer;

use crate::template::Template;

/// A body that every contestant can make.
pub type Body = Full<Bytes>;

/// The app: it answers at once, and is not inlined into its caller, as no app would be.
#[derive(Clone)]
pub struct App;

impl Service<Request<Body>> for App {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(Body::default())))
    }
}

/// A gate that knows this flag, and for as long as any measurement takes.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn gate(flag: &str) -> Gate {
    gate_with(flag, |builder| {
        builder.page(Page::html("<p>Back soon.</p>".as_bytes()))
    })
}

/// A gate with these pages that knows this flag.
fn gate_with(flag: &str, pages: impl FnOnce(Builder) -> Builder) -> Gate {
    let builder = Gate::builder()
        .app("demo")
        .env("dev")
        .source(MemorySource::new(flag))
        .ttl(Duration::from_secs(3_600));
    let gate = pages(builder).build().expect("the settings are right");
    let _known = now(gate.check(&mut request()));
    gate
}

/// The head of a 503: what every refusal has to clone.
///
/// # Panics
/// If the request passes.
#[must_use]
pub fn refusal() -> response::Parts {
    let answer = gate("on").decide(&mut request()).into_response();
    answer.expect("it is on").into_parts().0
}

/// A GET. Without headers, since to drop them would take longer than most of the measurements.
#[must_use]
pub fn request() -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = Uri::from_static("/orders/42?full=yes");
    request
}

/// The request of a case: one that says what it prefers, as a browser does, where the gate is to look at that.
#[must_use]
pub fn request_of(case: &str) -> Request<Body> {
    let mut request = request();
    if case == AS_BROWSERS_ASK {
        for (name, value) in BROWSER {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
    }
    request
}

/// What Chrome sends.
const BROWSER: [(HeaderName, &str); 2] = [
    (
        ACCEPT,
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    ),
    (ACCEPT_LANGUAGE, "de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7"),
];

/// The output of a future that is ready at once.
///
/// # Panics
/// If it is not.
#[inline]
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it has to wait"),
    }
}

/// One request through a service.
#[inline]
pub fn call<S>(service: &mut S, request: Request<Body>) -> S::Response
where
    S: Service<Request<Body>, Error: std::fmt::Debug>,
{
    let _ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    now(service.call(request)).expect("it cannot fail")
}

/// To drop a request: a part of every other case.
pub const NOTHING: &str = "nothing";

/// Its request has two headers, and to drop them is in its numbers.
const AS_BROWSERS_ASK: &str = "layer, on: 503, negotiated with a browser";

/// The cases, by name. Each measures one request that is already there.
pub const CASES: [&str; 18] = [
    NOTHING,
    "bare",
    "decide, off",
    "layer, off",
    "layer, on: 503",
    "layer, on: 503, built-in page",
    "layer, on: 503, built-in page with an end",
    "layer, on: 503, JSON",
    AS_BROWSERS_ASK,
    "layer, on: 503, own page with placeholders",
    "layer, on for most: 503",
    "layer, read-only: a GET passes",
    "http: a clone of the 503's head",
    "http: a 503 from a template",
    "tower-http: ValidateRequestHeader",
    "tower-http: SetResponseHeader",
    "tower-http: Trace, no subscriber",
    "tower-http: Cors",
];

/// Something that is done again and again.
pub type Work = Box<dyn FnMut(Request<Body>)>;

/// The work of a case.
///
/// # Panics
/// If there is no such case.
#[must_use]
pub fn case(name: &str) -> Work {
    match name {
        NOTHING => Box::new(|request| drop(black_box(request))),
        "bare" => through(App),
        "decide, off" => {
            let gate = gate("off");
            Box::new(move |mut request| {
                let _ = black_box(now(gate.check(&mut request)));
            })
        }
        "layer, off" => through(MaintenanceLayer::new(gate("off")).layer(App)),
        "layer, on: 503" => through(MaintenanceLayer::new(gate("on")).layer(App)),
        "layer, on: 503, built-in page" => refusing("on", |it| it.page(Page::built_in())),
        "layer, on: 503, built-in page with an end" => {
            refusing(WITH_AN_END, |it| it.page(Page::built_in()))
        }
        "layer, on: 503, JSON" => {
            // To a client without a preference: its own JSON page would be served as it is.
            let page = r#"{"error":"maintenance","retry_after":{{retry_after}}}"#;
            refusing("on", |it| it.page(Page::json(page.as_bytes())))
        }
        AS_BROWSERS_ASK => refusing("on", |it| it.page(Page::built_in()).negotiate(true)),
        "layer, on: 503, own page with placeholders" => {
            let page = "<p>{{message}} {{until}} {{retry_after}}</p>";
            refusing(WITH_AN_END, |it| it.page(Page::html(page.as_bytes())))
        }
        "layer, on for most: 503" => {
            let flag = r#"{"schema":1,"mode":"on","bypass":{"paths":["/health"]}}"#;
            through(MaintenanceLayer::new(gate(flag)).layer(App))
        }
        "layer, read-only: a GET passes" => {
            let flag = r#"{"schema":1,"mode":"read-only"}"#;
            through(MaintenanceLayer::new(gate(flag)).layer(App))
        }
        "http: a clone of the 503's head" => {
            let head = refusal();
            Box::new(move |request| {
                drop(black_box(request));
                drop(black_box(head.clone()));
            })
        }
        "http: a 503 from a template" => through(Template::new(App)),
        "tower-http: ValidateRequestHeader" => {
            through(ValidateRequestHeaderLayer::custom(is_open).layer(App))
        }
        "tower-http: SetResponseHeader" => through(
            SetResponseHeaderLayer::overriding(
                HeaderName::from_static("x-maintenance"),
                HeaderValue::from_static("off"),
            )
            .layer(App),
        ),
        "tower-http: Trace, no subscriber" => through(TraceLayer::new_for_http().layer(App)),
        "tower-http: Cors" => through(CorsLayer::permissive().layer(App)),
        other => panic!("there is no case {other:?}"),
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the validation's own type: what refuses answers with a whole response"
)]
fn is_open(request: &mut Request<Body>) -> Result<(), Response<Body>> {
    if request.headers().contains_key("x-closed") {
        return Err(Response::new(Body::default()));
    }
    Ok(())
}

/// A window that ends, so that `Retry-After` counts down.
const WITH_AN_END: &str =
    r#"{"schema":1,"mode":"on","message":"Back soon.","until":"2099-01-01T00:00:00Z"}"#;

fn refusing(flag: &str, pages: impl FnOnce(Builder) -> Builder) -> Work {
    through(MaintenanceLayer::new(gate_with(flag, pages)).layer(App))
}

fn through<S>(mut service: S) -> Work
where
    S: Service<Request<Body>, Error: std::fmt::Debug> + 'static,
{
    Box::new(move |request| {
        black_box(call(&mut service, request));
    })
}
