//! Parameter Store: names, values, versions, pages and what a reader may see of them.
//!
//! Encryption is only pretended: a `SecureString` read without decryption comes back scrambled, and
//! whether the caller may use its key is a setting.

mod delete;
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
pub(crate) use state::SsmState;
