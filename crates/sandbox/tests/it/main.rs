//! The sandbox through the AWS SDK for Rust: each rule of AWS that it enforces has a test here that fails
//! without it. One binary, since each would link both SDKs.

mod common;

mod faults;
mod functions;
mod invoke;
mod mappings;
mod provisioned;
mod rates;
mod reserved;
mod ssm_pages;
mod ssm_values;
mod state;
mod transports;
