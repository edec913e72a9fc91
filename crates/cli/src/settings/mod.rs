//! The settings: options, variables, the configuration file and defaults, laid over each other, and where
//! each value came from.
//!
//! Reading order: `environment`, `written` (where the keys of a file stand), `tables` and `file` (what a maintenance.toml may
//! say),
//! `roles`, `window` (the options of a window), `start` (when one that is scheduled begins), `resolve` (which value
//! wins), `target` and `products` (which app, or which apps), `windows` (windows that open again and again),
//! `variables` (those in values of the file), `notify` (whom to tell), `observers` (monitors).

mod environment;
mod file;
mod notify;
mod observers;
mod products;
mod resolve;
mod roles;
mod start;
mod tables;
mod target;
mod variables;
mod window;
mod windows;
mod written;

pub(crate) use environment::Environment;
pub(crate) use file::FILE_NAME;
pub(crate) use notify::NotifySettings;
pub(crate) use observers::{ObservedPlace, ObserverSettings, Watches};
pub(crate) use products::Configuration;
pub(crate) use resolve::Settings;
pub(crate) use roles::RoleSettings;
pub(crate) use start::Period;
pub(crate) use target::{ProductSettings, Target};
pub(crate) use window::{WindowOptions, now, opens_all};
pub(crate) use windows::WindowSettings;
