//! The command, black box: every line and every exit code that the design fixes, against the real
//! binary with a cleared environment.

mod confirm;
mod events;
mod exit_codes;
mod interrupt;
mod output;
mod settings;
mod table;
mod unlock;
mod wait;
mod words;
mod workers;
