//! One HTTP/1.1 exchange at a time with one server, for the sources that need no more: no pool, no
//! redirects, no proxies, no background task.

mod client;
mod connection;
#[cfg(feature = "ssm")]
mod crypto;
#[cfg(feature = "ssm")]
mod tls;

pub(super) use client::{Client, Origin, Scheme};
#[cfg(feature = "ssm")]
pub(super) use connection::Answer;
pub(super) use connection::Request;
