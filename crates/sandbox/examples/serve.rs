//! Serves an account with two functions until it is interrupted, for a look with the aws CLI:
//!
//! ```text
//! cargo run -p maintenance-sandbox --example serve
//! ```

use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox, Settings};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let sandbox = Sandbox::new(Settings::demo());
    sandbox.seed(
        FunctionSpec::new("demo-dev-mail")
            .reserved(20)
            .alias("live", 1)
            .provisioned("live", 5)
            .tag("role", "worker"),
    );
    sandbox.seed(FunctionSpec::new("demo-dev-orders").mapping(MappingSpec::sqs("orders")));
    let server = sandbox.serve().await?;
    println!("export AWS_ENDPOINT_URL={}", server.endpoint_url());
    println!("export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1");
    println!("export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox");
    tokio::signal::ctrl_c().await
}
