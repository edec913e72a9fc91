//! What an observer remembers from check to check: its streak, and what is stored of it. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::{Observation, Verdict};
use serde_json::Map;

use super::CheckResult;

/// How old what is stored may become though it says nothing new.
const REWRITTEN_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// A streak that was interrupted for longer than this, and than ten intervals, begins anew.
const STREAK_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// What an observer remembers.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// What the last check came to, and when it ended.
    pub(super) last: Option<(Timestamp, CheckResult)>,
    /// How many results in a row were equal to the last one: 0 of unknown ones.
    pub(super) streak: u32,
    others_changed_at: Option<Timestamp>,
    /// It has looked at the windows before.
    has_looked: bool,
    pub(super) normal_at: Option<Timestamp>,
    /// What it began last has not ended well.
    pub(super) is_unfinished: bool,
    /// What is stored, as far as is known.
    stored: Option<Observation>,
}

impl Memory {
    /// As it was stored.
    pub(super) fn recall(stored: Observation, interval: Duration, now: Timestamp) -> Self {
        let ten = SignedDuration::try_from(interval.saturating_mul(10));
        let lasts = ten.unwrap_or(SignedDuration::MAX).max(STREAK_LASTS);
        let is_old = now.duration_since(stored.checked_at) > lasts;
        let last = CheckResult {
            verdict: stored.result,
            observed: stored.observed.clone(),
            error: stored.error.clone(),
            next_transition: None,
        };
        Self {
            last: Some((stored.checked_at, last)),
            streak: if is_old { 0 } else { stored.streak },
            others_changed_at: stored.others_changed_at,
            has_looked: true,
            normal_at: stored.normal_at,
            is_unfinished: stored.is_unfinished,
            stored: Some(stored),
        }
    }

    /// A check came to this. One that says nothing breaks the streak, too: results are in a row, or are not.
    pub(super) fn add(&mut self, result: CheckResult, at: Timestamp) {
        let before = self.last.as_ref().map(|(_, last)| last.verdict);
        self.streak = match result.verdict {
            Verdict::Unknown => 0,
            verdict if before == Some(verdict) => self.streak.saturating_add(1),
            _ => 1,
        };
        self.last = Some((at, result));
    }

    /// Others changed the windows last at this time. If that is new, results until now do not count; at the first
    /// look, nothing is.
    pub(super) fn others_changed(&mut self, at: Option<Timestamp>) {
        if at > self.others_changed_at {
            self.others_changed_at = at;
            if self.has_looked {
                self.streak = 0;
            }
        }
        self.has_looked = true;
    }

    /// What enough results in a row were.
    pub(super) fn confirmed(&mut self, confirm: u32) -> Verdict {
        let Some((at, last)) = &self.last else {
            return Verdict::Unknown;
        };
        if self.streak < confirm.max(1) {
            return Verdict::Unknown;
        }
        if last.verdict == Verdict::Normal {
            self.normal_at = Some(*at);
        }
        last.verdict
    }

    /// What is to be stored, if it says anything new, or what is stored is old.
    pub(super) fn to_store(&self, confirm: u32) -> Option<Observation> {
        let (checked_at, last) = self.last.as_ref()?;
        let stored = self.stored.as_ref();
        let new = Observation {
            result: last.verdict,
            checked_at: *checked_at,
            observed: last.observed.clone(),
            error: last.error.clone(),
            streak: self.streak.min(confirm),
            others_changed_at: self.others_changed_at,
            normal_at: self.normal_at,
            is_unfinished: self.is_unfinished,
            unknown: stored.map_or_else(Map::new, |stored| stored.unknown.clone()),
        };
        let is_same = stored.is_some_and(|stored| {
            let is_old = checked_at.duration_since(stored.checked_at) > REWRITTEN_AFTER;
            let is_equal = (new.result, new.streak) == (stored.result, stored.streak)
                && new.others_changed_at == stored.others_changed_at
                && new.is_unfinished == stored.is_unfinished;
            is_equal && !is_old
        });
        (!is_same).then_some(new)
    }

    /// This is stored now.
    pub(super) fn stored(&mut self, observation: Observation) {
        self.stored = Some(observation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: Verdict = Verdict::Maintenance;
    const N: Verdict = Verdict::Normal;
    const U: Verdict = Verdict::Unknown;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn result(verdict: Verdict) -> CheckResult {
        match verdict {
            U => CheckResult::unknown("silence"),
            verdict => CheckResult::of(verdict, verdict.as_str()),
        }
    }

    /// What counts after these results, of which one in a row does with 1, two with 2.
    fn after(confirm: u32, results: &[Verdict]) -> Verdict {
        let mut memory = Memory::default();
        for verdict in results {
            memory.add(result(*verdict), at(0));
        }
        memory.confirmed(confirm)
    }

    #[test]
    fn as_many_equal_results_in_a_row_count_and_an_unknown_one_breaks_the_row() {
        for (confirm, results, counts) in [
            (1, &[][..], U),
            (1, &[M][..], M),
            (1, &[M, U], U),
            (1, &[U, N], N),
            (2, &[M], U),
            (2, &[M, M], M),
            (2, &[M, N], U),
            (2, &[M, M, N], U),
            (2, &[M, M, N, N], N),
            (2, &[M, U, M], U),
            (2, &[M, U, M, M], M),
            (3, &[N, N, N, N], N),
            (2, &[U, U, U], U),
        ] {
            assert_eq!(after(confirm, results), counts, "{confirm} {results:?}");
        }
    }

    #[test]
    fn results_from_before_a_persons_change_do_not_count() {
        let mut memory = Memory::default();
        memory.add(result(M), at(0));
        memory.add(result(M), at(30));
        // What was before the first look is not new.
        memory.others_changed(Some(at(10)));
        assert_eq!(memory.confirmed(2), M);
        memory.others_changed(Some(at(45)));
        assert_eq!(memory.confirmed(1), U);
        memory.add(result(M), at(60));
        memory.others_changed(Some(at(45)));
        // Its own window hides the older change.
        memory.others_changed(None);
        assert_eq!((memory.confirmed(1), memory.confirmed(2)), (M, U));
    }

    #[test]
    fn what_is_stored_is_recalled_and_a_streak_of_long_ago_begins_anew() {
        let mut memory = Memory::default();
        memory.add(result(M), at(0));
        let stored = memory.to_store(2).unwrap();
        let recalled = |after: i64, interval: u64| {
            let interval = Duration::from_secs(interval);
            let mut memory = Memory::recall(stored.clone(), interval, at(after));
            memory.add(result(M), at(after));
            memory.confirmed(2)
        };
        assert_eq!(recalled(60, 30), M);
        assert_eq!(recalled(3_599, 30), M);
        assert_eq!(recalled(3_601, 30), U);
        assert_eq!(recalled(86_400, 10_000), M);
    }

    #[test]
    fn it_is_stored_when_it_says_something_new_or_what_is_stored_is_old() {
        let mut memory = Memory::default();
        let mut writes = Vec::new();
        for n in 0..50 {
            let verdict = if n < 40 { N } else { M };
            memory.add(result(verdict), at(30 * n));
            if let Some(new) = memory.to_store(2) {
                writes.push(n);
                memory.stored(new);
            }
        }
        // The streak up to two, once in ten minutes, and the other result.
        assert_eq!(writes, [0, 1, 22, 40, 41]);
    }
}
