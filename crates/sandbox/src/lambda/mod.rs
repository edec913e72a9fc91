//! Lambda's control plane: functions, their capacity, their event sources, and an Invoke that echoes. What a
//! deploy does (functions, versions, aliases, policies) is done by seeding, not by calls.
//!
//! No code runs here. Changes that AWS makes in its own time
//! (deploys, provisioned concurrency, mappings) take their time here too, on the sandbox's clock.

mod account;
mod configuration;
mod dispatch;
mod event_invoke;
mod functions;
mod invoke;
mod listing;
mod mappings;
mod names;
mod policy;
mod provisioned;
mod reserved;
mod route;
mod state;
mod versions;

pub(crate) use dispatch::dispatch;
pub(crate) use names::{FunctionRef, function_arn};
pub(crate) use route::{route, target};
pub(crate) use state::{
    Alias, Configuration, EventInvoke, Function, LambdaState, Mapping, Provisioned,
};
