//! Shared harness of the black-box tests: the real binary, with a cleared environment, in a folder of
//! its own, against a local AWS of its own.
//!
//! Reading order: `test_env` (where a command runs), `output` (what it did), `terminal` (a person at it), `network`
//! (what stands between it and AWS), `stub` (what else it asks), `lambda_runtime` (what
//! runs it as a function).

mod binary;
mod lambda_runtime;
mod local_server;
mod network;
mod output;
mod running;
mod screen;
mod stub;
mod terminal;
mod test_env;

pub use binary::binary;
pub use lambda_runtime::LambdaRuntime;
pub use network::Network;
pub use output::Output;
pub use running::Running;
pub use stub::Stub;
pub use terminal::{Terminal, dead_terminal};
pub use test_env::{TestEnv, quick_sandbox};
