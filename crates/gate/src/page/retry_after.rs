//! The content of a 503 that comes from the flag: `Retry-After` and the operator's message. The layout is elsewhere.

use maintenance_flag::{Flag, MAX_VALUE_BYTES};

/// The value of `Retry-After` if the flag has neither a value for it nor an end: two minutes, in seconds.
const DEFAULT_RETRY_AFTER: u64 = 120;

/// The part of a response that changes during a maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryAfter {
    /// The value of `Retry-After`, in seconds.
    pub(crate) seconds: u64,
    /// Whether the announced end has passed.
    pub(crate) overdue: bool,
}

impl RetryAfter {
    /// Takes the flag's own value, else the time to the announced end if that is in the future, else
    /// [`DEFAULT_RETRY_AFTER`].
    pub(crate) fn at(flag: &Flag, now_ms: u64) -> Self {
        let end_ms = flag
            .serves_at()
            .map(|end| u64::try_from(end.as_millisecond()).unwrap_or(0));
        let left = end_ms
            .and_then(|end_ms| end_ms.checked_sub(now_ms))
            .map(|left_ms| left_ms.div_ceil(1_000))
            .filter(|left| *left > 0);
        let own = flag.retry_after.map(u64::from);
        Self {
            seconds: own.or(left).unwrap_or(DEFAULT_RETRY_AFTER),
            overdue: end_ms.is_some() && left.is_none(),
        }
    }
}

/// Returns the operator's message, trimmed and cut to the size that Parameter Store would hold: a file, or a source of
/// the app's own, has no such limit, but a page has one.
pub(super) fn message(flag: &Flag) -> Option<&str> {
    let message = flag.message.as_deref()?.trim();
    let message = message.get(..message.floor_char_boundary(MAX_VALUE_BYTES))?;
    Some(message).filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use maintenance_flag::Mode;

    use super::*;

    #[test]
    fn retry_after_is_the_flags_own_then_its_end_then_two_minutes() {
        let now: Timestamp = "2026-11-21T08:00:00.5Z".parse().unwrap();
        let now_ms = now.as_millisecond() as u64;
        let mut flag = Flag::bare(Mode::On);
        let at = |flag: &Flag, now_ms| {
            let RetryAfter { seconds, overdue } = RetryAfter::at(flag, now_ms);
            (seconds, overdue)
        };
        assert_eq!(at(&flag, now_ms), (120, false));
        flag.until = Some("2026-11-21T08:10:00Z".parse().unwrap());
        assert_eq!(at(&flag, now_ms), (600, false), "rounded up");
        assert_eq!(at(&flag, now_ms + 599_499), (1, false), "never 0");
        assert_eq!(at(&flag, now_ms + 599_500), (120, true));
        assert_eq!(at(&flag, u64::MAX), (120, true));
        flag.until = Some("1960-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(at(&flag, now_ms), (120, true));
        assert_eq!(at(&flag, 0), (120, true));
        flag.retry_after = Some(0);
        assert_eq!(at(&flag, now_ms), (0, true));
        flag.retry_after = Some(30);
        assert_eq!(at(&flag, now_ms), (30, true));
    }

    #[test]
    fn a_message_is_trimmed_and_has_an_end() {
        let message = |text: &str| {
            let mut flag = Flag::bare(Mode::On);
            flag.message = Some(text.to_owned());
            super::message(&flag).map(str::to_owned)
        };
        assert_eq!(message(""), None);
        assert_eq!(message(" \n\t "), None);
        assert_eq!(message(" soon\n").as_deref(), Some("soon"));
        let long = message(&"ü".repeat(MAX_VALUE_BYTES)).unwrap();
        assert_eq!(long.len(), MAX_VALUE_BYTES);
        let odd = message(&format!("x{}", "ü".repeat(MAX_VALUE_BYTES))).unwrap();
        assert_eq!(odd.len(), MAX_VALUE_BYTES - 1);
    }
}
