//! One contract for every parameter store: what the operations rely on, asked of Parameter Store (on
//! the sandbox, and on whatever endpoint is given) and of the file store.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod contract;
mod files;
mod parameter_store;
mod stores;
