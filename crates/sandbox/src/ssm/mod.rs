//! Parameter Store: names, values, versions, pages and what a reader may see of them.
//!
//! Encryption is only pretended: a `SecureString` read without decryption comes back scrambled.

mod delete;
mod dispatch;
mod names;
mod page;
mod put;
mod read;
mod state;

pub(crate) use dispatch::dispatch;
pub(crate) use names::arn;
pub use state::ParameterState;
pub(crate) use state::SsmState;
