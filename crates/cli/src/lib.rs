//! The `maintenance` command: arguments → settings → one operation → one report, printed once.
//!
//! Reading order: `args` (what was typed), `settings` (what it means), `commands` (what is done),
//! `words` (how a report reads), `output` (the only place that prints), `exit_code`.

mod args;
mod commands;
mod confirm;
pub mod exit_code;
mod failure;
mod link;
mod output;
mod playground;
mod printable;
mod progress;
mod runtime;
mod settings;
mod suggest;
mod usage;
mod words;

pub use runtime::main;
