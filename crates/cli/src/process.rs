//! From the process's arguments to its exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use maintenance_server::access::AUDIT_TARGET;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::args::{self, Cli, Command};
use crate::commands;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::usage;

/// Runs the command with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let outcome = match args::parse(&arguments) {
        Ok(cli) => run(cli),
        Err(error) => usage::explain(error, &arguments),
    };
    ExitCode::from(outcome.code())
}

fn run(cli: Cli) -> Outcome {
    let output = Output::new(cli.global.quiet, cli.global.verbose, cli.global.json);
    let serves = matches!(cli.command, Some(Command::Serve(_)));
    let goes_on = serves || matches!(cli.command, Some(Command::Observe(_)));
    trace(&output, serves, goes_on);
    explain_panics(output);
    commands::run(cli, &output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.outcome()
    })
}

/// Ends a command that panics with an error and an exit code, where the release would abort without a word
/// on what to do next.
fn explain_panics(output: Output) {
    std::panic::set_hook(Box::new(move |panic| {
        let failure = CliError::failed("the command crashed because of a bug")
            .cause(panic.to_string().replace('\n', " "))
            .hint("please report it, with this cause")
            .hint("run the same command again: it continues where it stopped");
        output.failure(&failure);
        std::process::exit(failure.outcome().code().into());
    }));
}

/// Tells what happens inside, with `-v`; of what runs on also what it could not do, and of a server its audit log. Only our own modules are heard:
/// what the SDK tells at this level holds signed requests.
fn trace(output: &Output, serves: bool, goes_on: bool) {
    let level = match output.verbose() {
        0 if goes_on => LevelFilter::WARN,
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(output.can_colour())
        .log_internal_errors(false);
    // A target is matched from its beginning: these are the gate's own and all of our crates.
    let mut ours = Targets::new().with_target("maintenance", level);
    if serves {
        ours = ours.with_target(AUDIT_TARGET, LevelFilter::INFO.max(level));
    }
    // A log is read later, a line of a command now.
    let lines = match serves {
        true => lines.with_filter(ours).boxed(),
        false => lines.without_time().with_filter(ours).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines);
    // There is one already only if the process is not ours; then it hears everything anyway.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
