//! Serves an account for the aws CLI until it is interrupted: with two functions, or with a number of workers,
//! of which every second one has a reservation of 5.
//!
//! ```text
//! cargo run -p maintenance-sandbox --example serve
//! cargo run -p maintenance-sandbox --example serve -- 30
//! ```

use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::new(Settings::demo());
    match std::env::args().nth(1) {
        Some(workers) => {
            for n in 0..workers.parse()? {
                let worker = FunctionSpec::new(&format!("demo-dev-worker-{n:03}"));
                sandbox.seed(if n % 2 == 0 {
                    worker.reserved(5)
                } else {
                    worker
                });
            }
        }
        None => {
            let mail = FunctionSpec::new("demo-dev-mail").reserved(20);
            let mail = mail.alias("live", 1).provisioned("live", 5);
            sandbox.seed(mail.tag("role", "worker"));
            let orders = FunctionSpec::new("demo-dev-orders");
            sandbox.seed(orders.mapping(MappingSpec::sqs("orders")));
        }
    }
    let server = sandbox.serve().await?;
    println!("export AWS_ENDPOINT_URL={}", server.endpoint_url());
    println!("export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1");
    println!("export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox");
    Ok(tokio::signal::ctrl_c().await?)
}
