//! Lambda's control plane: functions, their capacity, their event sources, and an Invoke that echoes. What a
//! deploy does (functions, versions, aliases, policies) is done by seeding, not by calls.
//!
//! No code runs here. Changes that AWS makes in its own time (deploys, provisioned concurrency, mappings)
//! take their time here too, on the sandbox's clock.

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
