//! A flag in Parameter Store, by one signed request and without the AWS SDK: for a handler that starts
//! within milliseconds and finds its credentials in the environment, as every one in Lambda does.

mod answer;
mod endpoint;
mod request;
mod settings;
mod sign;
mod source;

pub use source::SsmSource;
