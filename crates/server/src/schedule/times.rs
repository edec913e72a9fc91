//! From when to when a window may be, as people ask for it.

use jiff::Timestamp;

use super::recurrence::length;

/// Why a window cannot be from then to then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimesError {
    /// It would start in the past.
    InPast,
    /// It would end before it starts.
    EndsFirst,
    /// It is too short or too long: what the time between them must be.
    Length(String),
}

/// The start and the end in whole seconds: a start to come, and an end that is later by no more than a window may
/// last.
///
/// # Errors
/// [`TimesError`].
pub fn check_times(
    starts_at: Timestamp,
    until: Timestamp,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), TimesError> {
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    let (starts_at, until) = (whole(starts_at), whole(until));
    if starts_at <= now {
        return Err(TimesError::InPast);
    }
    if until <= starts_at {
        return Err(TimesError::EndsFirst);
    }
    length(until.duration_since(starts_at)).map_err(TimesError::Length)?;
    Ok((starts_at, until))
}
