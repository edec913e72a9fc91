//! A strict local Parameter Store and Lambda control plane that speaks AWS's own protocols.
//!
//! It replaces AWS in this project's tests and demonstrations. The AWS SDKs, boto3 and the aws CLI talk to it
//! unchanged, and it refuses what AWS refuses, with AWS's messages and status codes. It runs no function code
//! and verifies no signature. It is not a general emulator: an operation that it does not have gets
//! `UnknownOperationException` with its name, never a silent success.
//!
//! # Two transports
//! Over HTTP on loopback, for every client:
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use maintenance_sandbox::{FunctionSpec, Sandbox, Settings};
//! let sandbox = Sandbox::new(Settings::demo());
//! sandbox.seed(FunctionSpec::new("demo-dev-mail").reserved(20));
//! let server = sandbox.serve().await?;
//! println!("export AWS_ENDPOINT_URL={}", server.endpoint_url());
//! println!("export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox");
//! # Ok(()) }
//! ```
//! A test that blocks its thread to wait for a child process uses [`Sandbox::serve_on_thread`].
//!
//! In process, for the AWS SDK for Rust, at thousands of calls per second:
//! ```
//! # use aws_credential_types::Credentials;
//! # use aws_sdk_lambda::config::{BehaviorVersion, Region};
//! # use maintenance_sandbox::{FunctionSpec, Sandbox, Settings};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Under #[tokio::test(start_paused = true)] durations cost nothing.
//! let sandbox = Sandbox::new(Settings::quick());
//! sandbox.seed(FunctionSpec::new("demo-dev-mail").reserved(20));
//! let config = aws_sdk_lambda::Config::builder()
//!     .behavior_version(BehaviorVersion::v2026_01_12())
//!     .region(Region::new("us-east-1"))
//!     .credentials_provider(Credentials::from_keys("sandbox", "sandbox", None))
//!     .http_client(sandbox.http_client())
//!     .build();
//! let lambda = aws_sdk_lambda::Client::from_conf(config);
//! let function = lambda.get_function_concurrency().function_name("demo-dev-mail");
//! assert_eq!(function.send().await?.reserved_concurrent_executions(), Some(20));
//! # Ok(()) }
//! ```
//! Both transports share one state.
//!
//! # What it enforces
//! - Parameter Store: sizes, names, levels, versions, types, allowed patterns, pages of ten that may be
//!   empty, create-if-absent as the only compare-and-set, reads that lag ([`SsmSettings::read_lag`]), KMS
//!   keys without permission ([`SsmSettings::kms_key`]), and the 30 s that AWS asks to wait before a deleted
//!   name is created again ([`SsmSettings::early_reuse`]).
//! - Lambda: unset, 0 and N are different reservations; the unreserved minimum; reserved concurrency at or
//!   above provisioned; no provisioned concurrency on a weighted alias; mappings and provisioned concurrency
//!   that change asynchronously; 409 while an update is in progress; the shapes, codes and statuses of errors;
//!   pages.
//! - The rate limits of both, by [`Budget`]. They are on by default and off in [`Settings::quick`].
//!
//! # Faults, log, state
//! A [`Fault`] fails, delays, drops or holds the n-th call of a kind, or runs a callback, before or after the
//! call's effect ([`Sandbox::inject`]). [`Sandbox::calls`] is the log. [`Sandbox::fleet`] and
//! [`Sandbox::parameters`] are the state, and setters change it as another person or a deploy would, without
//! a call. Tests of a real binary reach some of this over HTTP:
//!
//! | request | does |
//! |---|---|
//! | `POST /_sandbox/faults` | injects a fault, as `{"operation": "PutParameter", "nth": 2, "when": "after", "action": "hang"}` |
//! | `DELETE /_sandbox/faults` | removes all faults |
//! | `GET /_sandbox/calls` | counts of calls |
//! | `DELETE /_sandbox/calls` | forgets the log and the counts |
//! | `GET /_sandbox/functions` | every function's settings |
//! | `POST /_sandbox/rate-limits` | `true` or `false` |
//!
//! A fault's fields are `service` (`ssm`, `lambda`), `operation`, `write` (true: any write), `target` (part of
//! the name), `nth`, `times` (0: no limit), `every`, `when` and `action`; all are optional. The actions are
//! `"drop"`, `"hang"`, `"throttle"`, `"access-denied"`, `{"delay_ms": 500}` and
//! `{"fail": {"code": "ServiceException", "status": 500, "message": "…"}}`.

mod admin;
mod api;
mod calls;
mod clock;
mod connector;
mod edit;
mod error;
mod fault;
mod held;
mod identity;
mod lambda;
mod observe;
mod persist;
mod rate;
mod sandbox;
mod seed;
mod server;
mod settings;
mod ssm;
mod state;
mod wire;

pub use api::Service;
pub use calls::{CallCounts, CallInfo, CallRecord, Outcome};
pub use clock::Clock;
pub use edit::NotFound;
pub use fault::{Fault, When};
pub use observe::{Fleet, FunctionState, MappingState};
pub use persist::StateError;
pub use rate::Budget;
pub use sandbox::{ConnectionDropped, Sandbox};
pub use seed::{FunctionSpec, MappingSpec};
pub use server::Server;
pub use settings::{
    EarlyReuse, EmptyPages, IamSettings, KmsKey, LambdaSettings, Settings, SsmSettings,
};
pub use ssm::ParameterState;
