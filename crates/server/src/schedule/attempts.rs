//! What was tried and did not end well, and when it is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::due::Action;

/// How long after the first failure; twice as long after each further one.
const FIRST: Duration = Duration::from_secs(15);
/// At most so long.
const LONGEST: Duration = Duration::from_secs(600);

/// The actions that failed, each with when it is tried again. Elapsed time: a clock that is set does not count.
#[derive(Debug, Default)]
pub(super) struct Attempts(BTreeMap<Action, Attempt>);

#[derive(Debug)]
struct Attempt {
    failures: u32,
    /// None: the same again would find the same, until something else changes.
    again: Option<Instant>,
}

impl Attempts {
    /// Whether this may be tried now.
    pub(super) fn allows(&self, action: &Action) -> bool {
        let attempt = self.0.get(action);
        attempt.is_none_or(|it| it.again.is_some_and(|again| again <= Instant::now()))
    }

    /// It failed; in how long it is tried again.
    pub(super) fn failed(&mut self, action: Action) -> Duration {
        let attempt = self.0.entry(action).or_insert(Attempt {
            failures: 0,
            again: None,
        });
        let wait = FIRST
            .saturating_mul(1 << attempt.failures.min(10))
            .min(LONGEST);
        attempt.failures = attempt.failures.saturating_add(1);
        attempt.again = Some(Instant::now() + wait);
        wait
    }

    /// Another operation is at work on the app: it is tried again soon, however often.
    pub(super) fn postponed(&mut self, action: Action) -> Duration {
        let again = Some(Instant::now() + FIRST);
        self.0.insert(action, Attempt { failures: 0, again });
        FIRST
    }

    /// What is left of it cannot be done, until something else changes.
    pub(super) fn settled(&mut self, action: Action) {
        let attempt = Attempt {
            failures: 0,
            again: None,
        };
        self.0.insert(action, attempt);
    }

    /// Forgets what is not due any more.
    pub(super) fn keep_only(&mut self, due: &[Action]) {
        self.0.retain(|action, _| due.contains(action));
    }

    /// In how long the next of them is tried again.
    pub(super) fn next(&self) -> Option<Duration> {
        let again = self.0.values().filter_map(|attempt| attempt.again);
        let next = again.min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }
}
