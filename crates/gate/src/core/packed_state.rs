//! The last known mode and until when it is fresh, in one atomic integer: all that a request reads.
//!
//! One integer means one load, no lock and no torn pair. Time is kept modulo 2³⁸ ms (8.7 years) and
//! compared by its distance: if the clock jumps backwards, the age looks very long, and the state has expired
//! instead of staying fresh for ever.

use std::sync::atomic::{AtomicU64, Ordering};

use maintenance_flag::Mode;

const TIME_BITS: u32 = 38;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const LIFETIME_BITS: u32 = 23;
const LIFETIME_MASK: u64 = (1 << LIFETIME_BITS) - 1;
const MODE_SHIFT: u32 = TIME_BITS + LIFETIME_BITS;

/// The longest lifetime that fits, in milliseconds: 2.3 hours.
pub(crate) const MAX_LIFETIME_MS: u64 = LIFETIME_MASK;

/// The last known mode (`None` before the first), when it was read, and for how long it is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedState(u64);

impl PackedState {
    /// `at_ms` is wall-clock time since the epoch; a lifetime above [`MAX_LIFETIME_MS`] is cut to it.
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

    /// The last known mode.
    #[inline]
    pub(crate) fn mode(self) -> Option<Mode> {
        match self.0 >> MODE_SHIFT {
            0 => None,
            1 => Some(Mode::Off),
            2 => Some(Mode::On),
            _ => Some(Mode::ReadOnly),
        }
    }

    /// Whether the state is fresh at `now_ms`, wall-clock time since the epoch.
    #[inline]
    pub(crate) fn is_fresh(self, now_ms: u64) -> bool {
        self.age_ms(now_ms) < self.lifetime_ms()
    }

    /// For how many more milliseconds the state is fresh.
    pub(crate) fn fresh_for_ms(self, now_ms: u64) -> u64 {
        self.lifetime_ms().saturating_sub(self.age_ms(now_ms))
    }

    #[inline]
    fn age_ms(self, now_ms: u64) -> u64 {
        now_ms.wrapping_sub(self.0) & TIME_MASK
    }

    #[inline]
    fn lifetime_ms(self) -> u64 {
        self.0 >> TIME_BITS & LIFETIME_MASK
    }
}

/// A [`PackedState`] that requests read while a refresh replaces it. Initially no mode is known, and the state has expired.
#[derive(Debug, Default)]
pub(crate) struct AtomicPackedState(AtomicU64);

impl AtomicPackedState {
    #[inline]
    pub(crate) fn load(&self) -> PackedState {
        PackedState(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn store(&self, state: PackedState) {
        self.0.store(state.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    #[test]
    fn keeps_every_mode() {
        for known in [None, Some(Mode::Off), Some(Mode::On), Some(Mode::ReadOnly)] {
            assert_eq!(PackedState::new(known, NOW, 5_000).mode(), known);
            assert_eq!(PackedState::new(known, u64::MAX, u64::MAX).mode(), known);
        }
        assert_eq!(AtomicPackedState::default().load().mode(), None);
    }

    #[test]
    fn is_fresh_for_its_lifetime_and_not_before_it_was_read() {
        let state = PackedState::new(Some(Mode::Off), NOW, 5_000);
        assert!(state.is_fresh(NOW));
        assert!(state.is_fresh(NOW + 4_999));
        assert!(!state.is_fresh(NOW + 5_000));
        assert!(!state.is_fresh(NOW + 86_400_000));
        assert!(!state.is_fresh(NOW - 1), "the clock jumped backwards");
        assert!(!state.is_fresh(0));
    }

    #[test]
    fn a_lifetime_of_zero_is_never_fresh() {
        assert!(!PackedState::new(Some(Mode::On), NOW, 0).is_fresh(NOW));
        assert!(!AtomicPackedState::default().load().is_fresh(0));
    }

    #[test]
    fn time_wraps_without_harm() {
        let end = TIME_MASK;
        let state = PackedState::new(Some(Mode::On), end, 5_000);
        assert!(state.is_fresh(end + 4_999));
        assert!(!state.is_fresh(end + 5_000));
    }
}
