//! The `maintenance` command: arguments → settings → one operation → one report, printed once.
//!
//! Reading order: `args` (what was typed), `settings` (what it means), `commands` (what is done),
//! `render` (how a report reads), `output` (the only place that prints), `exit_code`.

mod args;
mod commands;
mod confirm;
mod demo;
mod error;
pub mod exit_code;
mod invocation;
mod link;
mod output;
mod printable;
mod progress;
mod render;
mod runtime;
mod settings;
mod suggest;
mod usage;

pub use runtime::main;
