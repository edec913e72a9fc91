//! Parameter Store: names, values, versions, pages, and reads that lag.
//!
//! Encryption is simulated: a `SecureString` read without decryption comes back scrambled, and a setting says
//! whether the caller may use its key.

mod calendar;
mod delete;
mod history;
mod kms;
mod names;
mod operations;
mod page;
mod put;
mod read;
mod state;

pub(crate) use names::arn;
pub(crate) use operations::OPERATIONS;
pub use state::ParameterState;
pub(crate) use state::{Calendar, SsmState};
