//! A lambda_http handler that streams its response, behind the gate. A refusal goes the same way, in
//! one piece.
//!
//! `MAINTENANCE_APP=demo MAINTENANCE_ENV=dev cargo lambda watch --example lambda_http_streaming`

use std::convert::Infallible;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use lambda_http::http::Response;
use lambda_http::{Error, Request, run_with_streaming_response, service_fn, tracing};
use maintenance_gate::{Gate, Maintenance};

type Body = UnsyncBoxBody<bytes::Bytes, Infallible>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let gate = Gate::from_env()?;
    let app = service_fn(|_request: Request| async {
        let pieces =
            ["Hello, ", "visitor.\n"].map(|piece| Ok(hyper::body::Frame::data(piece.into())));
        let body: Body = StreamBody::new(stream::iter(pieces)).boxed_unsync();
        Ok::<_, Error>(Response::new(body))
    });
    run_with_streaming_response(Maintenance::new(app, gate)).await
}
