//! What the tests share.

mod asking;
mod bench;
mod capture;
mod extension;
mod http_client;
mod runtime_api;
mod samples;
mod scripted;
mod shapes;
mod stub;
mod window;

pub(crate) use asking::refused;
pub(crate) use bench::{Bench, is_about, settle, until_asked};
pub(crate) use capture::captured;
pub(crate) use extension::{Extension, TOKEN};
pub(crate) use http_client::{Answered, send};
pub(crate) use runtime_api::{RuntimeApi, example};
pub(crate) use samples::samples;
pub(crate) use scripted::{Scripted, SteeredTimer};
pub(crate) use shapes::Shape;
pub(crate) use stub::{Authority, Received, Reply, Stub};
pub(crate) use window::{at, flag, request_with, stored_token, token, with_flag};

use http::{Method, Request};
use maintenance_gate::{Builder, Gate};

/// A moment to start from, in milliseconds since the epoch.
pub(crate) const START: u64 = 1_795_000_000_000;

/// The flag that all tests read.
pub(crate) const PARAMETER: &str = "/maintenance/demo-dev/flags/web";

/// A builder for `demo-dev`.
pub(crate) fn demo() -> Builder {
    Gate::builder().app("demo").env("dev")
}

/// A request without a body.
pub(crate) fn request(method: Method, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(path).body(());
    request.unwrap()
}

/// `GET /`.
pub(crate) fn get() -> Request<()> {
    request(Method::GET, "/")
}
