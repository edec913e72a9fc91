//! The arguments as typed, and the variables that stand for them. What they mean is resolved in `settings`.
//!
//! Each value is checked by the rule of its type, which a line of maintenance.toml must keep, too. `cli` lists the
//! commands; the options of each are in the room of its kind; `global` has those of every command, and `parse` reads
//! them all.

mod cli;
mod global;
mod inspect;
mod on_off;
mod parse;
mod run;
mod schedule;
mod server;
mod window;

pub(crate) use cli::{Cli, Command};
pub(crate) use global::Global;
pub(crate) use inspect::{HistoryArgs, StatusArgs};
pub(crate) use on_off::{OffArgs, OnArgs, UnlockArgs};
pub(crate) use parse::{command, parse};
pub(crate) use run::{DuringArgs, InvokeArgs, RequireArgs};
pub(crate) use schedule::{MoveArgs, ScheduleCommand};
pub(crate) use server::{
    DevArgs, NewTokenArgs, NotifyCommand, ObserveArgs, ServeArgs, TokenCommand, TrustedAlb,
};
pub(crate) use window::{StartArgs, WindowArgs};
