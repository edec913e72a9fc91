//! When a recurring window opens and closes: a cron expression in a time zone, and a length of time.
//!
//! A cron expression names what clocks on a wall show. The expression is matched against such times alone, and
//! each of them is one instant: the first at which clocks show it or, if they skip it, the first after that. So a
//! time that clocks show twice comes once, and none is lost. The length is elapsed time, whatever clocks do
//! meanwhile.

use std::fmt;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// The longest window: as far ahead as the end of any window may be.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The shortest: cron has minutes.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

/// A cron expression with five fields: minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    pattern: croner::Cron,
    text: String,
}

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(format!(
                "must have five fields (minute, hour, day of the month, month, day of the week), and has {}",
                fields.len()
            ));
        }
        let text = fields.join(" ");
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let pattern = parser.parse(&text).map_err(|error| {
            let error = error.to_string();
            format!(
                "must be a cron expression such as \"0 22 * * SUN\": {}",
                error.trim_end_matches('.')
            )
        })?;
        let cron = Self { pattern, text };
        // In eight years there is a 29 February, whatever the century.
        let begin = DateTime::constant(2096, 1, 1, 0, 0, 0, 0);
        match cron.after(begin) {
            Some(_) => Ok(cron),
            None => Err("must be a time that comes: no month has that day".to_owned()),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// The first time that matches after this one.
    fn after(&self, local: DateTime) -> Option<DateTime> {
        self.pattern.find_next_occurrence(&local, false).ok()
    }
}

/// The name of a time zone, as in `Europe/Berlin`.
///
/// # Errors
/// What it must be, after its name.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    let wrong = || {
        format!("must be an IANA time zone such as Europe/Berlin, and this machine knows no {name}")
    };
    match TimeZone::get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => Err(wrong()),
    }
}

/// How long a window is open.
///
/// # Errors
/// What it must be, after its name.
pub fn length(length: SignedDuration) -> Result<SignedDuration, String> {
    match (SHORTEST..=LONGEST).contains(&length) {
        true => Ok(length),
        false => Err("must be at least a minute and at most 30 days".to_owned()),
    }
}

/// When a window opens, again and again, and how long it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// When clocks in the zone show this.
    pub cron: Cron,
    /// The zone.
    pub zone: TimeZone,
    /// For so long, elapsed.
    pub length: SignedDuration,
}

/// One opening of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// When it opens, UTC.
    pub start: Timestamp,
    /// When it closes, UTC.
    pub end: Timestamp,
}

impl Occurrence {
    /// Whether two are open at the same time.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl Recurrence {
    /// The occurrences that start at this instant or later, in order.
    pub fn starting(&self, from: Timestamp) -> impl Iterator<Item = Occurrence> {
        // What clocks skip just before it may start at it. None skips or repeats more than a day.
        let local = self.zone.to_datetime(from);
        let before = local.checked_sub(25.hours()).unwrap_or(DateTime::MIN);
        let locals =
            std::iter::successors(self.cron.after(before), |local| self.cron.after(*local));
        let mut last = None;
        locals
            .map_while(|local| self.occurrence(local))
            .filter(move |occurrence| {
                // Of several that clocks skip, one starts when they go on.
                let is_new = last.replace(occurrence.start) != Some(occurrence.start);
                is_new && occurrence.start >= from
            })
    }

    /// The occurrences whose end is after this instant, in order: the first may be open.
    pub fn ending_after(&self, now: Timestamp) -> impl Iterator<Item = Occurrence> {
        let from = now.checked_sub(self.length).unwrap_or(Timestamp::MIN);
        let all = self.starting(from);
        all.filter(move |occurrence| occurrence.end > now)
    }

    /// Whether one starts at just this instant.
    #[must_use]
    pub fn starts_at(&self, at: Timestamp) -> bool {
        let first = self.starting(at).next();
        first.is_some_and(|occurrence| occurrence.start == at)
    }

    fn occurrence(&self, local: DateTime) -> Option<Occurrence> {
        let start = self.instant(local)?;
        let end = start.checked_add(self.length).ok()?;
        Some(Occurrence { start, end })
    }

    /// The first instant at which clocks show this time, or have skipped it.
    fn instant(&self, local: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_zoned(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_gap = after.to_timestamp(local).ok()?;
                let mut changes = self.zone.following(before_gap);
                let change = changes.find(|change| change.offset() == after)?;
                Some(change.timestamp())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recurrence(cron: &str, zone: &str, minutes: i64) -> Recurrence {
        Recurrence {
            cron: cron.parse().unwrap(),
            zone: time_zone(zone).unwrap(),
            length: SignedDuration::from_mins(minutes),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The first occurrences from an instant on, `start/end`.
    fn first(recurrence: &Recurrence, from: &str, count: usize) -> Vec<String> {
        let starting = recurrence.starting(at(from)).take(count);
        starting
            .map(|it| format!("{}/{}", it.start, it.end))
            .collect()
    }

    #[test]
    fn a_week_is_a_week_and_a_length_is_elapsed_time() {
        // Summer time ends at 01:00 UTC on 25 October 2026.
        let sundays = recurrence("0 22 * * SAT", "Europe/Berlin", 8 * 60);
        assert_eq!(
            first(&sundays, "2026-10-17T20:00:00Z", 3),
            [
                "2026-10-17T20:00:00Z/2026-10-18T04:00:00Z",
                "2026-10-24T20:00:00Z/2026-10-25T04:00:00Z",
                "2026-10-31T21:00:00Z/2026-11-01T05:00:00Z",
            ]
        );
    }

    #[test]
    fn a_start_that_clocks_skip_moves_to_the_first_valid_moment() {
        let nightly = recurrence("30 2 * * *", "Europe/Berlin", 60);
        assert_eq!(
            first(&nightly, "2026-03-28T00:00:00Z", 3),
            [
                "2026-03-28T01:30:00Z/2026-03-28T02:30:00Z",
                // 03:00 in Berlin, and not 03:30.
                "2026-03-29T01:00:00Z/2026-03-29T02:00:00Z",
                "2026-03-30T00:30:00Z/2026-03-30T01:30:00Z",
            ]
        );
        // Two that are skipped, and one at the moment itself, are one.
        let often = recurrence("0,20,40 2,3 29 3 *", "Europe/Berlin", 10);
        assert_eq!(
            first(&often, "2026-03-29T00:00:00Z", 3),
            [
                "2026-03-29T01:00:00Z/2026-03-29T01:10:00Z",
                "2026-03-29T01:20:00Z/2026-03-29T01:30:00Z",
                "2026-03-29T01:40:00Z/2026-03-29T01:50:00Z",
            ]
        );
    }

    #[test]
    fn a_start_that_clocks_show_twice_comes_once() {
        let nightly = recurrence("30 2 * * *", "Europe/Berlin", 60);
        assert_eq!(
            first(&nightly, "2026-10-24T12:00:00Z", 2),
            [
                "2026-10-25T00:30:00Z/2026-10-25T01:30:00Z",
                "2026-10-26T01:30:00Z/2026-10-26T02:30:00Z",
            ]
        );
        // Not from the middle of the two, either.
        assert_eq!(
            first(&nightly, "2026-10-25T01:00:00Z", 1),
            ["2026-10-26T01:30:00Z/2026-10-26T02:30:00Z"]
        );
    }

    #[test]
    fn one_that_is_open_is_among_those_that_end_later() {
        let nightly = recurrence("0 22 * * *", "Etc/UTC", 120);
        let next = |now: &str| nightly.ending_after(at(now)).next().unwrap().start;
        assert_eq!(next("2026-11-29T22:00:00Z"), at("2026-11-29T22:00:00Z"));
        assert_eq!(next("2026-11-29T23:59:59Z"), at("2026-11-29T22:00:00Z"));
        assert_eq!(next("2026-11-30T00:00:00Z"), at("2026-11-30T22:00:00Z"));
        assert!(nightly.starts_at(at("2026-11-29T22:00:00Z")));
        assert!(!nightly.starts_at(at("2026-11-29T22:00:01Z")));
    }

    #[test]
    fn what_is_no_cron_expression_is_refused_in_plain_words() {
        for (bad, why) in [
            ("", "must have five fields"),
            ("@daily", "must have five fields"),
            ("0 0 22 * * SUN", "must have five fields"),
            ("61 * * * *", "must be a cron expression"),
            ("0 22 * * FUNDAY", "must be a cron expression"),
            ("0 22 30 2 *", "must be a time that comes"),
        ] {
            let refused = bad.parse::<Cron>().unwrap_err();
            assert!(refused.starts_with(why), "{bad}: {refused}");
        }
        for (good, shown) in [
            ("0 22 * * SUN", "0 22 * * SUN"),
            ("  0  22 29 2 * ", "0 22 29 2 *"),
            ("*/30 1-3 * jan,FEB mon-fri", "*/30 1-3 * jan,FEB mon-fri"),
        ] {
            assert_eq!(good.parse::<Cron>().unwrap().to_string(), shown);
        }
        assert!(time_zone("Europe/Berlin").is_ok());
        for bad in ["", "Berlin", "Mars/Base", "CET-1CEST"] {
            let refused = time_zone(bad).unwrap_err();
            assert!(refused.starts_with("must be an IANA"), "{bad}: {refused}");
        }
        for bad in [0, 59, 30 * 24 * 3600 + 1] {
            assert!(length(SignedDuration::from_secs(bad)).is_err(), "{bad}");
        }
    }

    /// What a person with a calendar and a list of minutes would say: the instants from `from` to `to`, minute
    /// by minute, at which clocks show a time that matches for the first time, or have just skipped one.
    fn reference(recurrence: &Recurrence, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let minute = SignedDuration::from_mins(1);
        let matches = |local: DateTime| {
            let pattern = &recurrence.cron.pattern;
            pattern.is_time_matching(&local).unwrap()
        };
        // Since 1970 these clocks have repeated an hour or two at a time.
        let mut instant = from - SignedDuration::from_hours(3);
        let mut furthest = recurrence.zone.to_datetime(instant);
        let mut found = Vec::new();
        while instant < to {
            let shown = recurrence.zone.to_datetime(instant);
            let mut local = furthest;
            let mut is_match = false;
            // All that clocks show for the first time, or skip, since the minute before.
            while local < shown {
                local = local.checked_add(minute).unwrap();
                is_match |= matches(local);
            }
            furthest = furthest.max(shown);
            if is_match && instant >= from {
                found.push(instant);
            }
            instant += minute;
        }
        found
    }

    /// Half an hour at Lord Howe, midnight in São Paulo, a whole day on Samoa.
    const ZONES: [&str; 6] = [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ];

    /// All transitions of these zones from 1970 through 2037.
    fn transitions() -> impl Iterator<Item = (&'static str, Timestamp)> {
        ZONES.into_iter().flat_map(|name| {
            let zone = time_zone(name).unwrap();
            let transitions: Vec<Timestamp> = zone
                .following(at("1970-01-01T00:00:00Z"))
                .map(|change| change.timestamp())
                .take_while(|change| *change < at("2038-01-01T00:00:00Z"))
                .collect();
            transitions.into_iter().map(move |change| (name, change))
        })
    }

    #[test]
    fn windows_that_drift_by_dst_fudge() {
        let mut count = 0;
        for (zone, change) in transitions() {
            count += 1;
            let hours = |hours| SignedDuration::from_hours(hours);
            let (from, to) = (change - hours(2), change + hours(4));
            // On and around what clocks skip or show twice.
            for cron in ["*/15 * * * *", "30 2 * * *", "0 0 * * *", "10 3 * * *"] {
                let recurrence = recurrence(cron, zone, 90);
                let starts = recurrence.starting(from).map(|it| it.start);
                let starts: Vec<_> = starts.take_while(|start| *start < to).collect();
                assert_eq!(
                    starts,
                    reference(&recurrence, from, to),
                    "{cron} in {zone} around {change}"
                );
                for occurrence in recurrence.starting(from).take(5) {
                    let open = occurrence.end.duration_since(occurrence.start);
                    assert_eq!(open, SignedDuration::from_mins(90));
                }
            }
        }
        assert!(count > 400, "{count} transitions");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn occurrences_are_those_of_a_minute_by_minute_reference(
            minute in 0..60_u8,
            hour in proptest::option::of(0..24_u8),
            day in proptest::option::of(1..=28_u8),
            weekday in proptest::option::of(0..7_u8),
            zone in proptest::sample::select(&ZONES[..]),
            // Minutes since 2000.
            from in 0..16_000_000_i64,
        ) {
            let any = |field: Option<u8>| field.map_or("*".to_owned(), |field| field.to_string());
            let cron = format!("{minute} {} {} * {}", any(hour), any(day), any(weekday));
            let recurrence = recurrence(&cron, zone, 60);
            let from = at("2000-01-01T00:00:00Z") + SignedDuration::from_mins(from);
            let to = from + SignedDuration::from_hours(9 * 24);
            let starts = recurrence.starting(from).map(|it| it.start);
            let starts: Vec<_> = starts.take_while(|start| *start < to).collect();
            proptest::prop_assert_eq!(starts, reference(&recurrence, from, to));
        }
    }
}
