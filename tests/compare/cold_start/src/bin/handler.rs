//! A Lambda handler without a gate, for its size.

use lambda_http::{Body, Error, Request, Response, run, service_fn};

async fn hello(_request: Request) -> Result<Response<Body>, Error> {
    Ok(Response::new(Body::from("Hello, visitor.\n")))
}

fn main() -> Result<(), Error> {
    cold_start::on_a_runtime(run(service_fn(hello)))
}
