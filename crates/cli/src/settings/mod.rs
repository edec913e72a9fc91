//! The settings: what is left when flags, variables, the configuration file and defaults have been
//! laid over each other, and where each value came from.
//!
//! Reading order: `source`, `file` (what a maintenance.toml may say), `roles`, `window` (what a window
//! gets), `resolve` (who wins).

mod file;
mod reader;
mod resolve;
mod roles;
mod source;
mod surroundings;
mod window;

pub(crate) use file::FILE_NAME;
pub(crate) use resolve::{Settings, StoreChoice};
pub(crate) use source::{Source, Sourced};
pub(crate) use surroundings::Surroundings;
pub(crate) use window::{Given, now};
