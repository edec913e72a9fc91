//! What was typed after `on` about its window: times become instants, and what cannot be is refused before
//! anything is read or changed.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _, Zoned};
use maintenance_control::{RoleSpec, limits};
use maintenance_flag::{Change, Options};

use crate::args::WindowArgs;
use crate::error::CliError;

use crate::values::{Length, Message, RetryAfter, TimeArg};

/// Now, where the command runs. Without a word about its zone that is UTC, as for every program there.
pub(crate) fn now() -> Zoned {
    let named = std::env::var_os("TZ").is_some();
    let zone = match TimeZone::try_system() {
        Ok(zone) => zone,
        // Rather no zone than a wrong one: a local time is then refused.
        Err(_) if named => TimeZone::unknown(),
        Err(_) => TimeZone::UTC,
    };
    Timestamp::now().to_zoned(zone)
}

/// What was typed after `on` about its window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WindowOptions {
    pub(crate) read_only: bool,
    pub(crate) options: Options,
    /// Whether a bypass link is asked for.
    pub(crate) bypass: bool,
    /// Where it leads.
    pub(crate) url: Option<String>,
    /// What a time was taken for, if that is not as it was typed.
    pub(crate) note: Option<String>,
}

impl WindowOptions {
    /// Resolves what was typed. A local time is one of `now`'s zone.
    pub(crate) fn new(args: &WindowArgs, now: &Zoned) -> Result<Self, CliError> {
        let visitors = &args.visitors;
        let mut note = None;
        let until = match (&visitors.until, &visitors.for_) {
            (Some(Change::Set(end)), _) => resolve(*end, now)
                .and_then(|(end, day)| {
                    note = day;
                    ahead(end, now)
                })
                .map(Change::Set)
                .map_err(|broken| refuse("--until", &broken))?,
            (None, Some(Change::Set(Length(span)))) if !span.is_positive() => {
                return Err(refuse("--for", "must be longer than 0 s"));
            }
            (None, Some(Change::Set(Length(span)))) => now
                .checked_add(*span)
                .map_err(|_| too_far())
                .and_then(|end| ahead(end.timestamp(), now))
                .map(Change::Set)
                .map_err(|broken| refuse("--for", &broken))?,
            (None, None) => Change::Keep,
            _ => Change::Clear,
        };
        if args.auto_off && until == Change::Clear {
            return Err(CliError::usage("--auto-off needs a time at which to open")
                .cause("an empty --until or --for removes it")
                .hint("give a time, or leave out --auto-off"));
        }
        Ok(Self {
            read_only: args.read_only,
            options: Options {
                message: map(&visitors.message, |Message(text)| text.clone()),
                until,
                auto_off: match (args.auto_off, args.no_auto_off) {
                    (false, false) => None,
                    (auto_off, _) => Some(auto_off),
                },
                retry_after: map(&args.retry_after, |RetryAfter(seconds)| *seconds),
                token: match args.no_bypass {
                    true => Change::Clear,
                    false => Change::Keep,
                },
                addresses: list("--allow-ip", &visitors.allow_ip)?,
                paths: list("--allow-path", &visitors.allow_path)?,
            },
            bypass: args.bypass,
            url: args.url.as_ref().map(ToString::to_string),
            note,
        })
    }

    /// Checks that the selected roles can be so. Functions are either paused or not, and no gate gives
    /// them back what they had when a flag opens by itself.
    pub(crate) fn fits(&self, roles: &[RoleSpec]) -> Result<(), CliError> {
        let auto_off = self.options.auto_off == Some(true);
        let Some(scaled) = roles.iter().find(|spec| spec.functions.is_some()) else {
            return Ok(());
        };
        let role = &scaled.role;
        let (option, cause) = match (self.read_only, auto_off) {
            (true, _) => (
                "--read-only",
                format!(
                    "the {role} role selects functions, and a paused function cannot go on reading"
                ),
            ),
            (false, true) => (
                "--auto-off",
                format!(
                    "the {role} role selects functions, and only `maintenance off` restores them"
                ),
            ),
            (false, false) => return Ok(()),
        };
        let alone = roles.iter().find(|spec| spec.functions.is_none());
        let failure = CliError::usage(format!("{option} cannot be used for the {role} role"));
        Err(failure.cause(cause).hint(match alone {
            Some(flag) => format!(
                "turn the roles on one by one: `maintenance on --role {} {option}`, then `maintenance on --role {role}`",
                flag.role
            ),
            None => format!("leave out {option}, or name a role of handlers: `maintenance on --role web {option}`"),
        }))
    }
}

/// Whether these options let everybody pass, or everything: the site would be open.
pub(crate) fn opens_all(options: &Options) -> bool {
    fn any<T: ToString>(list: &Change<Vec<T>>, is_all: fn(&str) -> bool) -> bool {
        matches!(list, Change::Set(list) if list.iter().any(|it| is_all(&it.to_string())))
    }
    any(&options.addresses, |range| range.ends_with("/0"))
        || any(&options.paths, |path| path == "/*")
}

fn map<T, U>(change: &Option<Change<T>>, value: impl Fn(&T) -> U) -> Change<U> {
    match change {
        Some(Change::Set(it)) => Change::Set(value(it)),
        Some(Change::Clear) => Change::Clear,
        Some(Change::Keep) | None => Change::Keep,
    }
}

/// An empty value takes all away: beside another it is a slip.
fn list<T: Clone + PartialEq>(
    option: &str,
    values: &[Change<T>],
) -> Result<Change<Vec<T>>, CliError> {
    match values {
        [] => return Ok(Change::Keep),
        [Change::Clear] => return Ok(Change::Clear),
        _ => {}
    }
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Change::Set(value) if all.contains(value) => {}
            Change::Set(value) => all.push(value.clone()),
            _ => return Err(refuse(option, "must not be empty beside another")),
        }
    }
    Ok(Change::Set(all))
}

fn refuse(option: &str, broken: &str) -> CliError {
    CliError::usage(format!("{option} cannot be used"))
        .cause(format!("it {broken}"))
        .hint("see `maintenance on --help`")
}

/// The instant, and a word on it if it is tomorrow and that was not typed.
fn resolve(end: TimeArg, now: &Zoned) -> Result<(Timestamp, Option<String>), String> {
    let (zone, here) = (now.time_zone(), now.datetime());
    let (local, is_tomorrow) = match end {
        TimeArg::At(timestamp) => return Ok((timestamp, None)),
        _ if zone.is_unknown() => {
            return Err(
                "must have an offset, as in \"2026-11-22T09:00:00Z\": the time zone in TZ is unknown"
                    .to_owned(),
            );
        }
        TimeArg::Local(local) => (local, false),
        TimeArg::Clock(time) => {
            let today = here.date().to_datetime(time);
            match today > here {
                true => (today, false),
                false => (today.checked_add(1.day()).map_err(|_| too_far())?, true),
            }
        }
    };
    let place = match zone.iana_name() {
        Some(name) => format!(" in {name}"),
        None => String::new(),
    };
    let clock = local.strftime("%Y-%m-%d %H:%M");
    match zone.to_ambiguous_zoned(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            let end = offset.to_timestamp(local).map_err(|_| too_far())?;
            let note = || format!("--until means tomorrow: {clock}{place}");
            Ok((end, is_tomorrow.then(note)))
        }
        AmbiguousOffset::Gap { .. } => Err(format!(
            "must be a time that exists: clocks skip {clock}{place}"
        )),
        AmbiguousOffset::Fold { before, after } => Err(format!(
            "must have an offset, since clocks show {clock} twice{place}: \"{}\" or \"{}\"",
            with_offset(local, before),
            with_offset(local, after)
        )),
    }
}

fn with_offset(local: DateTime, offset: Offset) -> String {
    let zoned = local.to_zoned(TimeZone::fixed(offset));
    zoned.map_or_else(
        |_| local.to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

fn too_far() -> String {
    limits::Invalid::TooFar.to_string()
}

fn ahead(end: Timestamp, now: &Zoned) -> Result<Timestamp, String> {
    limits::end(end, now).map_err(|broken| broken.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a zone whose rule needs no database: summer time ends on 25 October and begins on 28 March.
    fn at(now: &str) -> Zoned {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        now.parse::<Timestamp>().unwrap().to_zoned(zone)
    }

    fn until(typed: &str, now: &Zoned) -> Result<(Timestamp, Option<String>), String> {
        let (end, note) = resolve(typed.parse()?, now)?;
        Ok((ahead(end, now)?, note))
    }

    #[test]
    fn an_end_is_an_instant_or_what_the_clock_on_the_wall_will_show() {
        let now = at("2026-11-21T20:30:00.5Z");
        for (typed, end, tomorrow) in [
            ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z", false),
            ("2026-11-22T09:00:00+01:00", "2026-11-22T08:00:00Z", false),
            ("2026-11-22 09:00", "2026-11-22T08:00:00Z", false),
            ("2026-11-22T09:00:30", "2026-11-22T08:00:30Z", false),
            ("22:00", "2026-11-21T21:00:00Z", false),
            ("9:00", "2026-11-22T08:00:00Z", true),
            // It is 21:30 there.
            ("21:30", "2026-11-22T20:30:00Z", true),
            ("00:00", "2026-11-21T23:00:00Z", true),
            (" 2026-11-21T20:30:01.2Z ", "2026-11-21T20:30:02Z", false),
        ] {
            let (found, note) = until(typed, &now).unwrap();
            assert_eq!(found, end.parse().unwrap(), "{typed}");
            assert_eq!(note.is_some(), tomorrow, "{typed}: {note:?}");
        }
        let note = until("9:00", &now).unwrap().1;
        assert_eq!(
            note.as_deref(),
            Some("--until means tomorrow: 2026-11-22 09:00")
        );
        for (typed, why) in [
            ("2026-11-21T20:00:00Z", "must be in the future"),
            ("2026-11-21 21:00", "must be in the future"),
            ("2027-11-21T20:00:00Z", "must end within 30 days"),
        ] {
            let refused = until(typed, &now).unwrap_err();
            assert!(refused.starts_with(why), "{typed}: {refused}");
        }
    }

    #[test]
    fn a_time_that_clocks_skip_or_show_twice_is_refused() {
        let spring = at("2026-03-28T20:00:00Z");
        for skipped in ["02:30", "2026-03-29 02:30"] {
            let refused = until(skipped, &spring).unwrap_err();
            let why = "must be a time that exists: clocks skip 2026-03-29 02:30";
            assert_eq!(refused, why);
        }
        let autumn = at("2026-10-24T20:00:00Z");
        for twice in ["02:30", "2026-10-25 02:30"] {
            let refused = until(twice, &autumn).unwrap_err();
            let why = "must have an offset, since clocks show 2026-10-25 02:30 twice: \"2026-10-25T02:30:00+02:00\" or \"2026-10-25T02:30:00+01:00\"";
            assert_eq!(refused, why);
        }
        let end = until("2026-10-25T02:30:00+01:00", &autumn).unwrap().0;
        assert_eq!(end, "2026-10-25T01:30:00Z".parse().unwrap());
        assert!(until("03:30", &spring).is_ok() && until("03:00", &autumn).is_ok());
    }

    #[test]
    fn where_the_zone_is_not_known_a_local_time_is_none() {
        let nowhere = at("2026-11-21T20:30:00Z").with_time_zone(TimeZone::unknown());
        for local in ["22:00", "2026-11-22 09:00"] {
            let refused = until(local, &nowhere).unwrap_err();
            assert!(refused.starts_with("must have an offset"), "{refused}");
        }
        assert!(until("2026-11-22T09:00:00Z", &nowhere).is_ok());
    }

    #[test]
    fn a_length_is_counted_from_now() {
        let now = at("2026-11-21T20:30:00.5Z");
        let lasting = |typed: &str| {
            let for_ = Some(Change::Set(typed.parse::<Length>().map_err(|_| ())?));
            let mut args = WindowArgs::default();
            args.visitors.for_ = for_;
            WindowOptions::new(&args, &now)
                .map(|window| window.options.until)
                .map_err(|_| ())
        };
        for (typed, end) in [
            ("30m", "2026-11-21T21:00:01Z"),
            ("1h 15m", "2026-11-21T21:45:01Z"),
            ("90 minutes", "2026-11-21T22:00:01Z"),
            ("PT2H", "2026-11-21T22:30:01Z"),
            ("1d", "2026-11-22T20:30:01Z"),
        ] {
            assert_eq!(
                lasting(typed),
                Ok(Change::Set(end.parse().unwrap())),
                "{typed}"
            );
        }
        for bad in ["", "30", "a while", "0s", "-1h", "31d", "9999y"] {
            assert!(lasting(bad).is_err(), "{bad}");
        }
    }
}
