//! The rules of what may be said of a window, wherever it was said. Each says what is wrong in words
//! that follow a name: `must be …`.

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, ToSpan as _, Zoned};
use maintenance_flag::{AddressRange, PathPattern};

use crate::printable;

/// The furthest end of a window, days ahead: a year typed wrong is not to be promised to visitors.
const MOST_DAYS: i64 = 30;
/// The longest `Retry-After`, seconds: as far ahead as an end.
const MOST_SECONDS: u32 = 30 * 24 * 60 * 60;
/// The longest message, bytes: a flag has 4096 in all.
const MOST_BYTES: usize = 1024;

/// A text for visitors.
pub(super) fn message(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > MOST_BYTES {
        let bytes = text.len();
        return Err(format!(
            "must be at most {MOST_BYTES} bytes, and not {bytes}"
        ));
    }
    printable::check(text)?;
    Ok(text.to_owned())
}

/// A moment ahead: RFC 3339, or a local date and time, or a local time, which is the next one.
pub(super) fn until(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong =
        || "must be a time such as 09:00, \"2026-11-22 09:00\" or 2026-11-22T09:00:00Z".to_owned();
    let end = if let Ok(timestamp) = text.parse::<Timestamp>() {
        timestamp
    } else if !text.contains(':') || text.contains(['[', 'Z', 'z', '+']) {
        // A date alone would be its first second, which nobody means.
        return Err(wrong());
    } else if now.time_zone().is_unknown() {
        return Err(
            "must say its offset, as 2026-11-22T09:00:00Z does: the zone in TZ is not known"
                .to_owned(),
        );
    } else if let Some(time) = local_time(text) {
        next(time, now).ok_or_else(wrong)?
    } else {
        let local: DateTime = text.parse().map_err(|_| wrong())?;
        let zoned = local.to_zoned(now.time_zone().clone());
        zoned.map_err(|_| wrong())?.timestamp()
    };
    ahead(end, now)
}

fn local_time(text: &str) -> Option<Time> {
    let padded = match text.find(':') {
        Some(1) => format!("0{text}"),
        _ => text.to_owned(),
    };
    let plain = |c: char| c.is_ascii_digit() || c == ':';
    padded
        .chars()
        .all(plain)
        .then(|| padded.parse().ok())
        .flatten()
}

/// That time today, or tomorrow if it has passed.
fn next(time: Time, now: &Zoned) -> Option<Timestamp> {
    let on = |day: Zoned| day.with().time(time).build().ok();
    let today = on(now.clone())?;
    let next = if today > *now {
        today
    } else {
        on(now.checked_add(1.day()).ok()?)?
    };
    Some(next.timestamp())
}

/// So long from now on.
pub(super) fn lasting(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let wrong = || "must be a length of time such as 30m or \"1h 15m\"".to_owned();
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let end = now.checked_add(span).map_err(|_| too_far())?.timestamp();
    ahead(end, now)
}

fn too_far() -> String {
    format!("must end within {MOST_DAYS} days")
}

/// In whole seconds, rounded up: what is promised is kept.
fn ahead(end: Timestamp, now: &Zoned) -> Result<Timestamp, String> {
    if end <= now.timestamp() {
        return Err(format!("must be in the future, and {end} is not"));
    }
    let latest = now.checked_add(MOST_DAYS.days()).map_err(|_| too_far())?;
    if end > latest.timestamp() {
        return Err(too_far());
    }
    let whole = end.as_second() + i64::from(end.subsec_nanosecond() > 0);
    Timestamp::from_second(whole).map_err(|_| too_far())
}

/// Seconds for `Retry-After`.
pub(super) fn retry_after(text: &str) -> Result<u32, String> {
    match text.trim().parse() {
        Ok(seconds @ 1..=MOST_SECONDS) => Ok(seconds),
        _ => Err(format!(
            "must be a whole number of seconds, 1 to {MOST_SECONDS}"
        )),
    }
}

/// An address or a range.
pub(super) fn address(text: &str) -> Result<AddressRange, String> {
    let hint = "192.0.2.7, 192.0.2.0/24 or 2001:db8::/32";
    let parsed = text.trim().parse();
    parsed.map_err(|_| format!("must be an address or a range such as {hint}, and not {text:?}"))
}

/// A path, or everything below one.
pub(super) fn path(text: &str) -> Result<PathPattern, String> {
    let parsed = text.trim().parse::<PathPattern>();
    parsed.map_err(|error| format!("must be a path such as /health or /hooks/*: {error}"))
}

/// Where a link leads: an address without a query, so that one can be added.
pub(super) fn url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("must begin with https:// or http://")?;
    let (host, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if host.is_empty() || host.contains('@') {
        return Err("must name a host, and no user".to_owned());
    }
    if path.contains(['?', '#']) {
        return Err("must have no query and no fragment: the link adds its own".to_owned());
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must be written in plain ASCII, without spaces".to_owned());
    }
    let slash = if path.is_empty() { "/" } else { "" };
    Ok(format!("{text}{slash}"))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn now() -> Zoned {
        // In a zone whose rule needs no database.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at: Timestamp = "2026-11-21T20:30:00.5Z".parse().unwrap();
        at.to_zoned(zone)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_end_is_an_instant_or_what_the_clock_on_the_wall_will_show() {
        for (typed, end) in [
            ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"),
            ("2026-11-22T09:00:00+01:00", "2026-11-22T08:00:00Z"),
            ("2026-11-22 09:00", "2026-11-22T08:00:00Z"),
            ("2026-11-22T09:00:30", "2026-11-22T08:00:30Z"),
            ("22:00", "2026-11-21T21:00:00Z"),
            ("9:00", "2026-11-22T08:00:00Z"),
            // It is 21:30 there.
            ("21:30", "2026-11-22T20:30:00Z"),
            ("00:00", "2026-11-21T23:00:00Z"),
            (" 2026-11-21T20:30:01.2Z ", "2026-11-21T20:30:02Z"),
        ] {
            assert_eq!(until(typed, &now()), Ok(at(end)), "{typed}");
        }
    }

    #[test]
    fn an_end_that_is_none_is_refused() {
        for (typed, why) in [
            ("", "must be a time such as"),
            ("soon", "must be a time such as"),
            ("9", "must be a time such as"),
            ("2026", "must be a time such as"),
            ("2026-11-22", "must be a time such as"),
            ("25:00", "must be a time such as"),
            ("2026-02-30 09:00", "must be a time such as"),
            ("2026-11-22 09:00[Mars/Base]", "must be a time such as"),
            ("2026-11-21T20:00:00Z", "must be in the future"),
            ("2026-11-21 21:00", "must be in the future"),
            ("2027-11-21T20:00:00Z", "must end within 30 days"),
        ] {
            let refused = until(typed, &now()).unwrap_err();
            assert!(refused.starts_with(why), "{typed}: {refused}");
        }
    }

    #[test]
    fn where_the_zone_is_not_known_a_local_time_is_none() {
        let nowhere = now().with_time_zone(TimeZone::unknown());
        for local in ["22:00", "2026-11-22 09:00"] {
            let refused = until(local, &nowhere).unwrap_err();
            assert!(refused.starts_with("must say its offset"), "{refused}");
        }
        let end = "2026-11-22T09:00:00Z";
        assert_eq!(until(end, &nowhere), Ok(at(end)));
    }

    #[test]
    fn a_length_is_counted_from_now() {
        for (typed, end) in [
            ("30m", "2026-11-21T21:00:01Z"),
            ("1h 15m", "2026-11-21T21:45:01Z"),
            ("90 minutes", "2026-11-21T22:00:01Z"),
            ("PT2H", "2026-11-21T22:30:01Z"),
            ("1d", "2026-11-22T20:30:01Z"),
        ] {
            assert_eq!(lasting(typed, &now()), Ok(at(end)), "{typed}");
        }
        for (typed, why) in [
            ("", "must be a length of time"),
            ("30", "must be a length of time"),
            ("a while", "must be a length of time"),
            ("0s", "must be in the future"),
            ("-1h", "must be in the future"),
            ("31d", "must end within 30 days"),
            ("9999y", "must end within 30 days"),
        ] {
            let refused = lasting(typed, &now()).unwrap_err();
            assert!(refused.starts_with(why), "{typed}: {refused}");
        }
    }

    #[test]
    fn a_link_leads_to_an_address_that_takes_a_query() {
        for (typed, leads) in [
            ("https://example.com", "https://example.com/"),
            ("https://example.com/shop", "https://example.com/shop"),
            ("http://127.0.0.1:3000/", "http://127.0.0.1:3000/"),
        ] {
            assert_eq!(url(typed).as_deref(), Ok(leads));
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https:///x",
            "https://me:secret@example.com",
            "https://example.com/?a=b",
            "https://example.com#top",
            "https://example.com/a b",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_is_a_line_that_fits() {
        assert_eq!(message(" Back soon. "), Ok("Back soon.".to_owned()));
        for bad in ["", " ", "two\nlines", "\u{1b}[31mred", &"x".repeat(1025)] {
            assert!(message(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_are_a_number() {
        assert_eq!(retry_after("120"), Ok(120));
        for bad in ["0", "-5", "1.5", "soon", "2592001", ""] {
            assert!(retry_after(bad).is_err(), "{bad}");
        }
    }
}
