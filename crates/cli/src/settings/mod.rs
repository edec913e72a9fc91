//! The settings: what is left when flags, variables, the configuration file and defaults have been
//! laid over each other, and where each value came from.
//!
//! Reading order: `source`, `values` (the rule of each), `file` (what a maintenance.toml may say), `roles`,
//! `window` (what a window gets), `resolve` (which value wins).

mod file;
mod resolve;
mod roles;
mod source;
mod surroundings;
mod values;
mod window;

pub(crate) use file::FILE_NAME;
pub(crate) use resolve::Settings;
pub(crate) use roles::RoleSettings;
pub(crate) use source::{Source, Sourced};
pub(crate) use surroundings::Surroundings;
pub(crate) use values::{
    AppName, End, EnvName, FunctionGlob, Length, Message, Rate, RetryAfter, SiteUrl, StoreChoice,
    or_clear,
};
pub(crate) use window::{Given, now, opens_all};
