//! The demonstration app: what `maintenance demo` plays through and `maintenance dev` serves.
//!
//! A local AWS with workers of every kind in it, and a web page behind the gate. It knows nothing of
//! the two commands, and prints nothing.

mod app;
mod console;
mod table;
mod workers;

pub(crate) use app::{DemoApp, Options};
pub(crate) use console::Console;
pub(crate) use table::{compared, workers as table_of_workers};
