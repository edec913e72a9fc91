//! When a window that is scheduled begins and ends: `--at`, with `--for` or `--until`, in the zone of `--tz`.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _, Zoned};
use maintenance_control::limits;

use super::window::WindowOptions;
use crate::args::{StartArgs, WindowArgs};
use crate::error::CliError;
use crate::values::{TimeArg, Zone};
use maintenance_flag::Change;

/// When a window begins and ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Period {
    pub(crate) starts_at: Timestamp,
    pub(crate) until: Timestamp,
    /// What the start was taken for, if that is not as it was typed.
    pub(crate) note: Option<String>,
    /// What else was typed about the window.
    pub(crate) window: WindowOptions,
}

impl Period {
    /// Resolves what was typed; none if nothing says when to begin. The end counts from the start.
    pub(crate) fn new(
        start: &StartArgs,
        window: &WindowArgs,
        now: &Zoned,
    ) -> Result<Option<Self>, CliError> {
        let Some(at) = start.at else {
            return Ok(None);
        };
        let now = match &start.tz {
            Some(Zone(zone)) => now.with_time_zone(zone.clone()),
            None => now.clone(),
        };
        let (starts_at, note) = resolve(at, &now).map_err(|broken| {
            CliError::usage("--at cannot be used")
                .cause(format!("it {broken}"))
                .hint("see `maintenance on --help`")
        })?;
        let from = starts_at.to_zoned(now.time_zone().clone());
        // That the end is tomorrow, seen from the start, needs no word: both are shown.
        let window = WindowOptions {
            note: None,
            ..WindowOptions::new(window, &from)?
        };
        let Change::Set(until) = window.options.until else {
            return Err(CliError::usage("--at needs an end")
                .cause("a scheduled window also closes by itself")
                .hint("pass its length, such as --for 2h, or its end with --until"));
        };
        Ok(Some(Self {
            starts_at,
            until,
            note,
            window,
        }))
    }
}

/// The instant, and a word on it if it is not just what was typed: clocks skip that time, or show it twice.
fn resolve(start: TimeArg, now: &Zoned) -> Result<(Timestamp, Option<String>), String> {
    let (zone, here) = (now.time_zone(), now.datetime());
    let local = match start {
        TimeArg::At(at) => return Ok((ahead(at, now)?, None)),
        _ if zone.is_unknown() => {
            return Err(
                "must have an offset, as in \"2026-11-22T09:00:00Z\", or --tz: the time zone in TZ is unknown"
                    .to_owned(),
            );
        }
        TimeArg::Local(local) => local,
        TimeArg::Clock(time) => {
            let today = here.date().to_datetime(time);
            let tomorrow = || today.checked_add(1.day());
            match today > here {
                true => today,
                false => tomorrow().map_err(|_| limits::Invalid::TooFarAhead.to_string())?,
            }
        }
    };
    let (at, note) =
        first_valid(local, zone).ok_or_else(|| limits::Invalid::TooFarAhead.to_string())?;
    Ok((ahead(at, now)?, note))
}

/// The first instant at or after which clocks show this time.
fn first_valid(local: DateTime, zone: &TimeZone) -> Option<(Timestamp, Option<String>)> {
    let place = zone.iana_name().map(|name| format!(" in {name}"));
    let place = place.unwrap_or_default();
    let clock = local.strftime("%Y-%m-%d %H:%M");
    let shown = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M %Z").to_string();
    Some(match zone.to_ambiguous_zoned(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset.to_timestamp(local).ok()?, None),
        AmbiguousOffset::Gap { after, .. } => {
            // By the offset that follows the gap, what is skipped lies before it.
            let before_gap = after.to_timestamp(local).ok()?;
            let at = zone.following(before_gap).next()?.timestamp();
            let note = format!(
                "Clocks skip {clock}{place}: it starts at {}, the first time after it",
                shown(at)
            );
            (at, Some(note))
        }
        AmbiguousOffset::Fold { before, .. } => {
            let at = before.to_timestamp(local).ok()?;
            let note = format!(
                "Clocks show {clock} twice{place}: it starts at the first, {}",
                shown(at)
            );
            (at, Some(note))
        }
    })
}

fn ahead(start: Timestamp, now: &Zoned) -> Result<Timestamp, String> {
    limits::start(start, now).map_err(|broken| broken.to_string())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::values::Length;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(now: &str, name: &str) -> Zoned {
        now.parse::<Timestamp>().unwrap().to_zoned(zone(name))
    }

    fn start(typed: &str, now: &Zoned) -> Result<(Timestamp, Option<String>), String> {
        resolve(typed.parse()?, now)
    }

    fn period(at: &str, length: &str, tz: Option<&str>, now: &Zoned) -> Result<Period, CliError> {
        let args = StartArgs {
            at: Some(at.parse().unwrap()),
            tz: tz.map(|tz| tz.parse().unwrap()),
        };
        let mut window = WindowArgs::default();
        window.visitors.for_ = Some(Change::Set(length.parse::<Length>().unwrap()));
        Period::new(&args, &window, now).map(|period| period.unwrap())
    }

    #[test]
    fn a_start_is_by_the_clock_of_its_zone_and_the_end_counts_from_it() {
        let now = at("2026-11-29T15:00:00Z", "Europe/Berlin");
        for (typed, tz, instant) in [
            ("2026-12-01 22:00", None, "2026-12-01T21:00:00Z"),
            (
                "2026-12-01 22:00",
                Some("America/New_York"),
                "2026-12-02T03:00:00Z",
            ),
            (
                "2026-12-01T22:00:00Z",
                Some("America/New_York"),
                "2026-12-01T22:00:00Z",
            ),
            ("16:30", None, "2026-11-29T15:30:00Z"),
            ("15:30", None, "2026-11-30T14:30:00Z"),
        ] {
            let period = period(typed, "2h", tz, &now).unwrap();
            assert_eq!(period.starts_at, instant.parse().unwrap(), "{typed} {tz:?}");
            let length = period.until.duration_since(period.starts_at);
            assert_eq!(length, SignedDuration::from_hours(2));
            assert_eq!(period.note, None);
        }
        let clock = StartArgs {
            at: Some("2026-12-01 22:00".parse().unwrap()),
            tz: None,
        };
        let mut until = WindowArgs::default();
        until.visitors.until = Some(Change::Set("01:00".parse().unwrap()));
        let period = Period::new(&clock, &until, &now).unwrap().unwrap();
        assert_eq!(period.until, "2026-12-02T00:00:00Z".parse().unwrap());
        for (typed, why) in [
            ("2026-11-29 15:59", "must be in the future"),
            ("2026-11-29T15:00:00Z", "must be in the future"),
            ("2027-12-29 15:59", "must begin within 366 days"),
        ] {
            let refused = start(typed, &now).unwrap_err();
            assert!(refused.starts_with(why), "{typed}: {refused}");
        }
    }

    /// What a reader of the clock on the wall does: looks at it minute by minute.
    fn by_the_wall(local: DateTime, zone: &TimeZone, around: Timestamp) -> Timestamp {
        let first = around - SignedDuration::from_hours(6);
        (0..24 * 60)
            .map(|minute| first + SignedDuration::from_mins(minute))
            .find(|at| at.to_zoned(zone.clone()).datetime() >= local)
            .unwrap()
    }

    #[test]
    fn over_every_transition_of_five_zones_a_start_is_the_first_time_that_clocks_show_it_or_skip_it()
     {
        let (from, to) = ("1985-01-01T00:00:00Z", "2031-01-01T00:00:00Z");
        let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
        for name in [
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "America/Sao_Paulo",
            "Asia/Kathmandu",
        ] {
            let zone = zone(name);
            let transitions = zone.following(from).map(|it| it.timestamp());
            let transitions: Vec<_> = transitions.take_while(|at| *at < to).collect();
            assert!(!transitions.is_empty(), "{name}");
            for transition in transitions {
                let before = transition - SignedDuration::from_secs(60);
                // What clocks would show around it, had none been put forward or back.
                let shown = before.to_zoned(zone.clone()).datetime();
                for minutes in (-90..=90).step_by(15) {
                    let local = shown + SignedDuration::from_mins(minutes);
                    let local = local.with().second(0).subsec_nanosecond(0).build().unwrap();
                    let (at, note) = first_valid(local, &zone).unwrap();
                    assert_eq!(
                        at,
                        by_the_wall(local, &zone, transition),
                        "{local} in {name}"
                    );
                    let is_shown = at.to_zoned(zone.clone()).datetime() == local;
                    let says = note.as_deref().unwrap_or_default();
                    assert_eq!(
                        !is_shown,
                        says.contains("skip"),
                        "{local} in {name}: {says}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_start_that_clocks_skip_or_show_twice_says_so() {
        let winter = at("2027-03-01T00:00:00Z", "Europe/Berlin");
        let (instant, note) = start("2027-03-28 02:30", &winter).unwrap();
        assert_eq!(instant, "2027-03-28T01:00:00Z".parse().unwrap());
        assert_eq!(
            note.as_deref(),
            Some(
                "Clocks skip 2027-03-28 02:30 in Europe/Berlin: it starts at 03:00 CEST, the first time after it"
            )
        );
        let autumn = at("2026-10-01T00:00:00Z", "Europe/Berlin");
        let (instant, note) = start("2026-10-25 02:30", &autumn).unwrap();
        assert_eq!(instant, "2026-10-25T00:30:00Z".parse().unwrap());
        assert_eq!(
            note.as_deref(),
            Some(
                "Clocks show 2026-10-25 02:30 twice in Europe/Berlin: it starts at the first, 02:30 CEST"
            )
        );
    }
}
