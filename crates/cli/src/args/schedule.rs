//! The commands of `schedule`.

use clap::{Args, Subcommand};
use maintenance_flag::WindowId;

use crate::values::{Length, TimeArg, Zone};

/// The commands of `schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List the scheduled windows (the default)
    #[command(after_long_help = "\
Examples:
  maintenance schedule list
  maintenance schedule list --product shop
  maintenance schedule list --json | jq '.windows[].starts_at'")]
    List,
    /// Move a window that has not opened yet
    #[command(after_long_help = "\
Examples:
  maintenance schedule move 20261201T150000Z-0a1b2c3d --at \"2026-12-02 22:00\"
  maintenance schedule move 20261201T150000Z-0a1b2c3d --at 23:00 --for 1h
  maintenance schedule move 20261201T150000Z-0a1b2c3d --at 22:00 --tz Europe/Berlin")]
    Move(MoveArgs),
    /// Cancel a window that has not opened yet
    #[command(after_long_help = "\
Examples:
  maintenance schedule cancel 20261201T150000Z-0a1b2c3d
  maintenance schedule cancel 20261201T150000Z-0a1b2c3d --dry-run
  maintenance schedule cancel 20261201T150000Z-0a1b2c3d --product shop")]
    Cancel(CancelArgs),
}

/// What `schedule move` takes.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// The window: `maintenance schedule` lists them
    pub(crate) window: WindowId,
    /// When it begins: 22:00, "2026-12-01 22:00"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: TimeArg,
    /// The time zone of --at and --until, such as Europe/Berlin [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) tz: Option<Zone>,
    /// When it ends [default: keep its length]
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "for_",
        allow_hyphen_values = true
    )]
    pub(crate) until: Option<TimeArg>,
    /// How long it takes: 30m, "1h 15m" [default: keep its length]
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) for_: Option<Length>,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `schedule cancel` takes.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The window: `maintenance schedule` lists them
    pub(crate) window: WindowId,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
