//! Execute: makes the steps of a plan, function by function, and reports what came of them.
//!
//! A function that fails does not stop the others. A lost lease stops everything before the next change; a
//! stop that was asked for lets the step in hand end. Every step can be made again, so that the same command
//! recovers from wherever this ended.

mod function;
mod pause;
mod queue;
mod restore;

pub(crate) use pause::{Paused, Timeouts, pause};
pub(crate) use restore::{Restored, restore};

use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _};
use maintenance_flag::Role;

use crate::error::{Error, failure};
use crate::event::{Context, Event};
use crate::fence::AbortReason;
use crate::fleet::LambdaError;
use crate::fleet::{AT_ONCE, Fleet};
use crate::heartbeat::Heartbeat;
use crate::report::{Action, Drift, Failure, WorkersReport};
use crate::text::in_full;

/// What became of one function.
#[derive(Debug, Default)]
pub(crate) struct FunctionOutcome {
    pub(crate) changed: bool,
    pub(crate) drifted: Vec<Drift>,
    /// Parts of it that do not exist any more.
    pub(crate) gone: Vec<String>,
    pub(crate) end: End,
}

impl From<End> for FunctionOutcome {
    fn from(end: End) -> Self {
        Self {
            end,
            ..Self::default()
        }
    }
}

/// How the work on a function ended.
#[derive(Debug, Default)]
pub(crate) enum End {
    /// It is where it should be, but for what drifted or is gone.
    #[default]
    Reached,
    /// It is not.
    Failed(LambdaError),
    /// It was left as it is, since what it has could not be saved.
    Unsaved(Failure),
    /// It was saved, and does not exist any more.
    Gone,
    /// It was deleted before anything of it was saved.
    Vanished,
    /// The operation was asked to stop, or lost its lease.
    Aborted(AbortReason),
}

impl End {
    fn of(error: LambdaError) -> Self {
        match error {
            LambdaError::Halted(reason) => Self::Aborted(reason),
            error => Self::Failed(error),
        }
    }

    /// Of a function that was not touched, since saving what it has failed.
    fn unsaved(function: &str, error: &Error) -> Self {
        match error.halt() {
            Some(reason) => Self::Aborted(reason),
            None => Self::Unsaved(Failure::new(function, in_full(error), error.hint())),
        }
    }
}

/// Works on so many functions side by side, tells of each, and gathers what became of them. Also returns whether
/// the lease was lost: then the functions that were not done are unfinished.
///
/// Each future is made when its turn comes: a thousand that wait would take kilobytes each. It is boxed, since
/// the compiler cannot tell of streams of other futures that a task with them may move between threads.
async fn run_all<'f>(
    fleet: &Fleet,
    action: Action,
    role: &Role,
    context: &Context<'_>,
    total: usize,
    work: impl Stream<Item = BoxFuture<'f, (String, FunctionOutcome)>>,
) -> (WorkersReport, Result<(), AbortReason>) {
    let outcomes = std::pin::pin!(work.buffer_unordered(AT_ONCE));
    let mut outcomes = Heartbeat::new(outcomes, || context.emit(Event::Waiting(fleet.waiting())));
    let mut report = WorkersReport {
        selected: total,
        ..WorkersReport::default()
    };
    let tell = |done| {
        context.emit(Event::Progress {
            action,
            role,
            done,
            total,
        });
    };
    tell(0);
    let mut end = Ok(());
    let mut count = 0;
    while let Some((name, outcome)) = outcomes.next().await {
        if let End::Aborted(reason @ AbortReason::LeaseLost) = outcome.end {
            end = Err(reason);
        }
        report.add(name, outcome);
        count += 1;
        tell(count);
    }
    report.sort();
    (report, end)
}

impl WorkersReport {
    fn add(&mut self, name: String, outcome: FunctionOutcome) {
        let is_drifted = !outcome.drifted.is_empty();
        self.drifted.extend(outcome.drifted);
        self.gone.extend(outcome.gone);
        match outcome.end {
            // Not where it should be, and not to be brought there either.
            End::Reached if is_drifted => {}
            End::Reached if outcome.changed => self.changed.push(name),
            End::Reached => self.unchanged.push(name),
            End::Gone => self.gone.push(name),
            End::Vanished => self.selected = self.selected.saturating_sub(1),
            End::Aborted(_) => self.unfinished.push(name),
            End::Failed(error) => self.failed.push(failure(name, &error)),
            End::Unsaved(failure) => self.failed.push(failure),
        }
    }

    fn sort(&mut self) {
        self.changed.sort();
        self.unchanged.sort();
        self.unfinished.sort();
        self.failed.sort_by(|a, b| a.function.cmp(&b.function));
        self.drifted
            .sort_by(|a, b| (&a.function, &a.setting).cmp(&(&b.function, &b.setting)));
        self.gone.sort();
    }
}
