//! Runs an operation to its end, or until a signal asks it to stop.

use std::future::Future;

use maintenance_control::CancellationToken;

use crate::error::CliError;

/// Runs `future` to its end on one thread. It does not wait for tasks in the background.
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
        _ = signals.next() => {}
    }
    stop.cancel();
    first();
    tokio::select! {
        biased;
        result = &mut operation => Ok(Some(result)),
        () = signals.next_asked() => Ok(None),
    }
}

/// What asked us to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "only Ctrl-C comes from there"))]
pub(crate) enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal was closed.
    HangUp,
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

    pub(crate) async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = hang_up => Signal::HangUp,
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

    pub(crate) async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nothing will ever come: wait for the operation alone.
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }

    async fn next_asked(&mut self) {
        self.next().await;
    }
}
