//! The arguments as typed, and the variables that stand for them. What they mean is resolved in `settings`.
//!
//! Each value is checked by the rule of its type, which a line of maintenance.toml must keep, too.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, USER_AGENT};
use clap::builder::{PossibleValuesParser, Resettable, TypedValueParser};
use clap::error::{Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use maintenance_flag::{
    AddressRange, Change, PathPattern, Prefix, Product, Role, Scope, TokenName, WindowId,
};

use maintenance_server::access::NamedBy;

use crate::source::{Source, Sourced};
use crate::values::{
    AppName, End, EnvName, FunctionGlob, FunctionName, Length, Message, PayloadSource, Rate,
    RetryAfter, SiteUrl, StoreChoice, Zone, listen_address, or_clear,
};

// Each paragraph is one line: the parser wraps them to the terminal.
const AFTER_HELP: &str = "\
Settings come from options, then MAINTENANCE_* variables, then the nearest maintenance.toml, then \
defaults; `maintenance config` shows each one and where it comes from.

The answer is on stdout; messages for people are on stderr. With --json the answer is one JSON document; \
an error is {\"error\": {\"message\", \"causes\", \"hint\", \"exit_code\"}}.

Examples:
  maintenance on --message \"Back at 9:00.\" --until 09:00
  maintenance status --all
  maintenance off
  maintenance on --all --env prod --wait --yes
  maintenance on --product shop

Exit codes:
  0    done, or already so
  1    failed
  2    usage or configuration
  3    refused: another owner holds the window
  4    partial: some functions are not where they should be; run it again
  5    busy: another operation holds the lease
  6    not confirmed; of `require`: something is missing
  10   with `status --exit-code`: maintenance is on for a selected role
  130  interrupted; run it again
`require` and `during` end as their command does; 126 and 127: it cannot be run, 128+n: signal n ended it.";

/// Commands that `-h` names without a line for each, so that it fits a screen of 24 lines.
const SELDOM: [&str; 14] = [
    "schedule",
    "require",
    "invoke",
    "doctor",
    "apps",
    "notify",
    "unlock",
    "config",
    "init",
    "demo",
    "dev",
    "token",
    "completions",
    "man",
];

/// Options of every command that uses them; a command's own help does not repeat them.
const GLOBAL: &str = "Global options: see `maintenance --help`.";

/// Put a serverless app into maintenance mode, and bring it back exactly as it was.
///
/// Without a command, it runs `status`.
#[derive(Debug, Parser)]
#[command(
    name = "maintenance",
    bin_name = "maintenance",
    version,
    after_long_help = AFTER_HELP,
    // Without blank lines around the usage, the short help fits a screen of 24 lines.
    help_template = "{about-with-newline}{usage-heading} {usage}\n{all-args}{after-help}",
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
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
    ///
    /// While it is on, `on` changes only the options that you pass. An empty value removes one:
    /// --message ''.
    #[command(after_long_help = "\
Examples:
  maintenance on --message \"Back soon.\" --for 30m
  maintenance on --role worker --wait    # returns when it is safe to migrate
  maintenance on --product shop --dry-run    # shows what would change
  maintenance on --bypass --allow-path /health
  maintenance on --at \"2026-12-01 22:00\" --for 2h    # opens by itself")]
    On(OnArgs),
    /// Turn maintenance off and restore every function
    #[command(after_long_help = "\
Examples:
  maintenance off
  maintenance off --all --dry-run        # shows what would be restored
  maintenance off --product shop
  maintenance off --force --reason \"the monitor is wrong\"")]
    Off(OffArgs),
    /// Show whether maintenance is on (the default)
    #[command(after_long_help = "\
Examples:
  maintenance status --all
  maintenance status --product shop      # a line a role: billing-prod web on
  maintenance status --json
  if maintenance status --exit-code -q; then echo open; fi")]
    Status(StatusArgs),
    /// List, move and cancel the scheduled windows
    ///
    /// Covers all roles unless --role selects one. `maintenance on --at TIME --for DURATION` schedules a window.
    #[command(after_long_help = "\
Examples:
  maintenance schedule
  maintenance schedule --product shop --json
  maintenance schedule move 20261201T150000Z-0a1b2c3d --at \"2026-12-02 22:00\"
  maintenance schedule cancel 20261201T150000Z-0a1b2c3d")]
    Schedule {
        #[command(subcommand)]
        command: Option<ScheduleCommand>,
    },
    /// List the functions, their state and their saved settings
    ///
    /// Covers all roles unless --role selects one.
    #[command(after_long_help = "\
Examples:
  maintenance workers
  maintenance workers --role worker
  maintenance workers --json | jq '.workers[] | select(.state == \"drifted\")'")]
    Workers,
    /// Show who turned maintenance on and off, when and why
    ///
    /// Covers all roles unless --role selects one; newest first. Parameter Store keeps the last 100 versions of
    /// each flag, and who wrote each.
    #[command(after_long_help = "\
Examples:
  maintenance history
  maintenance history --role web --limit 5
  maintenance history --product shop
  maintenance history --json | jq '.history[] | select(.source == \"observer\")'")]
    History(HistoryArgs),
    /// Check for problems, without changing anything
    ///
    /// Checks credentials, IAM, the store, the functions and their events, the account's limits and the site. Covers
    /// all roles unless --role selects one. Exits with 1 if something would fail; warnings are for you to judge.
    #[command(after_long_help = "\
Examples:
  maintenance doctor
  maintenance doctor --product shop
  maintenance doctor --json | jq '.checks[] | select(.result == \"failed\")'")]
    Doctor,
    /// List every app of the store, and whether it is in maintenance
    ///
    /// That is every app with a flag below --prefix, named in maintenance.toml or not.
    #[command(after_long_help = "\
Examples:
  maintenance apps
  maintenance apps --store file:state
  maintenance apps --json | jq -r '.apps[] | select(any(.roles[]; .maintenance == \"on\")) | .app'")]
    Apps,
    /// Run a command only if maintenance is on
    ///
    /// Exits with the command's exit code. If a requirement is not met, it says which, does not run the command, and
    /// exits with 6. Without a command, it only checks. A role counts as on once all its functions are paused.
    #[command(after_long_help = "\
If maintenance is turned off while the command runs, a warning follows at its end; the exit code is still
the command's. Ctrl-C, SIGTERM and SIGHUP go to the command, and `require` waits for it to end.

Examples:
  maintenance require --on --drained -- ./migrate.sh
  maintenance require --on --wait --role web --role worker -- ./migrate.sh --all
  maintenance require --on --all && echo closed")]
    Require(RequireArgs),
    /// Turn maintenance on for as long as a command runs
    ///
    /// Turns maintenance off again only if the command succeeded. A role that was already on stays on. The exit code
    /// is the command's, unless turning off failed.
    #[command(after_long_help = "\
The command gets stdin, stdout and stderr. With --json, the report is the last line on stderr.
If anything is killed, at any time, `maintenance status` shows the state, and `maintenance off`
restores everything.

Examples:
  maintenance during --all --reason \"new database\" -- ./migrate.sh
  maintenance during --role web --role worker --yes -- make migrate
  maintenance during --all --always-off --dry-run -- ./migrate.sh")]
    During(DuringArgs),
    /// Run one paused function once, and print its response
    ///
    /// Reserves a concurrency of 1 until the function has answered, then pauses it again. Its event sources stay
    /// disabled. Prints its response on stdout unchanged, and the end of its log on stderr. Looks in all roles unless
    /// --role selects one.
    #[command(after_long_help = "\
Examples:
  maintenance invoke demo-dev-migrate
  maintenance invoke demo-dev-migrate --payload '{\"step\": 2}' --yes | jq .
  maintenance invoke demo-dev-migrate --payload @event.json --dry-run")]
    Invoke(InvokeArgs),
    /// Release the lease of a command that died
    ///
    /// Without it, the next command watches that lease for 50 seconds before it takes over. It waits 25
    /// seconds: by then a holder that is still alive has noticed and stopped.
    #[command(after_long_help = "\
Examples:
  maintenance unlock
  maintenance unlock --yes
  maintenance unlock --env prod")]
    Unlock(UnlockArgs),
    /// Serve the web console and the REST API
    ///
    /// It manages the products of maintenance.toml or, if there are none, its app. People and scripts sign in with
    /// tokens: `maintenance token new`. In an AWS Lambda function it answers the events of a function URL.
    #[command(after_long_help = "\
Examples:
  maintenance serve
  maintenance serve --listen 0.0.0.0:8642 --tls-cert cert.pem --tls-key key.pem
  maintenance serve --listen 10.0.0.7:8642 --behind-proxy")]
    Serve(ServeArgs),
    /// Turn maintenance on and off by what observers see
    ///
    /// Each observer checks at its own interval, and acts once enough results in a row agree. An unclear result
    /// changes nothing. `maintenance serve` does the same alongside the API.
    #[command(after_long_help = "\
Examples:
  maintenance observe
  maintenance observe database --json
  maintenance observe --once             # for cron: checks each once, then exits")]
    Observe(ObserveArgs),
    /// Show every setting and where it comes from
    #[command(after_long_help = "\
Examples:
  maintenance config
  maintenance config --env prod
  maintenance config --json | jq .settings.store.value")]
    Config,
    /// Write a commented maintenance.toml into this folder
    #[command(after_long_help = "\
Examples:
  maintenance init
  maintenance init --app shop --env prod
  maintenance init --app shop --store file:state")]
    Init,
    /// Watch a demo app go into maintenance and back, without AWS
    #[command(after_long_help = "\
Examples:
  maintenance demo
  maintenance demo --json
  maintenance demo -q && echo it holds")]
    Demo,
    /// Run a local AWS with a demo app in it, until you stop it
    #[command(after_long_help = "\
Examples:
  maintenance dev
  maintenance dev --port 4566 --state .dev
  maintenance dev --aws-waits")]
    Dev(DevArgs),
    /// Create, list and revoke tokens for the server's API and console
    #[command(after_long_help = "\
Examples:
  maintenance token new --name release-bot --scope write --product shop --expires 90d
  maintenance token list
  maintenance token revoke release-bot")]
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Test the notification receivers in maintenance.toml
    #[command(after_long_help = "\
Examples:
  maintenance notify test
  maintenance notify test --env prod
  maintenance notify test --json | jq .failed")]
    Notify {
        #[command(subcommand)]
        command: NotifyCommand,
    },
    /// Print a completion script for a shell
    #[command(after_long_help = "\
Examples:
  source <(maintenance completions bash)
  maintenance completions zsh > \"${fpath[1]}/_maintenance\"
  maintenance completions fish > ~/.config/fish/completions/maintenance.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    #[command(after_long_help = "\
Examples:
  maintenance man | man -l -
  maintenance man on | man -l -
  maintenance man > /usr/local/share/man/man1/maintenance.1")]
    Man {
        /// The command that the page is about [default: maintenance itself]
        command: Option<String>,
    },
    /// Print the version
    #[command(hide = true)]
    Version,
}

/// Options of every command that uses them: see [`uses`].
#[derive(Debug, Default, Args)]
pub(crate) struct Global {
    /// The role (repeatable) [default: web]
    ///
    /// web, worker, or a role that maintenance.toml defines.
    #[arg(
        id = "role",
        long = "role",
        value_name = "ROLE",
        global = true,
        env = "MAINTENANCE_ROLE"
    )]
    pub(crate) roles: Vec<Role>,
    /// Every role
    #[arg(long, global = true)]
    pub(crate) all: bool,
    /// Every app of a product in maintenance.toml
    ///
    /// All roles of each app unless --role selects one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) product: Option<Product>,
    /// Functions of the role, instead of those in maintenance.toml (repeatable)
    ///
    /// Without --role, it applies to the one role that selects them there.
    #[arg(
        long = "function",
        global = true,
        value_name = "GLOB",
        hide_short_help = true
    )]
    pub(crate) functions: Vec<FunctionGlob>,

    /// The app's name
    ///
    /// If maintenance.toml has a table [apps.NAME], the app's settings come from there.
    #[arg(long, global = true, value_name = "NAME", env = "MAINTENANCE_APP")]
    pub(crate) app: Option<AppName>,
    /// The app's environment, such as dev or prod
    #[arg(long, global = true, env = "MAINTENANCE_ENV")]
    pub(crate) env: Option<EnvName>,
    /// Where the flags are: ssm, or file:PATH [default: ssm]
    #[arg(long, global = true, env = "MAINTENANCE_STORE")]
    pub(crate) store: Option<StoreChoice>,
    /// The prefix of the parameters' names [default: /maintenance]
    #[arg(long, global = true, env = "MAINTENANCE_PREFIX")]
    pub(crate) prefix: Option<Prefix>,
    /// The configuration file, instead of the nearest maintenance.toml
    #[arg(long, global = true, value_name = "FILE", env = "MAINTENANCE_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The AWS profile [env: AWS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS region [env: AWS_REGION]
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Override the AWS endpoint URL [env: AWS_ENDPOINT_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Calls to AWS Lambda a second, more than 0 and at most 15 [default: 10]
    #[arg(
        long,
        global = true,
        env = "MAINTENANCE_RATE",
        allow_negative_numbers = true
    )]
    pub(crate) rate: Option<Rate>,

    /// How many seconds a read may wait for AWS to answer [default: 20]
    ///
    /// Once `on` or `off` has started to change things, it waits for as long as AWS needs.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "MAINTENANCE_TIMEOUT",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub(crate) timeout: Option<u64>,

    /// Print the answer as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but the answer and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more; -vv also prints each call to AWS
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Which of these a variable gave.
    #[arg(skip)]
    of_variables: Vec<String>,
}

/// What `on` takes.
#[derive(Debug, Args)]
pub(crate) struct OnArgs {
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
    /// Return when it is safe to migrate
    ///
    /// By then no invocation that began before maintenance is still running.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Do not wait for the site to answer 503, if its url is known
    #[arg(long, hide_short_help = true)]
    pub(crate) no_verify: bool,
    /// Act as the observer NAME, a monitor
    ///
    /// Then only that observer, or --force, ends maintenance.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) observer: Option<String>,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// When it begins, if later.
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// What visitors get.
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

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
    pub(crate) at: Option<End>,
    /// The time zone of --at and --until, such as Europe/Berlin [default: this machine's]
    #[arg(long, value_name = "ZONE", requires = "at", hide_short_help = true)]
    pub(crate) tz: Option<Zone>,
}

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
    pub(crate) at: End,
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
    pub(crate) until: Option<End>,
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

/// What visitors get while maintenance is on. Given again while it is on, these are changed, and the
/// others stay; an empty value removes one.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What visitors get, and who may pass")]
pub(crate) struct WindowArgs {
    /// Let visitors read: GET, HEAD and OPTIONS pass
    #[arg(long)]
    pub(crate) read_only: bool,
    /// One line for visitors, on the page and in the JSON
    #[arg(long, value_name = "TEXT", value_parser = or_clear::<Message>)]
    pub(crate) message: Option<Change<Message>>,
    /// When it is expected to end: 09:00, "2026-11-22 09:00"
    ///
    /// Those are local times; 2026-11-22T09:00:00Z is UTC. Retry-After counts down to it.
    #[arg(long, value_name = "TIME", conflicts_with = "for_", allow_hyphen_values = true, value_parser = or_clear::<End>)]
    pub(crate) until: Option<Change<End>>,
    /// How long it is expected to take: 30m, "1h 15m"
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, value_parser = or_clear::<Length>)]
    pub(crate) for_: Option<Change<Length>>,
    /// Turn off at that time; without it, only `off` does
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
    /// Let an address or range pass (repeatable)
    ///
    /// For example 192.0.2.7 or 192.0.2.0/24.
    #[arg(long, value_name = "CIDR", value_parser = or_clear::<AddressRange>)]
    pub(crate) allow_ip: Vec<Change<AddressRange>>,
    /// Let a path pass: /health, /hooks/* (repeatable)
    #[arg(long, value_name = "PATH", value_parser = or_clear::<PathPattern>)]
    pub(crate) allow_path: Vec<Change<PathPattern>>,
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
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The reason, for your team
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: Option<String>,
    /// Allow asynchronous events to be lost
    #[arg(long)]
    pub(crate) accept_event_loss: bool,
    /// Turn off even if the command fails
    #[arg(long)]
    pub(crate) always_off: bool,
    /// Do not wait for the site to answer 503, if its url is known
    #[arg(long, hide_short_help = true)]
    pub(crate) no_verify: bool,
    /// Print what would change, change nothing, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One line for visitors, on the page and in the JSON
    #[arg(long, value_name = "TEXT", value_parser = or_clear::<Message>)]
    pub(crate) message: Option<Change<Message>>,
    /// When it is expected to end: 09:00, "2026-11-22 09:00"
    #[arg(long, value_name = "TIME", conflicts_with = "for_", allow_hyphen_values = true, value_parser = or_clear::<End>)]
    pub(crate) until: Option<Change<End>>,
    /// How long it is expected to take: 30m, "1h 15m"
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, value_parser = or_clear::<Length>)]
    pub(crate) for_: Option<Change<Length>>,
    /// Let an address or range pass: 192.0.2.0/24 (repeatable)
    #[arg(long, value_name = "CIDR", value_parser = or_clear::<AddressRange>, hide_short_help = true)]
    pub(crate) allow_ip: Vec<Change<AddressRange>>,
    /// Let a path pass: /health, /hooks/* (repeatable)
    #[arg(long, value_name = "PATH", value_parser = or_clear::<PathPattern>, hide_short_help = true)]
    pub(crate) allow_path: Vec<Change<PathPattern>>,
    /// The command, after `--`
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub(crate) command: Vec<OsString>,
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

/// What `serve` takes.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen. Port 0 picks a free one
    ///
    /// Other machines reach it only with --tls-cert and --tls-key, or --behind-proxy: otherwise tokens would cross
    /// the network unencrypted.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        value_parser = listen_address,
        default_value = "127.0.0.1:8642"
    )]
    pub(crate) listen: SocketAddr,
    /// The certificate chain, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy with TLS is in front, and nothing else can reach this address
    ///
    /// The client's address is then the last one in the proxy's X-Forwarded-For.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// The header in which the proxy names the user it has signed in
    ///
    /// The proxy must set it on every request, replacing any that a client sends. Tokens still work.
    #[arg(
        long,
        value_name = "NAME",
        requires = "behind_proxy",
        group = "named_by_proxy",
        value_parser = user_header,
        hide_short_help = true
    )]
    pub(crate) trust_user_header: Option<HeaderName>,
    /// The ARN of an Application Load Balancer in front that signs people in by OIDC
    ///
    /// What it signs (x-amzn-oidc-data) is verified. Tokens still work.
    #[arg(
        long,
        value_name = "ARN",
        requires = "behind_proxy",
        group = "named_by_proxy",
        hide_short_help = true
    )]
    pub(crate) trust_alb: Option<TrustedAlb>,
    /// What a user named by the proxy may do [default: read]
    #[arg(long, value_name = "SCOPE", requires = "named_by_proxy", hide_short_help = true, value_parser = scope(&["read", "write"]))]
    pub(crate) user_scope: Option<Scope>,
}

/// What `observe` takes.
#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// Only these observers
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Check each once, wait for any operation that starts, and exit
    ///
    /// Equal results in a row are counted across runs.
    #[arg(long)]
    pub(crate) once: bool,
}

/// A load balancer that signs people in.
#[derive(Debug, Clone)]
pub(crate) struct TrustedAlb(pub(crate) NamedBy);

impl FromStr for TrustedAlb {
    type Err = &'static str;

    fn from_str(arn: &str) -> Result<Self, Self::Err> {
        let alb = NamedBy::alb(arn).map(Self);
        alb.ok_or("must be the ARN of an Application Load Balancer")
    }
}

/// What `history` takes.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// How many transitions to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// What `unlock` takes.
#[derive(Debug, Args)]
pub(crate) struct UnlockArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// The commands of `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it: it is shown once, and stored as a hash
    #[command(after_long_help = "\
Examples:
  maintenance token new --name release-bot --scope write --product shop --expires 90d
  maintenance token new --name dashboard --scope read
  maintenance token new --name database --scope observe --observer database")]
    New(NewTokenArgs),
    /// List the tokens and their state
    #[command(after_long_help = "\
Examples:
  maintenance token list
  maintenance token list --app shop --env prod
  maintenance token list --json | jq -r '.tokens[] | select(.state == \"valid\") | .name'")]
    List,
    /// Revoke a token: a running server refuses it within five seconds
    #[command(after_long_help = "\
Examples:
  maintenance token revoke release-bot
  maintenance token revoke 1cp4d89t29
  maintenance token revoke release-bot --env prod")]
    Revoke {
        /// The token's id or name
        token: String,
    },
}

/// What to do with the receivers of notifications.
#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send each receiver a test, and say which did not get it
    #[command(after_long_help = "\
Examples:
  maintenance notify test
  maintenance notify test --env prod
  maintenance notify test --json | jq .failed")]
    Test,
}

/// What `token new` takes.
#[derive(Debug, Args)]
pub(crate) struct NewTokenArgs {
    /// The token's name, recorded with everything done with it
    #[arg(long)]
    pub(crate) name: TokenName,
    /// What it may do: read, write (on and off), or observe (on and off as an observer)
    #[arg(long, value_parser = scope(&["read", "write", "observe"]))]
    pub(crate) scope: Scope,
    /// Only for this product (repeatable) [default: all]
    // By this name it takes the place of the global option, which takes one.
    #[arg(id = "product", long = "product", value_name = "NAME")]
    pub(crate) products: Vec<Product>,
    /// The observer that it acts as, with --scope observe
    #[arg(long, value_name = "NAME", required_if_eq("scope", "observe"))]
    pub(crate) observer: Option<TokenName>,
    /// How long it is valid: 90d, 12h [default: until it is revoked]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) expires: Option<Length>,
}

fn scope(scopes: &'static [&'static str]) -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(scopes).try_map(|text| text.parse::<Scope>())
}

/// What `status` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct StatusArgs {
    /// With `status`: exit with 10 if maintenance is on for a selected role
    ///
    /// That holds even if something else cannot be read.
    #[arg(long, hide_short_help = true)]
    pub(crate) exit_code: bool,
}

/// What `dev` takes.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The port of the local AWS on 127.0.0.1 [default: a free one]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Keep the local AWS's state in this folder, and continue from it
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Show this page during maintenance, not the built-in one: maintenance.html or maintenance.json
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
    /// The port of the console on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) console_port: Option<u16>,
    /// Take as long as AWS does
    ///
    /// For event source mappings and provisioned concurrency; a deleted name is free only later, and reads lag.
    #[arg(long)]
    pub(crate) aws_waits: bool,
}

/// What a global option is about.
fn heading(option: &str) -> Option<&'static str> {
    match option {
        "app" | "env" | "store" | "prefix" | "config" => Some(APP),
        "profile" | "region" | "endpoint_url" | "rate" | "timeout" => Some(AWS),
        "json" | "quiet" | "verbose" => Some(OUTPUT),
        // Which roles: before all others.
        _ => None,
    }
}

const APP: &str = "App";
const AWS: &str = "AWS";
const OUTPUT: &str = "Output";

/// Whether a command uses a global option.
fn uses(command: &str, option: &str) -> bool {
    let heading = heading(option);
    match command {
        "completions" | "man" | "version" => false,
        "dev" => option == "quiet",
        "demo" => heading == Some(OUTPUT),
        "init" => heading == Some(APP) || option == "quiet",
        "serve" | "observe" => heading.is_some(),
        // Of a store: neither of an app nor of Lambda.
        "apps" => heading.is_some() && !["app", "env", "rate"].contains(&option),
        // `token new` has its own.
        "unlock" | "token" => heading.is_some() && option != "rate" || option == "product",
        _ => true,
    }
}

impl Global {
    /// The value of an option, and whether it was typed or a variable gave it.
    pub(crate) fn sourced<T: Clone>(&self, option: &str, value: &Option<T>) -> Option<Sourced<T>> {
        let source = match self.of_variables.iter().any(|id| id == option) {
            true => Source::Variable(format!("MAINTENANCE_{}", option.to_uppercase())),
            false => Source::Flag(format!("--{option}")),
        };
        Some(Sourced::new(value.clone()?, source))
    }
}

/// The command. The help of each of its commands repeats the global options that it uses, or does not.
pub(crate) fn command(repeat_global: bool) -> clap::Command {
    let root = Cli::command().mut_args(|arg| {
        let heading = heading(arg.get_id().as_str());
        let arg = match heading {
            Some(_) => arg.help_heading(heading).hide_short_help(true),
            None => arg,
        };
        // A variable that is set but empty is unset, as for the AWS CLI.
        let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
        match arg.get_env().is_some_and(is_empty) {
            true => without_env(arg),
            false => arg.hide_env_values(true),
        }
    });
    let global = root.get_arguments().filter(|arg| arg.is_global_set());
    let global: Vec<Arg> = global.cloned().collect();
    root.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        // One that a command has itself does not get into it from above.
        let own = global
            .iter()
            .cloned()
            .map(|arg| match uses(&name, arg.get_id().as_str()) {
                // Hidden from both helps, it still counts for [OPTIONS] in the usage.
                true if !repeat_global => arg.hide_short_help(true).hide_long_help(true),
                true => arg,
                false => without_env(arg).hide(true),
            });
        let command = command.args(own);
        match repeat_global || !global.iter().any(|arg| uses(&name, arg.get_id().as_str())) {
            true => command,
            false => says_where(command),
        }
    })
}

/// The help of the command, and of each below it, says where the global options are.
fn says_where(command: clap::Command) -> clap::Command {
    let long = command.get_after_long_help().map(ToString::to_string);
    let long = format!("{}\n\n{GLOBAL}", long.unwrap_or_default());
    let command = command.after_help(GLOBAL).after_long_help(long);
    command.mut_subcommands(says_where)
}

fn without_env(arg: Arg) -> Arg {
    arg.env(Resettable::<clap::builder::OsStr>::Reset)
}

/// With the commands of every day only, and the names of the others.
fn short_help(mut command: clap::Command) -> clap::Command {
    let has = |name: &&&str| command.find_subcommand(name).is_some();
    let seldom: Vec<&str> = SELDOM.iter().filter(has).copied().collect();
    for name in &seldom {
        command = command.mut_subcommand(name, |command| command.hide(true));
    }
    command.after_help(format!("More commands, see --help: {}", seldom.join(", ")))
}

/// Parses the arguments.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, Error> {
    // `help --help` is no less than `help`.
    let is_help = |argument: &OsString| argument == "-h" || argument == "--help";
    let mut arguments = arguments.to_vec();
    if arguments.get(1).is_some_and(|first| first == "help") {
        arguments.retain(|argument| !is_help(argument));
    }
    let mut bare = command(false);
    for arg in bare.clone().get_arguments() {
        let value = arg.get_env().and_then(std::env::var_os);
        if arg.get_id() != "config" && value.is_some_and(|value| value.to_str().is_none()) {
            let name = arg.get_env().unwrap_or_default().display();
            let message = format!("{name} is not UTF-8: unset it, or set it to another value");
            return Err(bare.error(ErrorKind::InvalidUtf8, message));
        }
    }
    // A variable is of the command that uses it: without a command, of `status`.
    let mut command = bare.clone().mut_args(without_env);
    let matches = match command.try_get_matches_from_mut(&arguments) {
        Ok(matches) if matches.subcommand().is_some() => matches,
        _ if arguments.iter().any(|argument| argument == "-h") => {
            short_help(bare.clone()).try_get_matches_from_mut(&arguments)?
        }
        _ => bare.try_get_matches_from_mut(&arguments)?,
    };
    let mut cli = Cli::from_arg_matches(&matches)?;
    let (name, own) = matches.subcommand().unwrap_or(("status", &matches));
    let global = command.get_arguments().filter(|arg| arg.is_global_set());
    let global: Vec<(String, String)> = global
        .map(|arg| {
            (
                arg.get_id().to_string(),
                arg.get_long().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    for (id, long) in global {
        match own.value_source(&id) {
            Some(ValueSource::CommandLine) if !uses(name, &id) => {
                let message = format!("'--{long}' is not an option of `maintenance {name}`");
                let command = command.find_subcommand_mut(name).unwrap_or(&mut bare);
                return Err(command.error(ErrorKind::UnknownArgument, message));
            }
            Some(ValueSource::EnvVariable) => cli.global.of_variables.push(id),
            _ => {}
        }
    }
    Ok(cli)
}

/// A header in which a proxy may name a person: not one that says something else, and that clients send.
fn user_header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text
        .parse()
        .map_err(|_| "it is not the name of a header".to_owned())?;
    let others = [AUTHORIZATION, COOKIE, HOST, ORIGIN, USER_AGENT];
    match others.contains(&name) {
        true => Err(
            "it says something else, and clients send it: name one that only the proxy sets"
                .to_owned(),
        ),
        false => Ok(name),
    }
}
