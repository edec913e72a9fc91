//! The same handler behind a gate that asks Parameter Store by a signed request of its own.

use lambda_http::{Body, Error, Request, Response, run, service_fn};
use maintenance_gate::{Gate, Maintenance, SsmSource};

async fn hello(_request: Request) -> Result<Response<Body>, Error> {
    Ok(Response::new(Body::from("Hello, visitor.\n")))
}

fn main() -> Result<(), Error> {
    let gate = Gate::builder()
        .source(SsmSource::from_env())
        .from_env()
        .build()?;
    let service = Maintenance::new(service_fn(hello), gate);
    cold_start::on_a_runtime(run(service))
}
