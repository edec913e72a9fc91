//! Options of a window: when it begins and ends, what visitors get, and who may pass.

use clap::Args;
use maintenance_flag::{AddressRange, Change, PathPattern};

use crate::values::{Length, Message, RetryAfter, SiteUrl, TimeArg, Zone, or_clear};

const VISITORS: &str = "What visitors get, and who may pass";

/// When a window begins that opens by itself.
#[derive(Debug, Default, Args)]
pub(crate) struct StartArgs {
    /// Schedule it to begin at that time: "2026-12-01 22:00"
    ///
    /// It also ends by itself: --for or --until says when. Gates open and close at the time; functions are paused
    /// and restored by a running `maintenance serve` or `maintenance observe`.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with_all = ["wait", "auto_off", "no_auto_off", "bypass", "no_bypass", "observer", "no_verify"]
    )]
    pub(crate) at: Option<TimeArg>,
    /// The time zone of --at and --until, such as Europe/Berlin [default: this machine's]
    #[arg(long, value_name = "ZONE", requires = "at", hide_short_help = true)]
    pub(crate) tz: Option<Zone>,
}

/// What visitors are told, and who may pass, of every command that turns maintenance on.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = VISITORS)]
pub(crate) struct VisitorArgs {
    /// One line for visitors, on the page and in the JSON
    #[arg(long, value_name = "TEXT", value_parser = or_clear::<Message>)]
    pub(crate) message: Option<Change<Message>>,
    /// When it is expected to end: 09:00, "2026-11-22 09:00"
    ///
    /// Those are local times; 2026-11-22T09:00:00Z is UTC. Retry-After counts down to it.
    #[arg(long, value_name = "TIME", conflicts_with = "for_", allow_hyphen_values = true, value_parser = or_clear::<TimeArg>)]
    pub(crate) until: Option<Change<TimeArg>>,
    /// How long it is expected to take: 30m, "1h 15m"
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, value_parser = or_clear::<Length>)]
    pub(crate) for_: Option<Change<Length>>,
    /// Let an address or range pass (repeatable)
    ///
    /// For example 192.0.2.7 or 192.0.2.0/24.
    #[arg(long, value_name = "CIDR", value_parser = or_clear::<AddressRange>)]
    pub(crate) allow_ip: Vec<Change<AddressRange>>,
    /// Let a path pass: /health, /hooks/* (repeatable)
    #[arg(long, value_name = "PATH", value_parser = or_clear::<PathPattern>)]
    pub(crate) allow_path: Vec<Change<PathPattern>>,
}

/// What visitors get while maintenance is on. Given again while it is on, these are changed, and the
/// others stay; an empty value removes one.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = VISITORS)]
pub(crate) struct WindowArgs {
    /// Let visitors read: GET, HEAD and OPTIONS pass
    #[arg(long)]
    pub(crate) read_only: bool,
    /// What every command that turns it on takes.
    #[command(flatten)]
    pub(crate) visitors: VisitorArgs,
    /// Turn off automatically when the time has come
    ///
    /// Otherwise it stays on until `maintenance off`.
    #[arg(long, conflicts_with = "no_auto_off")]
    pub(crate) auto_off: bool,
    /// Stay on until `off`, undoing --auto-off
    #[arg(long, hide_short_help = true)]
    pub(crate) no_auto_off: bool,
    /// The value of Retry-After, instead of the time until the end
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = or_clear::<RetryAfter>, hide_short_help = true)]
    pub(crate) retry_after: Option<Change<RetryAfter>>,

    /// Print a link that lets anyone who opens it pass
    ///
    /// It is valid for this maintenance, for at most 24 hours. A new link ends the one before.
    #[arg(long, conflicts_with = "no_bypass")]
    pub(crate) bypass: bool,
    /// End the bypass link
    #[arg(long, hide_short_help = true)]
    pub(crate) no_bypass: bool,
    /// Where the bypass link leads [env: MAINTENANCE_URL]
    #[arg(long, requires = "bypass", hide_short_help = true)]
    pub(crate) url: Option<SiteUrl>,
}
