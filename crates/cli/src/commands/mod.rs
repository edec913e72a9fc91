//! The commands: each takes settings, does one thing, and says how it ended.

mod config;
mod connect;
mod demo;
mod dev;
mod first_time;
mod init;
mod on_off;
mod pages;
mod run;
mod status;
mod unlock;
mod workers;

pub(crate) use connect::Connection;
pub(crate) use run::run;
