//! What a report says, as sentences: the same on a terminal and on a page.
//!
//! No command and no option stands in them; what to type next, or where to click, is added where they are
//! shown.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_flag::{HistoryEntry, HistoryKind, Source, Times};

use crate::events::{Delivery, FunctionEvents, Trigger};
use crate::report::{Action, Drift, OptionsReport, RoleOutcome, RoleReport, Updated};
use crate::waits::Waiting;

/// `3 functions`.
#[must_use]
pub fn functions(count: usize) -> String {
    match count {
        1 => "1 function".to_owned(),
        _ => format!("{count} functions"),
    }
}

/// `2 min 5 s`, rounded up to a second.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// `in 15 min`, `3 h 20 min ago`.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.duration_since(now).as_secs_f64().round() as i64;
    let distance = distance(seconds.unsigned_abs());
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {distance}"),
        ..0 => format!("{distance} ago"),
    }
}

/// As precise as a person says it.
fn distance(seconds: u64) -> String {
    let minutes = (seconds + 30) / 60;
    match (seconds, minutes / 60, minutes % 60) {
        (..60, ..) => format!("{seconds} s"),
        (_, 0, minutes) => format!("{minutes} min"),
        (_, hours @ ..48, 0) => format!("{hours} h"),
        (_, hours @ ..48, minutes) => format!("{hours} h {minutes} min"),
        (_, hours, _) => format!("{} days", (hours + 12) / 24),
    }
}

/// A part of a text of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text.
    Text(&'a str),
    /// A time that is written in the text, UTC: a reader wants it as a clock on the wall shows it.
    Time(Timestamp),
}

/// The parts of a text with UTC times in it.
pub fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    text.split_inclusive(' ').flat_map(|word| {
        let core = word.trim_start_matches('(');
        let (before, core) = word.split_at(word.len() - core.len());
        let time = core.trim_end_matches([' ', ',', ';', ':', '.', ')']);
        // Not the compact form, which is AWS's and in names.
        match time.contains(':').then(|| time.parse().ok()).flatten() {
            Some(at) => {
                let after = &core[time.len()..];
                [Part::Text(before), Part::Time(at), Part::Text(after)]
            }
            None => [Part::Text(word), Part::Text(""), Part::Text("")],
        }
    })
}

/// `off → on`; `on updated` where the mode stayed; `scheduled`.
#[must_use]
pub fn transition(entry: &HistoryEntry) -> String {
    let (from, to) = (entry.from.as_str(), entry.to.as_str());
    match entry.kind {
        HistoryKind::Scheduled | HistoryKind::Rescheduled | HistoryKind::Cancelled => {
            entry.kind.as_str().to_owned()
        }
        _ if from == to => format!("{to} updated"),
        _ => format!("{from} → {to}"),
    }
}

/// What there is to say of a transition besides who made it, when, for how long and how it ended; its reason is
/// the last.
#[must_use]
pub fn transition_notes(entry: &HistoryEntry) -> Vec<String> {
    let mut notes = Vec::new();
    let times = |times: Times| format!("{} until {}", times.starts_at, times.until);
    match (entry.times, entry.times_before) {
        (Some(now), Some(before)) => {
            notes.push(format!("changed from {} to {}", times(before), times(now)));
        }
        (Some(now), None) => notes.push(format!("the window from {}", times(now))),
        (None, _) => {}
    }
    match entry.kind {
        HistoryKind::StartedByItself => notes.push("started by itself, as scheduled".to_owned()),
        HistoryKind::EndedByItself => notes.push("ended by itself, as planned".to_owned()),
        HistoryKind::Restored => notes.push("`off` ran after it had ended by itself".to_owned()),
        HistoryKind::SetByHand => notes.push("the flag was set by hand".to_owned()),
        HistoryKind::OptionsUpdated => notes.push(format!("changed {}", entry.changed.join(", "))),
        HistoryKind::TurnedOn
        | HistoryKind::TurnedOff
        | HistoryKind::Scheduled
        | HistoryKind::Rescheduled
        | HistoryKind::Cancelled
        | HistoryKind::Unreadable => {}
    }
    notes.extend(entry.error.as_ref().map(ToString::to_string));
    if let Some(overrode) = &entry.overrode {
        notes.push(format!("overrode {overrode}"));
    }
    let owner = entry.owner.as_ref().map(|owner| owner.name.as_str());
    if entry.source == Some(Source::Observer) && owner != entry.by.as_deref() {
        notes.extend(owner.map(|owner| format!("for the observer {owner}")));
    }
    if let Some(product) = &entry.product {
        notes.push(format!("for the product {product}"));
    }
    notes.extend(entry.reason.clone());
    notes
}

/// What the functions do not show, said once.
pub const NOT_SEEN: &str = "Not checked: invocations made through an IAM role (EventBridge Scheduler, Step Functions, other accounts, your own code)";

/// Where all events of a function go, the worst first.
#[must_use]
pub fn arrivals(events: &FunctionEvents) -> String {
    let mut parts = bad(events);
    let (mut queued, mut streamed, mut throttled) = (Vec::new(), Vec::new(), Vec::new());
    let mut sent: Vec<(&str, Vec<&Trigger>)> = Vec::new();
    for arrival in &events.arrivals {
        match &arrival.fate {
            Delivery::Queued => queued.push(arrival),
            Delivery::InStream => streamed.push(arrival),
            Delivery::Throttled => throttled.push(arrival),
            Delivery::Sent { to } => match sent.iter_mut().find(|(known, _)| known == to) {
                Some((_, arrivals)) => arrivals.push(arrival),
                None => sent.push((to, vec![arrival])),
            },
            // Those are bad, and named first.
            Delivery::Lost | Delivery::Unknown => {}
        }
    }
    for (to, arrivals) in sent {
        parts.push(format!("events from {} go to {to}", names(&arrivals)));
    }
    if !queued.is_empty() {
        parts.push(format!(
            "messages from {} wait in the queue",
            names(&queued)
        ));
    }
    if !streamed.is_empty() {
        parts.push(format!(
            "records from {} wait in the stream, within its retention",
            names(&streamed)
        ));
    }
    if !throttled.is_empty() {
        parts.push(format!("calls from {} get 429", names(&throttled)));
    }
    if parts.is_empty() {
        return "no triggers".to_owned();
    }
    parts.join("; ")
}

/// What may be lost of a function: lost events, and triggers that could not be read or cannot be seen.
#[must_use]
pub fn losses(events: &FunctionEvents) -> String {
    bad(events).join("; ")
}

fn bad(events: &FunctionEvents) -> Vec<String> {
    let mut parts = Vec::new();
    let lost: Vec<&Trigger> = events.lost().collect();
    if !lost.is_empty() {
        parts.push(format!(
            "events from {} will be LOST (no dead-letter queue, no failure destination)",
            names(&lost)
        ));
    }
    if !events.unread.is_empty() {
        parts.push(format!(
            "its triggers could not be read ({})",
            events.unread.join("; ")
        ));
    }
    if !events.unseen.is_empty() {
        parts.push(format!(
            "its triggers cannot be seen (allow {})",
            events.unseen.join(", ")
        ));
    }
    parts
}

/// Who brings it, each once: `s3.amazonaws.com, sqs orders, events.amazonaws.com to live`.
fn names(arrivals: &[&Trigger]) -> String {
    let names: BTreeSet<String> = arrivals.iter().map(|it| name(it)).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn name(arrival: &Trigger) -> String {
    let mut name = arrival.from.clone();
    // A principal says enough; which queue or stream a mapping reads has to be said.
    if matches!(arrival.fate, Delivery::Queued | Delivery::InStream)
        && let Some(source) = arrival.source.as_deref().and_then(short)
    {
        name = format!("{name} {source}");
    }
    match &arrival.qualifier {
        Some(qualifier) => format!("{name} to {qualifier}"),
        None => name,
    }
}

/// The queue, stream, table or cluster in an ARN: `orders` of `…:orders`, `carts` of
/// `…:table/carts/stream/…`, `main` of `…:cluster/main/…`.
fn short(arn: &str) -> Option<&str> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let named = resource
        .split_once(['/', ':'])
        .map_or(resource, |(_, named)| named);
    named.split(['/', ':']).next()
}

/// The things that the operation waits for, if any. `action` is its work, once that has begun.
#[must_use]
pub fn waiting(action: Option<Action>, waiting: &Waiting) -> Option<String> {
    let mut parts = Vec::new();
    match (waiting.mappings, action) {
        (0, _) => {}
        (count, Some(Action::Off)) => {
            parts.push(format!("{} to be Enabled", mappings(count)));
        }
        (count, _) => parts.push(format!("{} to be Disabled", mappings(count))),
    }
    if waiting.settling > 0 {
        let settling = mappings(waiting.settling);
        parts.push(format!("{settling} to be created or updated"));
    }
    match waiting.provisioned {
        0 => {}
        1 => parts.push("provisioned concurrency to be READY".to_owned()),
        count => parts.push(format!("{count} provisioned concurrencies to be READY")),
    }
    match waiting.updates {
        0 => {}
        1 => parts.push("another update in progress".to_owned()),
        count => parts.push(format!("{count} other updates in progress")),
    }
    let mut words = Vec::new();
    if !parts.is_empty() {
        words.push(format!("waiting for {}", parts.join(", ")));
    }
    if waiting.throttled {
        words.push("throttled by AWS; slowing down".to_owned());
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn mappings(count: usize) -> String {
    match count {
        1 => "1 event source mapping".to_owned(),
        _ => format!("{count} event source mappings"),
    }
}

/// What became of a role's flag.
#[must_use]
pub fn outcome(report: &RoleReport) -> String {
    let role = report.role.capitalized();
    match report.outcome {
        RoleOutcome::TurnedOn => format!("{role} maintenance has been turned on"),
        RoleOutcome::AlreadyOn => format!("{role} maintenance is already on"),
        RoleOutcome::OptionsUpdated => {
            let what = report.options.as_ref().map(updated);
            let what = what.map_or_else(String::new, |what| format!(": {what}"));
            format!("{role} maintenance is on; options updated{what}")
        }
        RoleOutcome::TurnedOff => format!("{role} maintenance has been turned off"),
        RoleOutcome::AlreadyOff => format!("{role} maintenance is already off"),
        RoleOutcome::LeftOn => {
            format!("{role} maintenance stays on: it was not turned on for this product")
        }
        RoleOutcome::StillOn => format!("{role} maintenance is still on"),
        RoleOutcome::Unfinished => match &report.flag {
            Some(flag) if flag.mode.is_on() => {
                format!("{role} maintenance is on, and the operation did not finish")
            }
            _ => format!("{role} maintenance did not finish"),
        },
        RoleOutcome::NotBegun => format!("{role} maintenance was not started"),
    }
}

/// A setting that another client changed while the function was paused.
#[must_use]
pub fn drifted(drift: &Drift) -> String {
    let Drift {
        function,
        setting,
        saved,
        now,
    } = drift;
    format!(
        "{function} drifted: {setting} changed to {now} while paused (saved: {saved}); left unchanged"
    )
}

/// A function, or a part of one, that was saved.
#[must_use]
pub fn gone(what: &str) -> String {
    format!("{what} no longer exists, but its settings are saved")
}

/// What was changed of a window that was open: `message, until`.
#[must_use]
pub fn updated(options: &OptionsReport) -> String {
    let name = |what: &Updated| match what {
        Updated::Mode => format!("mode ({})", options.mode),
        Updated::Reason => "reason".to_owned(),
        Updated::Message => "message".to_owned(),
        Updated::Until => "until".to_owned(),
        Updated::AutoOff => "auto-off".to_owned(),
        Updated::RetryAfter => "retry-after".to_owned(),
        Updated::Token => "bypass link".to_owned(),
        Updated::Addresses => "addresses".to_owned(),
        Updated::Paths => "paths".to_owned(),
    };
    options
        .updated
        .iter()
        .map(name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use maintenance_flag::{Flag, Mode};

    use super::*;

    fn mapped(from: &str, arn: &str, fate: Delivery) -> Trigger {
        Trigger {
            source: Some(arn.to_owned()),
            ..Trigger::new(from, fate)
        }
    }

    #[test]
    fn each_fate_has_its_words_and_the_worst_comes_first() {
        let to = "arn:aws:sqs:us-east-1:1:dead".to_owned();
        let live = Trigger {
            qualifier: Some("live".to_owned()),
            ..Trigger::new("events.amazonaws.com", Delivery::Sent { to })
        };
        let events = FunctionEvents {
            unseen: vec!["lambda:ListAliases".to_owned()],
            ..FunctionEvents::new(
                "f",
                vec![
                    mapped("sqs", "arn:aws:sqs:us-east-1:1:orders", Delivery::Queued),
                    Trigger::new("apigateway.amazonaws.com", Delivery::Throttled),
                    live,
                    Trigger::new("s3.amazonaws.com", Delivery::Lost),
                    Trigger::new("s3.amazonaws.com", Delivery::Lost),
                    Trigger::new("sns.amazonaws.com", Delivery::Lost),
                    Trigger::new("kafka", Delivery::InStream),
                ],
            )
        };
        assert_eq!(
            arrivals(&events),
            "events from s3.amazonaws.com, sns.amazonaws.com will be LOST (no dead-letter queue, no \
             failure destination); its triggers cannot be seen (allow lambda:ListAliases); \
             events from events.amazonaws.com to live go to arn:aws:sqs:us-east-1:1:dead; messages \
             from sqs orders wait in the queue; records from kafka wait in the stream, within its \
             retention; calls from apigateway.amazonaws.com get 429"
        );
        assert_eq!(arrivals(&FunctionEvents::new("g", vec![])), "no triggers");
    }

    #[test]
    fn sources_are_named_by_what_people_call_them() {
        for (arn, name) in [
            ("arn:aws:sqs:us-east-1:1:orders", "orders"),
            ("arn:aws:kinesis:us-east-1:1:stream/clicks", "clicks"),
            (
                "arn:aws:dynamodb:us-east-1:1:table/carts/stream/2026-01-01T00:00:00.000",
                "carts",
            ),
            ("arn:aws:kafka:us-east-1:1:cluster/main/uuid", "main"),
            ("arn:aws:mq:us-east-1:1:broker:post:b-1", "post"),
        ] {
            assert_eq!(short(arn), Some(name), "{arn}");
        }
    }

    #[test]
    fn each_thing_waited_for_has_its_words() {
        let mut waits = Waiting::default();
        let on = Some(Action::On);
        assert_eq!(waiting(on, &waits), None);
        waits.mappings = 1;
        assert_eq!(
            waiting(on, &waits).as_deref(),
            Some("waiting for 1 event source mapping to be Disabled")
        );
        waits.mappings = 2;
        waits.provisioned = 1;
        assert_eq!(
            waiting(Some(Action::Off), &waits).as_deref(),
            Some(
                "waiting for 2 event source mappings to be Enabled, provisioned concurrency to be READY"
            )
        );
        waits = Waiting::default();
        waits.settling = 2;
        assert_eq!(
            waiting(on, &waits).as_deref(),
            Some("waiting for 2 event source mappings to be created or updated")
        );
        waits = Waiting::default();
        waits.throttled = true;
        assert_eq!(
            waiting(None, &waits).as_deref(),
            Some("throttled by AWS; slowing down")
        );
        waits.updates = 1;
        assert_eq!(
            waiting(on, &waits).as_deref(),
            Some("waiting for another update in progress; throttled by AWS; slowing down")
        );
    }

    #[test]
    fn durations_read_well() {
        for (ms, words) in [
            (0, "0 s"),
            (1, "1 s"),
            (59_000, "59 s"),
            (60_000, "1 min"),
            (61_500, "1 min 2 s"),
            (906_250, "15 min 7 s"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), words);
        }
    }

    #[test]
    fn what_was_updated_is_named() {
        let options = OptionsReport {
            updated: vec![Updated::Mode, Updated::Until, Updated::Token],
            ..OptionsReport::of(&Flag::bare(Mode::On))
        };
        assert_eq!(updated(&options), "mode (on), until, bypass link");
    }
}
