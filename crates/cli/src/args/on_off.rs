//! Options of `on`, `off` and `unlock`.

use clap::Args;

use super::window::{StartArgs, WindowArgs};

/// How maintenance is turned on.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OpeningArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The reason, for your team
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: Option<String>,
    /// Allow asynchronous events to be lost
    ///
    /// Events for a paused function that has neither a dead-letter queue nor a failure destination are
    /// lost. Without this option, only a yes to the question allows that.
    #[arg(long)]
    pub(crate) accept_event_loss: bool,
    /// Do not wait for the site to answer 503, if its url is known
    #[arg(long, hide_short_help = true)]
    pub(crate) no_verify: bool,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `on` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct OnArgs {
    /// How it is turned on.
    #[command(flatten)]
    pub(crate) opening: OpeningArgs,
    /// Return when it is safe to migrate
    ///
    /// By then no invocation that began before maintenance is still running.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Act as the observer NAME, a monitor
    ///
    /// Then only that observer, or --force, ends maintenance.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) observer: Option<String>,
    /// When it begins, if later.
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// What visitors get.
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// What `off` takes.
#[derive(Debug, Args)]
pub(crate) struct OffArgs {
    /// Accepted for symmetry: `off` never asks
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// End maintenance that an observer holds
    #[arg(long, requires = "reason", conflicts_with = "observer")]
    pub(crate) force: bool,
    /// Why the observer is overridden
    #[arg(long, value_name = "WHY", requires = "force")]
    pub(crate) reason: Option<String>,
    /// Restore saved settings even where they were changed while paused
    #[arg(long)]
    pub(crate) restore_saved: bool,
    /// Act as the observer NAME, a monitor that reports normal
    #[arg(long, value_name = "NAME")]
    pub(crate) observer: Option<String>,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `unlock` takes.
#[derive(Debug, Args)]
pub(crate) struct UnlockArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}
