//! The arguments as typed, before anything is made of them: see `settings` for that.
//!
//! Values stay text here, so that a bad one is refused with the same words wherever it came from.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

// Each paragraph is one line: the parser wraps them to the terminal.
const AFTER_HELP: &str = "\
Settings come from flags, then MAINTENANCE_* variables, then the nearest maintenance.toml, then \
defaults; `maintenance config` shows each one and where it came from.

stdout carries the answer and nothing else; everything said to a person is on stderr. With --json \
the answer is one document: the report, or, if there is none, {\"error\": {\"message\", \"causes\", \
\"hint\", \"exit_code\"}}.

Exit codes:
  0    done, or already so
  1    failed
  2    usage or configuration
  3    refused: another owner holds the window
  4    partial: some functions are not where they should be; run it again
  5    busy: another operation holds the lease
  6    not confirmed
  10   with `status --exit-code`: some asked role is on
  130  interrupted; run it again";

const ON_AFTER_HELP: &str = "\
While it is on, `on` changes what visitors get and who may pass as far as it is said, and everything \
else stays. An empty value takes one away: --message ''.";

/// Put a serverless app into maintenance mode, and bring it back exactly as it was.
///
/// Without a command it is `status`.
#[derive(Debug, Parser)]
#[command(
    name = "maintenance",
    bin_name = "maintenance",
    version,
    after_long_help = AFTER_HELP,
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// `--exit-code` of the bare command, which is `status`.
    #[command(flatten)]
    pub(crate) status: StatusArgs,
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn maintenance on
    #[command(after_help = ON_AFTER_HELP)]
    On(OnArgs),
    /// Turn maintenance off, and give every function back what it had
    Off(OffArgs),
    /// Say whether maintenance is on
    Status(StatusArgs),
    /// Show the functions one by one: what they have, and what is saved
    Workers,
    /// End the lease of a command that has died, instead of watching whether it is still at work
    Unlock(UnlockArgs),
    /// Show every setting and where it came from
    Config,
    /// Write a commented maintenance.toml into this folder
    Init,
    /// Watch a demonstration app go into maintenance and come back, without an AWS account
    Demo,
    /// Serve a local AWS with a demonstration app in it, until stopped
    Dev(DevArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    Man {
        /// The command the page is about; without it, the page of `maintenance` itself.
        command: Option<String>,
    },
}

/// What every command takes.
#[derive(Debug, Default, Args)]
pub(crate) struct Global {
    /// The role: web, worker, or one that the configuration names [env: MAINTENANCE_ROLE]
    /// [default: web]
    #[arg(long, global = true, value_name = "ROLE", help_heading = "Which roles")]
    pub(crate) role: Option<String>,
    /// All roles
    #[arg(long, global = true, help_heading = "Which roles")]
    pub(crate) all: bool,
    /// Functions of the role, by name or glob, instead of those in the configuration (repeatable). Without
    /// --role, of the one role that selects them there
    #[arg(
        long = "function",
        global = true,
        value_name = "GLOB",
        help_heading = "Which roles"
    )]
    pub(crate) functions: Vec<String>,

    /// The app's name [env: MAINTENANCE_APP]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Which app")]
    pub(crate) app: Option<String>,
    /// The app's environment [env: MAINTENANCE_ENV]
    #[arg(long, global = true, value_name = "ENV", help_heading = "Which app")]
    pub(crate) env: Option<String>,
    /// Where the flags are: ssm, or file:PATH [env: MAINTENANCE_STORE] [default: ssm]
    #[arg(long, global = true, value_name = "STORE", help_heading = "Which app")]
    pub(crate) store: Option<String>,
    /// What the parameters' names begin with [env: MAINTENANCE_PREFIX] [default: /maintenance]
    #[arg(long, global = true, value_name = "PREFIX", help_heading = "Which app")]
    pub(crate) prefix: Option<String>,
    /// The configuration file, instead of the nearest maintenance.toml [env: MAINTENANCE_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Which app")]
    pub(crate) config: Option<PathBuf>,

    /// The profile of the AWS configuration
    #[arg(long, global = true, value_name = "NAME", help_heading = "AWS")]
    pub(crate) profile: Option<String>,
    /// The AWS region
    #[arg(long, global = true, value_name = "REGION", help_heading = "AWS")]
    pub(crate) region: Option<String>,
    /// Override the AWS endpoint URL
    #[arg(long, global = true, value_name = "URL", help_heading = "AWS")]
    pub(crate) endpoint_url: Option<String>,
    /// Calls to AWS Lambda a second, more than 0 and at most 15 [env: MAINTENANCE_RATE]
    /// [default: 10]
    #[arg(
        long,
        global = true,
        value_name = "RATE",
        help_heading = "AWS",
        allow_hyphen_values = true
    )]
    pub(crate) rate: Option<String>,

    /// Print the answer as one JSON document
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Say more; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

/// What `on` takes.
#[derive(Debug, Args)]
pub(crate) struct OnArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Why, for the team
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: Option<String>,
    /// Go on though events that arrive meanwhile will be lost, for functions that have neither a
    /// dead-letter queue nor a failure destination; without it, only a yes at the question does
    #[arg(long)]
    pub(crate) accept_event_loss: bool,
    /// Return only when no code of the role can still be running: then it is safe to migrate
    #[arg(long)]
    pub(crate) wait: bool,
    /// Act for the observer NAME, a monitor: only it, or --force, ends this maintenance again
    #[arg(long, value_name = "NAME")]
    pub(crate) observer: Option<String>,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What visitors get.
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// What visitors get while maintenance is on. Given again while it is on, these are changed, and the
/// others stay; an empty value takes one away.
#[derive(Debug, Default, Args)]
pub(crate) struct WindowArgs {
    /// Let reading go on: GET, HEAD and OPTIONS pass, everything else gets 503
    #[arg(long, help_heading = VISITORS)]
    pub(crate) read_only: bool,
    /// What to tell visitors, on the page and in the JSON: one line
    #[arg(long, value_name = "TEXT", help_heading = VISITORS)]
    pub(crate) message: Option<String>,
    /// When it is expected to end: 09:00, "2026-11-22 09:00" (both where you are) or
    /// 2026-11-22T09:00:00Z. Retry-After counts down to it
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "for_",
        allow_hyphen_values = true,
        help_heading = VISITORS
    )]
    pub(crate) until: Option<String>,
    /// How long it is expected to take: 30m, "1h 15m"
    #[arg(
        long = "for",
        value_name = "DURATION",
        allow_hyphen_values = true,
        help_heading = VISITORS
    )]
    pub(crate) for_: Option<String>,
    /// Open by itself at that time. Without it, the time is a promise, and only `off` opens
    #[arg(long, conflicts_with = "no_auto_off", help_heading = VISITORS)]
    pub(crate) auto_off: bool,
    /// Stay on until `off` after all
    #[arg(long, help_heading = VISITORS)]
    pub(crate) no_auto_off: bool,
    /// What Retry-After says, instead of the time until then
    #[arg(
        long,
        value_name = "SECONDS",
        allow_hyphen_values = true,
        help_heading = VISITORS
    )]
    pub(crate) retry_after: Option<String>,

    /// Print a link that lets whoever opens it pass, for this maintenance and at most 24 hours; a new one
    /// ends the one before
    #[arg(long, conflicts_with = "no_bypass", help_heading = PASS)]
    pub(crate) bypass: bool,
    /// End the bypass link
    #[arg(long, help_heading = PASS)]
    pub(crate) no_bypass: bool,
    /// Where the bypass link leads [env: MAINTENANCE_URL]
    #[arg(long, value_name = "URL", requires = "bypass", help_heading = PASS)]
    pub(crate) url: Option<String>,
    /// Let an address or a range (192.0.2.0/24, 2001:db8::/32) pass (repeatable)
    #[arg(long, value_name = "CIDR", help_heading = PASS)]
    pub(crate) allow_ip: Vec<String>,
    /// Let a path (/health) or everything below one (/hooks/*) pass (repeatable)
    #[arg(long, value_name = "PATH", help_heading = PASS)]
    pub(crate) allow_path: Vec<String>,
}

const VISITORS: &str = "What visitors get";
const PASS: &str = "Who may pass";

/// What `off` takes.
#[derive(Debug, Args)]
pub(crate) struct OffArgs {
    /// Accepted for symmetry: `off` never asks
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// End a maintenance that an observer holds
    #[arg(long, requires = "reason", conflicts_with = "observer")]
    pub(crate) force: bool,
    /// Why the observer is overridden
    #[arg(long, value_name = "WHY", requires = "force")]
    pub(crate) reason: Option<String>,
    /// Put back what was saved even over what somebody else set meanwhile
    #[arg(long)]
    pub(crate) restore_saved: bool,
    /// Act for the observer NAME, a monitor that sees all is normal again
    #[arg(long, value_name = "NAME")]
    pub(crate) observer: Option<String>,
    /// Print what would be done, and change nothing
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

/// What `status` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct StatusArgs {
    /// With `status`: exit with 10 if some asked role is on, whatever else could not be read
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// What `dev` takes.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The port of the local AWS on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Keep the local AWS's state in this folder, and take it up from there
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Take as long as AWS does: mappings and provisioned concurrency, names that rest, reads that lag
    #[arg(long)]
    pub(crate) aws_waits: bool,
}
