//! Whom a text is for: when and where it is read, and which command was typed.

use jiff::{Timestamp, Zoned};
use maintenance_control::Warning;
use maintenance_control::describe::{Part, parts, relative};

use crate::command_context::CommandContext;
use crate::settings;

/// Whom a text is for.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(super) now: Zoned,
    context: CommandContext,
}

impl Reader {
    /// Who typed this command, now.
    pub(crate) fn of(context: &CommandContext) -> Self {
        Self::at(settings::now(), context.clone())
    }

    /// A reader at this time and place.
    pub(super) fn at(now: Zoned, context: CommandContext) -> Self {
        Self { now, context }
    }

    /// A moment by the clock on the wall, and how far away it is: `10:58:21 CET (in 15 min)`. Of another day
    /// with its date.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        moment(at, &self.now)
    }

    pub(super) fn is_past(&self, at: Timestamp) -> bool {
        at <= self.now.timestamp()
    }

    /// A sentence of ours, in which each command is one to be typed for what this one acts on.
    pub(crate) fn advice(&self, text: &str) -> String {
        self.context.complete(text).into_owned()
    }

    /// A warning, and the command that helps.
    pub(crate) fn warning(&self, warning: &Warning) -> String {
        let text = match warning {
            Warning::TurnsOffAlone { role, at } => format!(
                "the flag turns off by itself at {}, and the functions stay paused until `maintenance off --role {role}`",
                self.moment(*at)
            ),
            Warning::StillSaved { role, .. } => {
                format!("{warning}: run `maintenance off --role {role}`")
            }
            Warning::NotPausedYet(role) => format!(
                "{warning}; a running `maintenance serve` or `maintenance observe` pauses them, and so does `maintenance on --role {role}`"
            ),
            other => other.to_string(),
        };
        self.advice(&format!("Warning: {text}"))
    }
}

fn moment(at: Timestamp, now: &Zoned) -> String {
    let local = at.to_zoned(now.time_zone().clone());
    let format = match local.date() == now.date() {
        true => "%H:%M:%S %Z",
        false => "%Y-%m-%d %H:%M:%S %Z",
    };
    format!(
        "{} ({})",
        local.strftime(format),
        relative(at, now.timestamp())
    )
}

/// A text with UTC times in it, for a person.
pub(crate) fn localized(text: &str, now: &Zoned) -> String {
    let part = |part| match part {
        Part::Time(at) => moment(at, now),
        Part::Text(text) => text.to_owned(),
    };
    parts(text).map(part).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    /// At 08:00:00 in a zone whose rule needs no database.
    pub(crate) fn reader() -> Reader {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
        Reader::at(now.to_zoned(zone), CommandContext::default())
    }

    #[test]
    fn a_moment_is_by_the_clock_on_the_wall_and_says_how_far_away_it_is() {
        for (at, words) in [
            ("2026-11-22T07:00:00.3Z", "08:00:00 CET (now)"),
            ("2026-11-22T07:00:45.2Z", "08:00:45 CET (in 45 s)"),
            ("2026-11-22T07:15:07Z", "08:15:07 CET (in 15 min)"),
            ("2026-11-22T10:20:00Z", "11:20:00 CET (in 3 h 20 min)"),
            ("2026-11-22T09:00:00Z", "10:00:00 CET (in 2 h)"),
            (
                "2026-11-21T22:30:00Z",
                "2026-11-21 23:30:00 CET (8 h 30 min ago)",
            ),
            ("2026-11-21T06:00:00Z", "2026-11-21 07:00:00 CET (25 h ago)"),
            ("2026-11-24T06:00:00Z", "2026-11-24 07:00:00 CET (in 47 h)"),
            (
                "2026-11-24T07:00:00Z",
                "2026-11-24 08:00:00 CET (in 2 days)",
            ),
            (
                "2026-07-22T07:00:00Z",
                "2026-07-22 09:00:00 CEST (123 days ago)",
            ),
        ] {
            assert_eq!(reader().moment(at.parse().unwrap()), words, "{at}");
        }
    }

    #[test]
    fn times_in_a_text_of_the_library_are_local_and_all_else_stays() {
        let now = reader().now;
        assert_eq!(
            localized(
                "held since 2026-11-22T06:58:00.123456Z, until 2026-11-22T07:00:30Z (2026-11-22T07:00:00Z to b).",
                &now
            ),
            "held since 07:58:00 CET (2 min ago), until 08:00:30 CET (in 30 s) (08:00:00 CET (now) to b)."
        );
        for same in [
            "",
            "a  b ",
            "2026-11-22 is no time",
            "20261122T070000Z-0000002a",
        ] {
            assert_eq!(localized(same, &now), same);
        }
    }
}
