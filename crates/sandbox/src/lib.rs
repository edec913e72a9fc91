//! A strict local Parameter Store and Lambda control plane that speaks AWS's own protocols.
//!
//! It stands in for AWS where this project is tested and shown: the AWS SDKs, boto3 and the aws CLI
//! talk to it unchanged, and it refuses what AWS refuses, in AWS's words and with AWS's status codes.
//! It runs no code of functions and verifies no signature. It is no general emulator: an operation it does
//! not know gets `UnknownOperationException` with its name, never a silent success.
//!
//! # Two transports
//! Over HTTP on loopback, for anything at all:
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
//! A test that blocks its thread, waiting for a child process, uses [`Sandbox::serve_on_thread`].
//!
//! In process, for the AWS SDK for Rust, thousands of calls a second:
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
//! Both transports lead to the same state, so one can seed and watch while the other is tested.
//!
//! # What it enforces
//! - Parameter Store: sizes, names, levels, versions, types, allowed patterns, pages of ten that may be
//!   empty, create without overwrite as the only compare-and-set, reads that lag
//!   ([`SsmSettings::read_lag`]), KMS keys that may not be used ([`SsmSettings::kms_key`]), and 30 s of
//!   rest for a deleted name, which AWS asks for ([`SsmSettings::early_reuse`]).
//! - Lambda: unset, 0 and N apart; the unreserved minimum; the order of reserved and provisioned
//!   concurrency; no provisioned concurrency on a weighted alias; mappings and provisioned concurrency that take their time; 409 while an update is
//!   in progress; the shapes, codes and statuses of errors; pages.
//! - Rate limits of both, by budget ([`Budget`]). They are on by default and off in
//!   [`Settings::quick`].
//!
//! # Faults, log, truth
//! [`Fault`] makes the n-th call of a kind fail, wait, lose its connection, hang or run a callback,
//! before or after its effect ([`Sandbox::inject`]). [`Sandbox::calls`] is the log,
//! [`Sandbox::fleet`] and [`Sandbox::parameters`] are the truth to compare with, and the setters
//! beside them change it as another person or a deploy would. For tests of a real binary, some of it is
//! served over HTTP as well:
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
//! In a fault, `service` (`ssm`, `lambda`), `operation`, `write` (true: any write), `target` (part of
//! the name), `nth`, `times` (0: without end), `every` and `when` may be left out; the actions are
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
pub use edit::NoSuchThing;
pub use fault::{Fault, When};
pub use observe::{Fleet, FunctionState, MappingState};
pub use persist::StateError;
pub use rate::Budget;
pub use sandbox::{ConnectionDropped, Sandbox};
pub use seed::{FunctionSpec, MappingSpec};
pub use server::Server;
pub use settings::{EarlyReuse, EmptyPages, KmsKey, LambdaSettings, Settings, SsmSettings};
pub use ssm::ParameterState;
