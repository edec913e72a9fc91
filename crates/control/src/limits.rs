//! What may be said of a window, by the command as by the API: texts that terminals and pages show, and times.
//!
//! An error follows the name of what it is about: `must be …`.

use jiff::{Timestamp, ToSpan as _, Zoned};
use maintenance_flag::{MAX_REASON_BYTES, stored_bytes};

/// The longest message, bytes: a flag has 4096 in all.
pub const MAX_MESSAGE_BYTES: usize = 1024;
/// The longest `Retry-After`, seconds: as far ahead as the end of a window.
pub const MAX_RETRY_AFTER: u32 = 30 * 24 * 60 * 60;
/// The furthest end of a window, days ahead: a year typed wrong is not to be promised to visitors.
const MAX_DAYS: i64 = 30;
/// The furthest start of a window, days ahead.
const MAX_DAYS_AHEAD: i64 = 366;

/// Why something cannot be said of a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// There is nothing in it.
    #[error("must not be empty")]
    Empty,
    /// It takes more bytes than there are for it.
    #[error("must be at most {most} bytes, and has {bytes}")]
    TooLong {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// It would show a text that differs from the stored one.
    #[error(
        "must not hold U+{:04X}, which turns the direction of the text after it",
        u32::from(*.0)
    )]
    TurnsDirection(char),
    /// It would move the cursor of a terminal, or look like a line of ours.
    #[error("must be one line, without control characters")]
    NotOneLine,
    /// It is no number of seconds that `Retry-After` may say.
    #[error("must be a whole number of seconds, 1 to {MAX_RETRY_AFTER}")]
    NotARetryAfter,
    /// It has passed.
    #[error("must be in the future, and {0} is not")]
    NotInTheFuture(Timestamp),
    /// It is too far ahead.
    #[error("must end within {MAX_DAYS} days")]
    TooFar,
    /// It begins too far ahead.
    #[error("must begin within {MAX_DAYS_AHEAD} days")]
    TooFarAhead,
}

/// Whether a terminal would do something other than to show it: control characters, C1 among them, the
/// separators of lines and paragraphs, and what turns the direction of the text around it.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns_direction(c)
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Checks that a text is one line that every terminal and page shows as it is stored.
///
/// # Errors
/// [`Invalid::TurnsDirection`] and [`Invalid::NotOneLine`].
pub fn check_line(text: &str) -> Result<(), Invalid> {
    match text.chars().find(|c| is_unprintable(*c)) {
        None => Ok(()),
        Some(c) if turns_direction(c) => Err(Invalid::TurnsDirection(c)),
        Some(_) => Err(Invalid::NotOneLine),
    }
}

/// What visitors are told, without the space around it.
///
/// # Errors
/// [`Invalid`], if it is empty, too long or not one line.
pub fn message(text: &str) -> Result<&str, Invalid> {
    line(text, MAX_MESSAGE_BYTES)
}

/// Why maintenance is on, or an observer is overridden, without the space around it.
///
/// # Errors
/// [`Invalid`], if it is empty, too long as stored, or not one line.
pub fn reason(text: &str) -> Result<&str, Invalid> {
    one_line(text, stored_bytes, MAX_REASON_BYTES)
}

/// A line of at most so many bytes, without the space around it.
///
/// # Errors
/// [`Invalid`], if it is empty, too long or not one line.
pub fn line(text: &str, most: usize) -> Result<&str, Invalid> {
    one_line(text, str::len, most)
}

fn one_line(text: &str, length: fn(&str) -> usize, most: usize) -> Result<&str, Invalid> {
    let text = text.trim();
    match length(text) {
        0 => return Err(Invalid::Empty),
        bytes if bytes > most => return Err(Invalid::TooLong { bytes, most }),
        _ => {}
    }
    check_line(text)?;
    Ok(text)
}

/// What `Retry-After` shall say, seconds.
///
/// # Errors
/// [`Invalid::NotARetryAfter`].
pub fn retry_after(seconds: u32) -> Result<u32, Invalid> {
    match seconds {
        1..=MAX_RETRY_AFTER => Ok(seconds),
        _ => Err(Invalid::NotARetryAfter),
    }
}

/// The end of a window in whole seconds, rounded up, so that visitors are not promised less than was asked for.
///
/// # Errors
/// [`Invalid`], if it has passed or is more than 30 days ahead.
pub fn end(end: Timestamp, now: &Zoned) -> Result<Timestamp, Invalid> {
    to_come(end, now, MAX_DAYS, Invalid::TooFar)
}

/// The start of a window in whole seconds, rounded up, as its end is.
///
/// # Errors
/// [`Invalid`], if it has passed or is more than 366 days ahead.
pub fn start(start: Timestamp, now: &Zoned) -> Result<Timestamp, Invalid> {
    to_come(start, now, MAX_DAYS_AHEAD, Invalid::TooFarAhead)
}

/// A time within so many days in whole seconds, rounded up.
fn to_come(at: Timestamp, now: &Zoned, days: i64, too_far: Invalid) -> Result<Timestamp, Invalid> {
    if at <= now.timestamp() {
        return Err(Invalid::NotInTheFuture(at));
    }
    let latest = now.checked_add(days.days());
    let whole = Timestamp::from_second(at.as_second() + i64::from(at.subsec_nanosecond() > 0));
    match (latest, whole) {
        (Ok(latest), Ok(whole)) if at <= latest.timestamp() => Ok(whole),
        _ => Err(too_far),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_broken_rule_has_its_words() {
        let words = |text| check_line(text).map_err(|broken| broken.to_string());
        assert_eq!(words("Zurück um 9:00 ✓"), Ok(()));
        let one_line = "must be one line, without control characters";
        for bad in ["a\nb", "\u{1b}[2J", "\u{9b}", "\u{2028}", "\u{7f}"] {
            assert_eq!(words(bad).unwrap_err(), one_line, "{bad:?}");
        }
        assert!(words("\u{202e}").unwrap_err().contains("U+202E"));
    }

    #[test]
    fn a_reason_counts_as_it_is_stored() {
        assert_eq!(reason(" schema 42 "), Ok("schema 42"));
        assert_eq!(reason(" "), Err(Invalid::Empty));
        assert!(reason(&"x".repeat(MAX_REASON_BYTES)).is_ok());
        let escaped = "\"".repeat(MAX_REASON_BYTES);
        assert!(matches!(reason(&escaped), Err(Invalid::TooLong { .. })));
    }
}
