//! From the process's arguments to its exit code, and what runs the asynchronous part between.

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use maintenance_control::CancellationToken;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::args::{self, Cli};
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
    trace(&output);
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

/// Tells what happens inside, with `-v`. Only our own modules are heard: what the SDK tells at this
/// level holds signed requests.
fn trace(output: &Output) {
    let level = match output.verbose() {
        0 => return,
        1 => Level::INFO,
        _ => Level::DEBUG,
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
pub(crate) fn block_on<T>(
    future: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("cannot start").caused_by(&error))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// Runs `operation`. The first Ctrl-C, SIGTERM or SIGHUP throws `stop` and calls `first`; a second Ctrl-C or
/// SIGTERM gives up, which is `None`. A second SIGHUP does not: a terminal that is closed sends one, and
/// the shell that ends with it another.
pub(crate) async fn interruptible<T>(
    operation: impl Future<Output = T>,
    stop: &CancellationToken,
    first: impl FnOnce(),
) -> Result<Option<T>, CliError> {
    let mut signals = Signals::listen()?;
    tokio::pin!(operation);
    tokio::select! {
        biased;
        result = &mut operation => return Ok(Some(result)),
        () = signals.next() => {}
    }
    stop.cancel();
    first();
    tokio::select! {
        biased;
        result = &mut operation => Ok(Some(result)),
        () = signals.next_asked() => Ok(None),
    }
}

/// Ctrl-C, and where there is such a thing SIGTERM and SIGHUP, from the moment of [`Signals::listen`] on.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// None under `nohup`, which has it ignored.
    #[cfg(unix)]
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|e| CliError::failed("cannot listen for Ctrl-C").caused_by(&e))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: match is_hang_up_ignored() {
                true => None,
                false => Some(listen(SignalKind::hangup())?),
            },
        })
    }

    pub(crate) async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hang_up => {}
        }
    }

    /// The same, but for a terminal that is closed.
    async fn next_asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Whether the process was started with SIGHUP ignored, where the system says so.
#[cfg(unix)]
fn is_hang_up_ignored() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return false;
    };
    let mut ignored = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored
        .next()
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is signal 1.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> Result<Self, CliError> {
        Ok(Self {})
    }

    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nothing will ever come: wait for the operation alone.
            std::future::pending::<()>().await;
        }
    }

    async fn next_asked(&mut self) {
        self.next().await;
    }
}
