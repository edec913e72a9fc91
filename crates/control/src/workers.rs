//! Pausing and restoring the functions of a role.
//!
//! The rule: whatever dies, whenever, the next `off` gives every function back exactly what it had, or
//! says by name what it could not. Three things make it so. What a function has is saved, create-only,
//! before the function is touched ([`saved`], [`queue`]). Every step can be repeated, so that recovering is doing
//! the same again ([`pause`], [`restore`]). And a value that is neither the saved one nor the paused
//! one is somebody else's: it is kept and reported.

mod current;
mod drift;
mod pause;
mod queue;
mod restore;
mod saved;
mod survey;
mod unexplained;

pub(crate) use current::Current;
pub(crate) use pause::{Paused, Preparation, Timeouts, prepare};
pub(crate) use restore::{Restoration, restore};
pub(crate) use saved::{Place, Saved};
pub(crate) use survey::{Look, rows, status, survey};
pub(crate) use unexplained::unexplained;

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use maintenance_flag::Role;

use crate::error::Error;
use crate::fleet::LambdaError;
use crate::text::in_full;
use crate::event::{Event, Run};
use crate::fleet::{AT_ONCE, Fleet};
use crate::fence::Halt;
use crate::report::{Action, Drift, Failure, WorkersReport};

/// How often listeners are told what is waited for.
const BEAT: Duration = Duration::from_secs(1);

/// What became of one function.
#[derive(Debug, Default)]
struct Done {
    changed: bool,
    drifted: Vec<Drift>,
    gone: Vec<String>,
    end: End,
}

/// How the work on a function ended.
#[derive(Debug, Default)]
enum End {
    /// It is where it should be, but for what drifted or is gone.
    #[default]
    Reached,
    /// It is not.
    Failed(LambdaError),
    /// It is as it was, since what it has could not be saved: why, and what to do.
    Unsaved(String, Option<String>),
    /// It does not exist any more.
    Gone,
    /// It was deleted before anything of it was saved.
    NeverOurs,
    /// The operation was asked to stop.
    Stopped,
}

/// Works on so many functions side by side, tells of each, and gathers what became of them.
async fn each<F>(
    fleet: &Fleet,
    action: Action,
    role: &Role,
    run: &Run<'_>,
    total: usize,
    work: impl Stream<Item = (String, F)>,
) -> Result<WorkersReport, Error>
where
    F: Future<Output = Done>,
{
    // Each is made when its turn comes: a thousand that wait would take kilobytes each.
    let stream = work
        .map(|(name, function)| async move { (name, function.await) })
        .buffer_unordered(AT_ONCE);
    let stream = std::pin::pin!(stream);
    let mut stream = Told::new(stream, || run.tell(Event::Waiting(fleet.waiting())));
    let mut report = WorkersReport {
        selected: total,
        ..WorkersReport::default()
    };
    let tell = |done| {
        run.tell(Event::Progress {
            action,
            role,
            done,
            total,
        });
    };
    tell(0);
    let mut lost = false;
    let mut count = 0;
    while let Some((name, done)) = stream.next().await {
        let is_drifted = !done.drifted.is_empty();
        report.drifted.extend(done.drifted);
        report.gone.extend(done.gone);
        match done.end {
            // Not where it should be, and not to be brought there either.
            End::Reached if is_drifted => {}
            End::Reached if done.changed => report.changed.push(name),
            End::Reached => report.unchanged.push(name),
            End::Gone => {}
            End::NeverOurs => report.selected = report.selected.saturating_sub(1),
            End::Stopped => report.unfinished.push(name),
            End::Failed(LambdaError::Halted(Halt::LeaseLost)) => lost = true,
            End::Failed(error) => report.failed.push(failure(name, &error)),
            End::Unsaved(error, hint) => report.failed.push(Failure {
                function: name,
                error,
                hint,
            }),
        }
        count += 1;
        tell(count);
    }
    if lost {
        return Err(Error::LeaseLost);
    }
    report.changed.sort();
    report.unchanged.sort();
    report.unfinished.sort();
    report.failed.sort_by(|a, b| a.function.cmp(&b.function));
    report
        .drifted
        .sort_by(|a, b| (&a.function, &a.setting).cmp(&(&b.function, &b.setting)));
    report.gone.sort();
    Ok(report)
}

/// A stream that says every second, while its next item is waited for, that it is still at work.
struct Told<S, T> {
    stream: S,
    tell: T,
    beat: tokio::time::Interval,
}

impl<S: Stream + Unpin, T: Fn()> Told<S, T> {
    fn new(stream: S, tell: T) -> Self {
        let start = tokio::time::Instant::now() + BEAT;
        let mut beat = tokio::time::interval_at(start, BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self { stream, tell, beat }
    }

    async fn next(&mut self) -> Option<S::Item> {
        loop {
            tokio::select! {
                biased;
                next = self.stream.next() => return next,
                _ = self.beat.tick() => (self.tell)(),
            }
        }
    }
}

/// A failure in words, with what AWS said.
pub(crate) fn failure(function: String, error: &LambdaError) -> Failure {
    Failure {
        function,
        error: in_full(error),
        hint: error.hint(),
    }
}

impl From<LambdaError> for End {
    fn from(error: LambdaError) -> Self {
        match error {
            LambdaError::Halted(Halt::Stopped) => Self::Stopped,
            error => Self::Failed(error),
        }
    }
}
