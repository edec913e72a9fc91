//! What a request reads: the last known mode and until when it is fresh, in one atomic word.
//!
//! One word means one load, no lock and no torn pair. Time is kept modulo 2³⁸ ms (8.7 years) and
//! compared by its distance, so that a clock which jumps backwards looks like a very long time and
//! the word is stale, never fresh for ever.

use maintenance_flag::Mode;

use crate::sync::{AtomicU64, Ordering};

const TIME_BITS: u32 = 38;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const LIFETIME_BITS: u32 = 23;
const LIFETIME_MASK: u64 = (1 << LIFETIME_BITS) - 1;
const USUAL_BIT: u64 = 1 << (TIME_BITS + LIFETIME_BITS);
const MODE_SHIFT: u32 = TIME_BITS + LIFETIME_BITS + 1;

/// The longest lifetime that fits, in milliseconds: 2.3 hours.
pub(crate) const MAX_LIFETIME_MS: u64 = LIFETIME_MASK;

/// The mode that was last known (none if it never was), learnt at a moment, fresh for a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    /// Nothing known, and stale.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// `at_ms` is wall-clock time since the epoch; a lifetime that does not fit is cut.
    pub(crate) fn new(known: Option<Mode>, at_ms: u64, lifetime_ms: u64) -> Self {
        let mode: u64 = match known {
            None => 0,
            Some(Mode::Off) => 1,
            Some(Mode::On) => 2,
            Some(Mode::ReadOnly) => 3,
        };
        let lifetime = lifetime_ms.min(MAX_LIFETIME_MS);
        Self(mode << MODE_SHIFT | lifetime << TIME_BITS | at_ms & TIME_MASK)
    }

    /// The same, and whether every request gets the usual refusal.
    pub(crate) fn and_usual(self, usual: bool) -> Self {
        Self(if usual {
            self.0 | USUAL_BIT
        } else {
            self.0 & !USUAL_BIT
        })
    }

    /// Whether every request gets the usual refusal, so that nothing else need be looked at.
    #[inline]
    pub(crate) fn is_usual(self) -> bool {
        self.0 & USUAL_BIT != 0
    }

    /// The mode that was last known.
    #[inline]
    pub(crate) fn known(self) -> Option<Mode> {
        match self.0 >> MODE_SHIFT {
            0 => None,
            1 => Some(Mode::Off),
            2 => Some(Mode::On),
            _ => Some(Mode::ReadOnly),
        }
    }

    /// Whether it may be relied on at `now_ms`, wall-clock time since the epoch.
    #[inline]
    pub(crate) fn is_fresh(self, now_ms: u64) -> bool {
        let age = now_ms.wrapping_sub(self.0) & TIME_MASK;
        age < self.0 >> TIME_BITS & LIFETIME_MASK
    }
}

/// A [`Word`] that requests read while a refresh replaces it.
#[derive(Debug)]
pub(crate) struct AtomicWord(AtomicU64);

impl AtomicWord {
    pub(crate) fn new(word: Word) -> Self {
        Self(AtomicU64::new(word.0))
    }

    #[inline]
    pub(crate) fn load(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn store(&self, word: Word) {
        self.0.store(word.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    #[test]
    fn keeps_every_mode() {
        for known in [None, Some(Mode::Off), Some(Mode::On), Some(Mode::ReadOnly)] {
            assert_eq!(Word::new(known, NOW, 5_000).known(), known);
            assert_eq!(Word::new(known, u64::MAX, u64::MAX).known(), known);
        }
        assert_eq!(Word::UNKNOWN.known(), None);
        assert!(!Word::UNKNOWN.is_usual());
    }

    #[test]
    fn what_is_usual_changes_nothing_else() {
        for known in [None, Some(Mode::Off), Some(Mode::On), Some(Mode::ReadOnly)] {
            for (at_ms, lifetime_ms) in [(NOW, 5_000), (u64::MAX, u64::MAX), (0, 0)] {
                let word = Word::new(known, at_ms, lifetime_ms);
                let usual = word.and_usual(true);
                assert!(!word.is_usual() && usual.is_usual());
                assert_eq!(usual.known(), known);
                for later in [0, 4_999, 5_000, MAX_LIFETIME_MS - 1, MAX_LIFETIME_MS] {
                    let now = at_ms.wrapping_add(later);
                    assert_eq!(usual.is_fresh(now), word.is_fresh(now));
                }
                assert_eq!(usual.and_usual(false), word);
            }
        }
    }

    #[test]
    fn is_fresh_for_its_lifetime_and_not_before_it_was_learnt() {
        let word = Word::new(Some(Mode::Off), NOW, 5_000);
        assert!(word.is_fresh(NOW));
        assert!(word.is_fresh(NOW + 4_999));
        assert!(!word.is_fresh(NOW + 5_000));
        assert!(!word.is_fresh(NOW + 86_400_000));
        assert!(!word.is_fresh(NOW - 1), "the clock jumped backwards");
        assert!(!word.is_fresh(0));
    }

    #[test]
    fn a_lifetime_of_zero_is_never_fresh() {
        assert!(!Word::new(Some(Mode::On), NOW, 0).is_fresh(NOW));
        assert!(!Word::UNKNOWN.is_fresh(0));
    }

    #[test]
    fn time_wraps_without_harm() {
        let end = TIME_MASK;
        let word = Word::new(Some(Mode::On), end, 5_000);
        assert!(word.is_fresh(end + 4_999));
        assert!(!word.is_fresh(end + 5_000));
    }
}
