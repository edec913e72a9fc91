//! The commands, their help and their examples.

use clap::{Parser, Subcommand};

use super::global::Global;
use super::inspect::{HistoryArgs, StatusArgs};
use super::on_off::{OffArgs, OnArgs, UnlockArgs};
use super::run::{DuringArgs, InvokeArgs, RequireArgs};
use super::schedule::ScheduleCommand;
use super::server::{DevArgs, NotifyCommand, ObserveArgs, ServeArgs, TokenCommand};

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
