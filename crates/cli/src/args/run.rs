//! Options of the commands that run something under maintenance.

use std::ffi::OsString;

use clap::Args;

use super::on_off::OpeningArgs;
use super::window::VisitorArgs;
use crate::values::{FunctionName, PayloadSource};

/// What `require` takes.
#[derive(Debug, Args)]
pub(crate) struct RequireArgs {
    /// Require that maintenance is on, with every function paused
    #[arg(long, required = true)]
    pub(crate) on: bool,
    /// Require that no invocation that began before is still running
    #[arg(long)]
    pub(crate) drained: bool,
    /// Wait until all of that holds
    #[arg(long)]
    pub(crate) wait: bool,
    /// The command, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What `during` takes.
#[derive(Debug, Args)]
pub(crate) struct DuringArgs {
    /// How it is turned on.
    #[command(flatten)]
    pub(crate) opening: OpeningArgs,
    /// Turn off even if the command fails
    #[arg(long)]
    pub(crate) always_off: bool,
    /// The command, after `--`
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub(crate) command: Vec<OsString>,
    /// What visitors get.
    #[command(flatten)]
    pub(crate) visitors: VisitorArgs,
}

/// What `invoke` takes.
#[derive(Debug, Args)]
pub(crate) struct InvokeArgs {
    /// The function's name
    pub(crate) function: FunctionName,
    /// The event: JSON, @FILE, or - for standard input [default: {}]
    #[arg(long, value_name = "JSON")]
    pub(crate) payload: Option<PayloadSource>,
    /// The alias or version to invoke [default: $LATEST]
    #[arg(long, value_name = "ALIAS")]
    pub(crate) qualifier: Option<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
