//! The `maintenance` command: arguments → settings → one operation → one report, printed once.
//!
//! # Where things are
//!
//! The layers, each of which knows only those above it in this list:
//!
//! | module | |
//! |---|---|
//! | [`exit_code`], `printable`, `suggest`, `error` | an error, and the exit code |
//! | `source`, `values` | where a value comes from, and the rule that it keeps |
//! | `args` | the arguments, and the variables that stand for them |
//! | `settings` | options, variables and maintenance.toml, laid over each other |
//! | `command_context` | a command as it must be typed to act on the same app |
//! | `render` | how reports and events read; `render/error` and `render/problem` have the hints for the library's errors and for what an operation left; a hint about an argument or a setting stands where that is checked |
//! | `output` | the only module that prints |
//! | `connection`, `signals`, `progress`, `child` | reaching AWS; Ctrl-C; how far an operation is; the command that `require` and `during` run |
//! | `demo`, `link` | the demo app; the bypass link |
//! | `commands` | one module for each command, and which one it is |
//! | `usage`, `process` | errors in the arguments; from the arguments to the exit code |

mod args;
mod child;
mod command_context;
mod commands;
mod connection;
mod demo;
mod error;
pub mod exit_code;
mod link;
mod output;
mod printable;
mod process;
mod progress;
mod render;
mod settings;
mod signals;
mod source;
mod suggest;
mod usage;
mod values;

pub use process::main;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
