//! Reads the flag from Parameter Store with one signed request and without the AWS SDK: for a handler that starts
//! within milliseconds.

mod answer;
mod connector;
mod credentials;
mod request;
mod settings;
mod source;

pub use source::SsmSource;
