//! From the process's arguments to its exit code, and what runs the asynchronous part between.

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::Parser as _;
use maintenance_control::Stop;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::args::Cli;
use crate::commands;
use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::usage;

/// Runs the command with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let outcome = match Cli::try_parse_from(&arguments) {
        Ok(cli) => run(cli),
        Err(error) => usage::explain(&error, &arguments),
    };
    ExitCode::from(outcome.code())
}

fn run(cli: Cli) -> Outcome {
    let output = Output::new(cli.global.quiet, cli.global.verbose, cli.global.json);
    trace(&output);
    commands::run(cli, &output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.outcome()
    })
}

/// Tells what happens inside, with `-v`. Only our own modules are heard: what the SDK tells at this
/// level holds signed requests.
fn trace(output: &Output) {
    let level = match output.verbose() {
        0 => return,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(output.can_colour())
        .log_internal_errors(false)
        .without_time();
    // A target is matched from its beginning: these are the gate's own and all of our crates.
    let ours = Targets::new().with_target("maintenance", level);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(ours));
    // There is one already only if the process is not ours; then it hears everything anyway.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Runs `future` to its end on one thread. What is still going on in the background is left behind.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start").caused_by(&error))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// Runs `operation`. The first Ctrl-C or SIGTERM throws `stop` and calls `first`; the second gives up,
/// which is `None`.
pub(crate) async fn interruptible<T>(
    operation: impl Future<Output = T>,
    stop: &Stop,
    first: impl FnOnce(),
) -> Result<Option<T>, Failure> {
    let mut signals = Signals::listen()?;
    tokio::pin!(operation);
    tokio::select! {
        biased;
        result = &mut operation => return Ok(Some(result)),
        () = signals.next() => {}
    }
    stop.stop();
    first();
    tokio::select! {
        biased;
        result = &mut operation => Ok(Some(result)),
        () = signals.next() => Ok(None),
    }
}

/// Ctrl-C, and where there is such a thing SIGTERM, from the moment of [`Signals::listen`] on.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|e| Failure::failed("cannot listen for Ctrl-C").caused_by(&e))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nothing will ever come: wait for the operation alone.
            std::future::pending::<()>().await;
        }
    }
}
