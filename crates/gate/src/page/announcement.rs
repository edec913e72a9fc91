//! What a window tells its visitors: the message, the end, and when to come back. Not how it looks.

use jiff::Timestamp;
use maintenance_flag::{Flag, MAX_VALUE_BYTES, Mode};

/// What `Retry-After` says when the flag says neither that nor an end: two minutes, in seconds.
const DEFAULT_RETRY_AFTER: u32 = 120;

/// What a flag says to visitors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) read_only: bool,
    /// Not empty.
    pub(crate) message: Option<String>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) auto_off: bool,
    retry_after: Option<u32>,
}

/// What of an answer changes while a window is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryAfter {
    /// When to come back, in seconds.
    pub(crate) seconds: u64,
    /// Whether the announced end has passed.
    pub(crate) overdue: bool,
}

impl Announcement {
    /// What this flag says; without one there is nothing to say.
    pub(crate) fn new(flag: Option<&Flag>) -> Self {
        Self {
            read_only: flag.is_some_and(|flag| flag.mode == Mode::ReadOnly),
            message: flag.and_then(|flag| flag.message.as_deref()).and_then(clip),
            until: flag.and_then(|flag| flag.until),
            auto_off: flag.is_some_and(|flag| flag.auto_off),
            retry_after: flag.and_then(|flag| flag.retry_after),
        }
    }

    /// The one that takes the most room, with this character throughout its message.
    pub(crate) fn longest(character: &str) -> Self {
        Self {
            read_only: true,
            message: clip(&character.repeat(MAX_VALUE_BYTES)),
            until: Some(Timestamp::MAX),
            auto_off: true,
            retry_after: None,
        }
    }

    /// The flag's mode, as it is stored.
    pub(crate) fn mode(&self) -> &'static str {
        if self.read_only {
            Mode::ReadOnly.as_str()
        } else {
            Mode::On.as_str()
        }
    }

    /// Whether `Retry-After` counts down to the end of the window.
    pub(crate) fn counts_down(&self) -> bool {
        self.until.is_some() && self.retry_after.is_none()
    }

    /// When to come back: as the flag says, else at its end if that is still to come, else after
    /// [`DEFAULT_RETRY_AFTER`].
    pub(crate) fn at(&self, now_ms: u64) -> RetryAfter {
        let end_ms = self
            .until
            .map(|end| u64::try_from(end.as_millisecond()).unwrap_or(0));
        let left = end_ms
            .and_then(|end_ms| end_ms.checked_sub(now_ms))
            .map(|left_ms| left_ms.div_ceil(1_000))
            .filter(|left| *left > 0);
        RetryAfter {
            seconds: self
                .retry_after
                .map(u64::from)
                .or(left)
                .unwrap_or(u64::from(DEFAULT_RETRY_AFTER)),
            overdue: end_ms.is_some() && left.is_none(),
        }
    }
}

/// A message without the space around it, and no longer than Parameter Store would hold: a file or a
/// source of the app's own has no such limit, and a page has one.
fn clip(message: &str) -> Option<String> {
    let message = message.trim();
    let mut end = message.len().min(MAX_VALUE_BYTES);
    while !message.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    message
        .get(..end)
        .filter(|message| !message.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_the_flags_own_then_its_end_then_two_minutes() {
        let now: Timestamp = "2026-11-21T08:00:00.5Z".parse().unwrap();
        let now_ms = now.as_millisecond() as u64;
        let mut flag = Flag::bare(Mode::On);
        let at = |flag: Option<&Flag>, now_ms| {
            let RetryAfter { seconds, overdue } = Announcement::new(flag).at(now_ms);
            (seconds, overdue)
        };
        assert_eq!(at(None, now_ms), (120, false));
        assert_eq!(at(Some(&flag), now_ms), (120, false));
        flag.until = Some("2026-11-21T08:10:00Z".parse().unwrap());
        assert_eq!(at(Some(&flag), now_ms), (600, false), "rounded up");
        assert_eq!(at(Some(&flag), now_ms + 599_499), (1, false), "never 0");
        assert_eq!(at(Some(&flag), now_ms + 599_500), (120, true));
        assert_eq!(at(Some(&flag), u64::MAX), (120, true));
        flag.until = Some("1960-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(at(Some(&flag), now_ms), (120, true));
        assert_eq!(at(Some(&flag), 0), (120, true));
        flag.retry_after = Some(0);
        assert_eq!(at(Some(&flag), now_ms), (0, true));
        flag.retry_after = Some(30);
        assert_eq!(at(Some(&flag), now_ms), (30, true));
    }

    #[test]
    fn a_message_is_trimmed_and_has_an_end() {
        let message = |text: &str| {
            let mut flag = Flag::bare(Mode::On);
            flag.message = Some(text.to_owned());
            Announcement::new(Some(&flag)).message
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
