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
    /// Whether this may be tried now. What is left of one that failed waits as that one does.
    pub(super) fn allows(&self, action: &Action) -> bool {
        let mut known = self.0.iter().filter(|(known, _)| known.covers(action));
        known.all(|(_, it)| it.again.is_some_and(|again| again <= Instant::now()))
    }

    /// It failed; in how long it is tried again.
    pub(super) fn failed(&mut self, action: Action) -> Duration {
        let known = self.0.extract_if(.., |known, _| known.covers(&action));
        let failures = known.map(|(_, it)| it.failures).max().unwrap_or(0);
        let wait = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
        let attempt = Attempt {
            failures: failures.saturating_add(1),
            again: Some(Instant::now() + wait),
        };
        self.0.insert(action, attempt);
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
        self.0
            .retain(|known, _| due.iter().any(|action| known.covers(action)));
    }

    /// In how long the next of them is tried again.
    pub(super) fn next(&self) -> Option<Duration> {
        let again = self.0.values().filter_map(|attempt| attempt.again);
        let next = again.min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }
}
