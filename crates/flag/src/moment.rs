//! Moments as they are stored: RFC 3339, and what else of ISO 8601 somebody may have typed.
//!
//! The calendar is jiff's; only the text is taken apart here. jiff's own parser unwraps a result of its
//! own, which needs the words of all of that library's errors: 0.27 MB of every handler behind a gate,
//! of which none is ever shown. The tests hold the two against each other.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The moment that a text names: a date, a time and an offset of whole seconds, with or without
/// separators, `Z` for UTC.
/// Minutes and seconds may be missing, a second may have a fraction of nine digits, and the name of a
/// time zone may follow, which says nothing new. None if it is not such a text.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.year()?;
    let extended = rest.skip(b"-");
    let month = rest.number(2)?;
    if rest.skip(b"-") != extended {
        return None;
    }
    let day = rest.number(2)?;
    if !rest.skip(b"Tt ") {
        return None;
    }
    let Clock(hour, minute, second) = rest.clock()?;
    let nanosecond = match second {
        Some(_) => rest.fraction()?,
        None => 0,
    };
    let offset = rest.offset()?;
    if !rest.is_only_annotated() {
        return None;
    }
    // A leap second is taken for the one before it.
    let second = second.map(|second| if second == 60 { 59 } else { second });
    let local = DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute.unwrap_or(0)).ok()?,
        i8::try_from(second.unwrap_or(0)).ok()?,
        nanosecond,
    );
    offset.to_timestamp(local.ok()?).ok()
}

/// Hours, minutes, seconds.
struct Clock(i32, Option<i32>, Option<i32>);

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Takes the next byte if it is one of these.
    fn skip(&mut self, any: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if any.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn digit(&mut self) -> Option<i32> {
        let (first, rest) = self.0.split_first()?;
        let digit = char::from(*first).to_digit(10)?;
        self.0 = rest;
        i32::try_from(digit).ok()
    }

    /// A number of just so many digits.
    fn number(&mut self, digits: u32) -> Option<i32> {
        (0..digits).try_fold(0_i32, |number, _| {
            number.checked_mul(10)?.checked_add(self.digit()?)
        })
    }

    /// Four digits, or a sign and six.
    fn year(&mut self) -> Option<i32> {
        if self.skip(b"-") {
            return self.number(6)?.checked_neg().filter(|year| *year < 0);
        }
        let digits = if self.skip(b"+") { 6 } else { 4 };
        self.number(digits)
    }

    /// What both a time and an offset are.
    fn clock(&mut self) -> Option<Clock> {
        let hours = self.number(2)?;
        let extended = self.0.starts_with(b":");
        let mut more = || {
            let goes_on = match extended {
                true => self.skip(b":"),
                false => matches!(self.0, [a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit()),
            };
            goes_on.then(|| self.number(2))
        };
        let minutes = more().map_or(Some(None), |minutes| minutes.map(Some))?;
        let seconds = match minutes {
            Some(_) => more().map_or(Some(None), |seconds| seconds.map(Some))?,
            None => None,
        };
        Some(Clock(hours, minutes, seconds))
    }

    /// Nanoseconds; none written are 0.
    fn fraction(&mut self) -> Option<i32> {
        if !self.skip(b".,") {
            return Some(0);
        }
        let mut unit = 100_000_000_i32;
        let mut nanoseconds = self.digit()?.checked_mul(unit)?;
        while unit > 1
            && let Some(digit) = self.digit()
        {
            unit = unit.checked_div(10)?;
            nanoseconds = nanoseconds.checked_add(digit.checked_mul(unit)?)?;
        }
        Some(nanoseconds)
    }

    fn offset(&mut self) -> Option<Offset> {
        if self.skip(b"Zz") {
            return Some(Offset::UTC);
        }
        let is_west = self.0.starts_with(b"-");
        if !self.skip(b"+-") {
            return None;
        }
        let Clock(hours, minutes, seconds) = self.clock()?;
        let (minutes, seconds) = (minutes.unwrap_or(0), seconds.unwrap_or(0));
        if minutes > 59 || seconds > 59 {
            return None;
        }
        let east = hours
            .checked_mul(60)?
            .checked_add(minutes)?
            .checked_mul(60)?
            .checked_add(seconds)?;
        let east = if is_west { east.checked_neg()? } else { east };
        Offset::from_seconds(east).ok()
    }

    /// Whether nothing is left but `[Europe/Berlin]` and the like [RFC 9557]: the offset says it all. What
    /// must be understood (`!`) and is not a zone is not understood.
    fn is_only_annotated(&mut self) -> bool {
        while self.skip(b"[") {
            let mut parts = self.0.splitn(2, |byte| *byte == b']');
            let (Some(name), Some(rest)) = (parts.next(), parts.next()) else {
                return false;
            };
            if name.is_empty() || (name.starts_with(b"!") && name.contains(&b'=')) {
                return false;
            }
            self.0 = rest;
        }
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What jiff makes of the same text.
    fn by_jiff(text: &str) -> Option<Timestamp> {
        text.parse().ok()
    }

    #[test]
    fn what_is_written_by_us_and_what_people_type_is_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:01z", 60),
            ("1970-01-01 02:00+01:00", 3_600),
            ("19700101T010000-0100", 7_200),
            ("1970-01-01T01Z", 3_600),
            ("1970-01-01T00:00:01.999Z", 1),
            ("1970-01-01T02:00:00+02[Europe/Helsinki][u-ca=iso8601]", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_799),
            ("2026-11-21T08:30:00Z", 1_795_249_800),
        ] {
            let read = read(text);
            assert_eq!(read.map(Timestamp::as_second), Some(seconds), "{text}");
            assert_eq!(read, by_jiff(text), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_are_read() {
        for moment in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert_eq!(read(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
        for text in [
            "",
            "soon",
            "2026-11-21",
            "2026-11-21T08:30:00",
            "2026-11-21T08:30:00 Z",
            "2026-1121T08:30:00Z",
            "2026-11-21T0830:00Z",
            "2026-02-29T08:30:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T08:60:00Z",
            "2026-11-21T08:30:61Z",
            "2026-11-21T08:30:00.Z",
            "2026-11-21T08:30:00.1234567890Z",
            "2026-11-21T08:30.5Z",
            "2026-11-21T08:30:00+26:00",
            "2026-11-21T08:30:00+01:60",
            "-000000-01-01T00:00:00Z",
            "2026-11-21T08:30:00Z[",
            "2026-11-21T08:30:00Z[]",
            "2026-11-21T08:30:00Z[!u-ca=iso8601]",
            "2026-11-21T08:30:00Zulu",
            "٢٠٢٦-11-21T08:30:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
            assert_eq!(by_jiff(text), None, "{text}");
        }
    }

    /// Texts that are moments, or nearly.
    fn texts() -> impl Strategy<Value = String> {
        let date = "([+-]00)?[0-9]{4}(-[0-2][0-9]-[0-4][0-9]|[0-2][0-9][0-4][0-9])";
        let time = "[0-2][0-9](:?[0-6][0-9]){0,2}([.,][0-9]{0,10})?";
        let offset = "([Zz]|[+-][0-2][0-9](:?[0-6][0-9]){0,2})?";
        let zone = "(\\[!?[A-Z][a-z]{2}(/[A-Z][a-z])?\\])?";
        let moment = proptest::string::string_regex(&format!("{date}[Tt ]{time}{offset}{zone}"));
        // One byte in three texts is another.
        let change = proptest::option::weighted(0.3, (any::<prop::sample::Index>(), "[ -~]"));
        (moment.unwrap(), change).prop_map(|(mut text, change)| {
            if let Some((at, other)) = change {
                let at = at.index(text.len());
                text.replace_range(at..=at, &other);
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn it_reads_what_jiff_reads(text in texts()) {
            // Which names a zone may have is not asked here.
            if by_jiff(&text).is_some() || !text.contains('[') {
                prop_assert_eq!(read(&text), by_jiff(&text), "{}", text);
            }
        }

        #[test]
        fn every_moment_that_is_written_is_read(
            second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000,
        ) {
            let moment = Timestamp::new(second, nanosecond).unwrap();
            prop_assert_eq!(read(&moment.to_string()), Some(moment));
        }
    }
}
