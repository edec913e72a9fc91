//! Lambda's control plane: functions, their capacity, their event sources, and an Invoke that echoes. What a
//! deploy makes (functions, versions, aliases, policies) is seeded.
//!
//! No code runs. AWS's asynchronous changes (deploys, provisioned concurrency, mappings) take time here too, on
//! the sandbox's clock.

mod functions;
mod invoke;
mod listing;
mod mappings;
mod names;
mod operations;
mod provisioned;
mod reserved;
mod state;
mod triggers;

pub(crate) use names::{FunctionRef, bare_name, function_arn};
pub(crate) use operations::OPERATIONS;
pub(crate) use state::{Alias, EventInvoke, Function, LambdaState, Mapping, Provisioned};
