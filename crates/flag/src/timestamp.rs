//! Times as they are stored: RFC 3339.

use jiff::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time that a text names, with any offset. None if it is not such a text.
///
/// Not by jiff's own parser, which unwraps a result of its own and so links the texts of all of that
/// library's errors: 0.27 MB of every handler behind a gate, none of which is ever shown.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let nanosecond = i32::try_from(time.nanosecond()).ok()?;
    Timestamp::new(time.unix_timestamp(), nanosecond).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_times_as_written_and_as_typed() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:01:00z", 60),
            ("1970-01-01T02:00:00+01:00", 3_600),
            ("1970-01-01T00:00:01.999Z", 1),
            ("1969-12-31T23:59:59.5Z", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_799),
            ("2026-11-21T08:30:00Z", 1_795_249_800),
        ] {
            let read = read(text);
            assert_eq!(read.map(Timestamp::as_second), Some(seconds), "{text}");
        }
    }

    #[test]
    fn refuses_text_that_names_no_time() {
        for text in [
            "",
            "soon",
            "2026-11-21",
            "2026-11-21T08:30:00",
            "2026-11-21T08:30:00 Z",
            "20261121T083000Z",
            "2026-02-29T08:30:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T08:60:00Z",
            "2026-11-21T08:30:61Z",
            "2026-11-21T08:30:00.Z",
            "2026-11-21T08:30.5Z",
            "2026-11-21T08:30:00+26:00",
            "2026-11-21T08:30:00+01:60",
            "2026-11-21T08:30:00Zulu",
            "٢٠٢٦-11-21T08:30:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        /// From the year 0, where RFC 3339 begins, to the end.
        #[test]
        fn reads_every_time_that_is_written(
            second in -62_167_219_200..Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000,
        ) {
            let time = Timestamp::new(second, nanosecond).unwrap();
            prop_assert_eq!(read(&time.to_string()), Some(time));
        }
    }
}
