//! What an operation says while it is at work, and how it is asked to stop.

use maintenance_flag::Role;

use tokio_util::sync::CancellationToken;

use crate::fence::{AbortReason, until_stopped};
use crate::report::{Action, Holder, RoleReport};
use crate::waits::Waiting;

/// Something that happened during an operation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An operation did not give its lease back. Nothing is done until then, in case that it is at work.
    LeaseWatched {
        /// Whose lease it is.
        holder: &'a Holder,
        /// When it is taken over, unless it changes, UTC.
        until: jiff::Timestamp,
    },
    /// The lease of an operation that may be at work was ended. Nothing is done until it must have noticed.
    HolderStopping {
        /// Until when, UTC.
        until: jiff::Timestamp,
    },
    /// A role's window is about to open or close.
    RoleStarted {
        /// On or off.
        action: Action,
        /// The role.
        role: &'a Role,
    },
    /// So many functions of a role have been read, with what becomes of their events. Nothing of the
    /// role is changed before all are.
    Reading {
        /// The role.
        role: &'a Role,
        /// Functions read, whatever became of that.
        done: usize,
        /// Functions in all; none while they are being listed.
        total: Option<usize>,
    },
    /// What the functions that are read or worked on wait for just now: told once a second.
    Waiting(Waiting),
    /// So many functions of a role are done.
    Progress {
        /// On or off.
        action: Action,
        /// The role.
        role: &'a Role,
        /// Functions done, whatever became of them.
        done: usize,
        /// Functions in all.
        total: usize,
    },
    /// Waiting until no code of the roles can still be running.
    Draining {
        /// How long still.
        left: std::time::Duration,
        /// Until when, UTC.
        until: jiff::Timestamp,
    },
    /// A paused function may run now, and an invocation of it is sent.
    Invoking {
        /// The function.
        function: &'a str,
        /// How long it may run.
        timeout: std::time::Duration,
    },
    /// A role is done with.
    RoleFinished(&'a RoleReport),
}

/// What surrounds an operation: how to stop it, and who listens.
pub struct Context<'a> {
    /// Asks the operation to stop after the step in hand.
    pub stop: CancellationToken,
    /// Told of every [`Event`].
    pub listen: &'a (dyn Fn(Event<'_>) + Send + Sync),
}

impl Context<'_> {
    /// A context without a listener, which is never stopped.
    #[must_use]
    pub fn quiet() -> Context<'static> {
        Context {
            stop: CancellationToken::new(),
            listen: &|_| {},
        }
    }

    /// See [`until_stopped`].
    pub(crate) async fn until_stopped<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, AbortReason> {
        until_stopped(&self.stop, work).await
    }

    pub(crate) fn emit(&self, event: Event<'_>) {
        (self.listen)(event);
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}
