//! What the exit code says. Scripts rely on these numbers: they are never changed, only added to.
//!
//! What happened becomes an [`Outcome`], and an outcome becomes a number here and nowhere else.

/// Done, or already so.
pub const DONE: u8 = 0;
/// It failed; of `status`, some of it could not be read, and what it printed is true.
pub const FAILED: u8 = 1;
/// The arguments or the configuration cannot be used. Nothing was begun.
pub const USAGE: u8 = 2;
/// Refused: another owner holds the maintenance window. Nothing was changed.
pub const REFUSED: u8 = 3;
/// Some functions are not where they should be. The same command again goes on.
pub const PARTIAL: u8 = 4;
/// Another operation holds the lease. Nothing was changed.
pub const BUSY: u8 = 5;
/// Not confirmed: nothing was changed, or after a yes only what the question had shown. Of `require`: something that
/// it requires is not so, and the command was not run.
pub const NOT_CONFIRMED: u8 = 6;
/// With `status --exit-code`: some asked role is in maintenance, whatever else could not be read.
pub const ON: u8 = 10;
/// Stopped by Ctrl-C, SIGTERM or a closed terminal (SIGHUP) after the step in hand. The same command again goes on.
pub const INTERRUPTED: u8 = 130;

/// The command that `require` or `during` should run is there, and cannot be run. As a shell says it.
pub const NOT_EXECUTABLE: u8 = 126;
/// The command that `require` or `during` should run was not found. As a shell says it.
pub const NOT_FOUND: u8 = 127;
/// And the number of the signal that ended the command that `require` or `during` ran.
pub const SIGNALLED: u8 = 128;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// See [`DONE`].
    Done,
    /// See [`FAILED`].
    Failed,
    /// See [`USAGE`].
    Usage,
    /// See [`REFUSED`].
    Refused,
    /// See [`PARTIAL`].
    Partial,
    /// See [`BUSY`].
    Busy,
    /// See [`NOT_CONFIRMED`].
    NotConfirmed,
    /// See [`ON`].
    On,
    /// See [`INTERRUPTED`].
    Interrupted,
    /// As the command ended that `require` or `during` ran: its own exit code, [`NOT_EXECUTABLE`], [`NOT_FOUND`], or
    /// [`SIGNALLED`] and a signal's number.
    Command(u8),
}

impl Outcome {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => DONE,
            Self::Failed => FAILED,
            Self::Usage => USAGE,
            Self::Refused => REFUSED,
            Self::Partial => PARTIAL,
            Self::Busy => BUSY,
            Self::NotConfirmed => NOT_CONFIRMED,
            Self::On => ON,
            Self::Interrupted => INTERRUPTED,
            Self::Command(code) => code,
        }
    }
}
