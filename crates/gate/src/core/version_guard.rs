//! Whether an answer of the store is older than the known flag. Pure: no clock, no source.
//!
//! Parameter Store's reads are eventually consistent: after the newest version a read may find the one
//! before it, or no parameter at all. Such an answer must not turn the gate back. But an operator may have
//! deleted the parameter and created it again; its versions then start at 1 again.
//!
//! Time tells the two apart. The newest version was there when its answer came. If a fetch that began a minute
//! later returns an older version, then either the read lags by a minute or the parameter was created again: the
//! guard accepts it. Until then it ignores older answers.
//!
//! - The minute also passes in a frozen environment, rightly: no read lags by the day for which it was frozen.
//! - If the clock was set back, the minute starts again, so that it always ends.
//! - If the clock jumped forward, an older answer may be accepted too early; the next newer answer corrects it.
//! - An answer without a version, from a store that has none, is always accepted.

use crate::source::ParameterValue;

/// The longest lag of a read, in milliseconds. AWS names no bound, but asks to wait 30 s before the name
/// of a deleted parameter is used again; this is twice that.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html>
const LONGEST_LAG_MS: u64 = 60_000;

/// The newest version seen, if the source has versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct VersionGuard(Option<Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    version: u64,
    /// When an answer last had this version: wall-clock milliseconds since the epoch.
    at_ms: u64,
}

impl VersionGuard {
    /// The newest version seen.
    pub(crate) fn version(&self) -> Option<u64> {
        self.0.map(|seen| seen.version)
    }

    /// Whether to ignore an answer because it is older than the known flag. `None` is the answer that the parameter does
    /// not exist; `asked_ms` is when the fetch began, in wall-clock milliseconds since the epoch.
    pub(crate) fn is_stale(&mut self, answer: Option<&ParameterValue>, asked_ms: u64) -> bool {
        let Some(seen) = &mut self.0 else {
            return false;
        };
        let is_older = match answer {
            None => true,
            Some(value) => value.version().is_some_and(|it| it < seen.version),
        };
        if !is_older {
            return false;
        }
        match asked_ms.checked_sub(seen.at_ms) {
            Some(lag_ms) => lag_ms < LONGEST_LAG_MS,
            None => {
                seen.at_ms = asked_ms;
                true
            }
        }
    }

    /// Records the answer that is the known flag from now on, and when it came.
    pub(crate) fn update(&mut self, answer: Option<&ParameterValue>, answered_ms: u64) {
        let version = answer.and_then(ParameterValue::version);
        self.0 = version.map(|version| Seen {
            version,
            at_ms: answered_ms,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_000_000_000;
    const HOUR: u64 = 3_600_000;

    /// An answer: none is "no such parameter".
    fn of(version: impl Into<Option<u64>>) -> Option<ParameterValue> {
        let version = version.into()?;
        Some(ParameterValue::from("on").with_version(version))
    }

    /// Version 7 was seen at `START`.
    fn seven() -> VersionGuard {
        let mut newest = VersionGuard::default();
        newest.update(of(7).as_ref(), START);
        newest
    }

    /// Whether an answer is ignored.
    fn is_stale(newest: &mut VersionGuard, version: impl Into<Option<u64>>, asked_ms: u64) -> bool {
        newest.is_stale(of(version).as_ref(), asked_ms)
    }

    #[test]
    fn an_answer_as_new_or_newer_counts_at_once() {
        for at_ms in [0, START - HOUR, START, START + 1, START + HOUR] {
            for version in [7, 8, u64::MAX] {
                assert!(!is_stale(&mut seven(), version, at_ms), "{version} {at_ms}");
            }
        }
    }

    #[test]
    fn an_older_answer_counts_after_a_minute_without_the_newest() {
        for older in [Some(0), Some(1), Some(6), None] {
            let mut newest = seven();
            for seconds in 0..60 {
                assert!(is_stale(&mut newest, older, START + seconds * 1_000));
            }
            assert!(is_stale(&mut newest, older, START + 59_999));
            assert!(!is_stale(&mut newest, older, START + 60_000), "{older:?}");
            assert!(!is_stale(&mut newest, older, START + 24 * HOUR), "a day");
        }
    }

    #[test]
    fn each_sight_of_the_newest_begins_the_minute_anew() {
        let mut newest = seven();
        assert!(is_stale(&mut newest, 6, START + 50_000));
        newest.update(of(7).as_ref(), START + 55_000);
        assert!(is_stale(&mut newest, 6, START + 114_999));
        assert!(!is_stale(&mut newest, 6, START + 115_000));
    }

    #[test]
    fn a_clock_set_back_begins_the_minute_anew_and_one_set_forth_ends_it() {
        let mut newest = seven();
        assert!(is_stale(&mut newest, 1, START - HOUR));
        assert!(is_stale(&mut newest, 1, START - HOUR + 59_999));
        assert!(!is_stale(&mut newest, 1, START - HOUR + 60_000));
        assert!(!is_stale(&mut seven(), 1, START + HOUR));
    }

    #[test]
    fn a_parameter_made_anew_counts_from_then_on_by_its_own_versions() {
        let mut newest = seven();
        assert!(!is_stale(&mut newest, 1, START + HOUR));
        newest.update(of(1).as_ref(), START + HOUR);
        assert_eq!(newest.version(), Some(1));
        assert!(is_stale(&mut newest, None, START + HOUR + 1));
        assert!(!is_stale(&mut newest, 2, START + HOUR + 1));
    }

    #[test]
    fn without_versions_everything_counts() {
        let plain = ParameterValue::from("off");
        assert!(!VersionGuard::default().is_stale(None, START));
        assert!(!seven().is_stale(Some(&plain), START));
        let mut newest = seven();
        newest.update(Some(&plain), START);
        assert!(!is_stale(&mut newest, None, START), "as with any file");
        let mut newest = seven();
        newest.update(None, START);
        assert!(!is_stale(&mut newest, 1, START));
    }

    /// What happens to a parameter and to a gate that reads it.
    #[derive(Debug, Clone)]
    enum Event {
        /// Time passes: milliseconds, at most a TTL.
        Passes(u64),
        /// It is written.
        Written,
        /// The environment is frozen: seconds.
        Frozen(u64),
        /// It is read as it was so many milliseconds before.
        Read(u64),
    }

    fn event() -> impl proptest::strategy::Strategy<Value = Event> {
        use proptest::prelude::*;
        prop_oneof![
            (0_u64..10_000).prop_map(Event::Passes),
            Just(Event::Written),
            (0_u64..100_000).prop_map(Event::Frozen),
            (0_u64..LONGEST_LAG_MS).prop_map(Event::Read),
            (0_u64..LONGEST_LAG_MS).prop_map(Event::Read),
        ]
    }

    proptest::proptest! {
        /// Whichever replica answers, however the environment was frozen.
        #[test]
        fn fuzz_no_gate_goes_back_while_the_parameter_is_not_deleted(
            events in proptest::collection::vec(event(), 0..200),
        ) {
            let mut now = START;
            // When each version was written; the first is none.
            let mut written = vec![0];
            let (mut newest, mut known) = (VersionGuard::default(), 0);
            for event in events {
                match event {
                    Event::Passes(ms) => now += ms,
                    Event::Frozen(seconds) => now += seconds * 1_000,
                    Event::Written => written.push(now),
                    Event::Read(lag) => {
                        let seen = written.iter().filter(|at| **at <= now - lag).count() as u64 - 1;
                        let answer = of((seen > 0).then_some(seen));
                        if newest.is_stale(answer.as_ref(), now) {
                            proptest::prop_assert!(seen < known, "it ignored a newer one");
                            continue;
                        }
                        newest.update(answer.as_ref(), now);
                        proptest::prop_assert!(seen >= known, "from {known} back to {seen}");
                        known = seen;
                    }
                }
            }
        }

        /// Wherever the clock jumps to, once it goes on again.
        #[test]
        fn fuzz_a_parameter_made_anew_counts_a_minute_after_the_last_jump(
            version in 1_u64..=u64::MAX,
            jumps in proptest::collection::vec(0..=u64::MAX, 0..20),
            end in 0..=u64::MAX - LONGEST_LAG_MS,
            anew in proptest::option::of(0..=u64::MAX),
        ) {
            let mut newest = VersionGuard::default();
            newest.update(of(version).as_ref(), START);
            for asked in jumps {
                is_stale(&mut newest, anew, asked);
            }
            // The first answer after it may find that the clock was set back.
            is_stale(&mut newest, anew, end);
            proptest::prop_assert!(!is_stale(&mut newest, anew, end + LONGEST_LAG_MS));
        }
    }
}
