//! Recurring windows, and which of them would be open at the same time.

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::{App, Product, Role};

use super::recurrence::{Occurrence, Recurrence};

/// How far ahead windows are compared: what comes together less often is refused when it is scheduled.
const HORIZON: SignedDuration = SignedDuration::from_hours(2 * 366 * 24);
/// How many occurrences of a window are compared.
const MOST: usize = 20_000;

/// A role of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The app.
    pub app: App,
    /// Its role.
    pub role: Role,
}

/// A window that opens again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurringWindow {
    /// Its name: no other window of the configuration has it.
    pub name: String,
    /// When it is open.
    pub recurrence: Recurrence,
    /// The product that it is for, if it is for one: its windows then belong to that.
    pub product: Option<Product>,
    /// The roles that it is for.
    pub places: Vec<Place>,
    /// Why, for the team.
    pub reason: Option<String>,
    /// What visitors are told.
    pub message: Option<String>,
    /// Let safe methods (GET, HEAD, OPTIONS) pass.
    pub read_only: bool,
    /// Pause functions though asynchronous events will be lost. Otherwise those that would lose some are not
    /// paused.
    pub accept_event_loss: bool,
}

/// Two windows of a role that would be open at the same time, or two occurrences of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The index of the window that opens first.
    pub first: usize,
    /// The index of the other one; the same, if it opens again before it has closed.
    pub second: usize,
    /// A role that they have in common.
    pub place: Place,
    /// When the second one opens while the first is open, UTC.
    pub at: Timestamp,
}

/// Looks for windows that would be open at the same time for the same role, from this instant on.
#[must_use]
pub fn overlap(windows: &[RecurringWindow], now: Timestamp) -> Option<Overlap> {
    let end = now.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
    let occurrences: Vec<Vec<Occurrence>> = windows
        .iter()
        .map(|window| {
            let all = window.recurrence.ending_after(now).take(MOST);
            all.take_while(|occurrence| occurrence.start < end)
                .collect()
        })
        .collect();
    for (n, own) in occurrences.iter().enumerate() {
        let mut pairs = own.windows(2);
        let again = pairs.find_map(|pair| match pair {
            [one, next] if one.overlaps(next) => Some(next.start),
            _ => None,
        });
        if let (Some(at), Some(place)) = (again, windows[n].places.first()) {
            return Some(Overlap {
                first: n,
                second: n,
                place: place.clone(),
                at,
            });
        }
    }
    for (n, window) in windows.iter().enumerate() {
        for (m, other) in windows.iter().enumerate().skip(n + 1) {
            let mut places = window.places.iter();
            let Some(place) = places.find(|place| other.places.contains(place)) else {
                continue;
            };
            if let Some((one, two)) = first_overlap(&occurrences[n], &occurrences[m]) {
                let (first, second) = if one.start <= two.start {
                    (n, m)
                } else {
                    (m, n)
                };
                return Some(Overlap {
                    first,
                    second,
                    place: place.clone(),
                    at: one.start.max(two.start),
                });
            }
        }
    }
    None
}

/// The first two of these that overlap. Those of one list do not.
fn first_overlap(a: &[Occurrence], b: &[Occurrence]) -> Option<(Occurrence, Occurrence)> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let (one, two) = (a.peek()?, b.peek()?);
        if one.overlaps(two) {
            return Some((**one, **two));
        }
        if one.end <= two.start {
            a.next();
        } else {
            b.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::time_zone;

    fn window(name: &str, cron: &str, zone: &str, minutes: i64, roles: &[&str]) -> RecurringWindow {
        let app = App::new("demo", "dev").unwrap();
        let place = |role: &&str| Place {
            app: app.clone(),
            role: role.parse().unwrap(),
        };
        RecurringWindow {
            name: name.to_owned(),
            recurrence: Recurrence {
                cron: cron.parse().unwrap(),
                zone: time_zone(zone).unwrap(),
                length: SignedDuration::from_mins(minutes),
            },
            product: None,
            places: roles.iter().map(place).collect(),
            reason: None,
            message: None,
            read_only: false,
            accept_event_loss: false,
        }
    }

    fn found(windows: &[RecurringWindow]) -> Option<(usize, usize, String, String)> {
        let overlap = overlap(windows, "2026-11-29T12:00:00Z".parse().unwrap())?;
        let role = overlap.place.role.to_string();
        Some((overlap.first, overlap.second, role, overlap.at.to_string()))
    }

    #[test]
    fn windows_that_overlap_are_found_with_the_time() {
        let nightly = window("nightly", "0 22 * * *", "Etc/UTC", 120, &["web", "worker"]);
        let weekly = window("weekly", "30 23 * * SUN", "Etc/UTC", 60, &["worker"]);
        let expected = (0, 1, "worker".to_owned(), "2026-11-29T23:30:00Z".to_owned());
        assert_eq!(found(&[nightly.clone(), weekly.clone()]), Some(expected));
        let expected = (1, 0, "worker".to_owned(), "2026-11-29T23:30:00Z".to_owned());
        assert_eq!(found(&[weekly, nightly.clone()]), Some(expected));
        // One that begins as the other ends, and one of another role, do not.
        let next = window("next", "0 0 * * *", "Etc/UTC", 60, &["web"]);
        let api = window("api", "0 22 * * *", "Etc/UTC", 60, &["api"]);
        assert_eq!(found(&[nightly, next, api]), None);
    }

    #[test]
    fn an_occurrence_that_is_longer_than_its_period_overlaps_itself() {
        let long = window("long", "0 */6 * * *", "Etc/UTC", 361, &["web"]);
        // The one from six o'clock is open for another minute.
        let expected = (0, 0, "web".to_owned(), "2026-11-29T12:00:00Z".to_owned());
        assert_eq!(found(&[long]), Some(expected));
        assert_eq!(
            found(&[window("full", "0 */6 * * *", "Etc/UTC", 360, &["web"])]),
            None
        );
        // A day of 23 hours, in March.
        let day = window("day", "0 1 * * *", "Europe/Berlin", 24 * 60, &["web"]);
        let expected = (0, 0, "web".to_owned(), "2027-03-28T23:00:00Z".to_owned());
        assert_eq!(found(&[day]), Some(expected));
    }

    #[test]
    fn what_overlaps_only_because_of_summer_time_is_found() {
        let berlin = window("berlin", "0 2 * * *", "Europe/Berlin", 60, &["web"]);
        let utc = window("utc", "0 0 * * *", "Etc/UTC", 60, &["web"]);
        let expected = (0, 1, "web".to_owned(), "2027-03-29T00:00:00Z".to_owned());
        assert_eq!(found(&[berlin, utc]), Some(expected));
    }
}
