//! Where the events of paused functions go, in words.

use std::collections::BTreeSet;

use maintenance_control::{Delivery, FunctionEvents, Report, Trigger};

use super::operation::functions;

/// What the functions do not show, said once.
pub(crate) const NOT_SEEN: &str = "Not checked: invocations made through an IAM role (EventBridge Scheduler, Step Functions, other accounts, your own code)";

/// What a script has to add for a plan that loses events.
pub(crate) fn needs_acceptance(report: &Report) -> Option<String> {
    let lossy = || events_of(report).filter(|it| it.is_lossy());
    let will = match (lossy().next(), lossy().any(loses)) {
        (None, _) => return None,
        (Some(_), true) => "will",
        (Some(_), false) => "may",
    };
    Some(format!(
        "Events {will} be lost: without a terminal to ask on, `on` needs --accept-event-loss"
    ))
}

/// How many functions the question and the refusal name before they count the rest.
const NAMED: usize = 20;

/// Lines for above the question: counts, and by name functions whose events are lost or whose triggers cannot be seen. With `all`, each
/// function by name.
pub(crate) fn events(events: &[FunctionEvents], all: bool) -> Vec<String> {
    if all {
        return events
            .iter()
            .map(|it| format!("  {}: {}", it.function, describe(it)))
            .collect();
    }
    let mut lines = Vec::new();
    let mut count = |what: &str, is: &dyn Fn(&FunctionEvents) -> bool| {
        let count = events.iter().filter(|it| is(it)).count();
        if count > 0 {
            lines.push(format!("  {}: {what}", functions(count)));
        }
    };
    let has = |fate: fn(&Delivery) -> bool| {
        move |it: &FunctionEvents| it.arrivals.iter().any(|arrival| fate(&arrival.fate))
    };
    count(
        "messages wait in their queues",
        &has(|fate| *fate == Delivery::Queued),
    );
    count(
        "records wait in their streams, within the retention of those",
        &has(|fate| *fate == Delivery::InStream),
    );
    count(
        "events go to a dead-letter queue or failure destination",
        &has(|fate| matches!(fate, Delivery::Sent { .. })),
    );
    count(
        "synchronous callers get 429",
        &has(|fate| *fate == Delivery::Throttled),
    );
    count("no triggers", &|it| {
        it.arrivals.is_empty() && it.unseen.is_empty() && it.unread.is_empty()
    });
    let (lossy, others): (Vec<_>, Vec<_>) = events.iter().partition(|it| loses(it));
    let (unread, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|it| !it.unread.is_empty());
    let unseen = others.into_iter().filter(|it| !it.unseen.is_empty());
    for (group, what) in [
        (lossy, "whose events will be LOST"),
        (unread, "whose triggers could not be read"),
        (unseen.collect(), "whose triggers cannot be seen"),
    ] {
        for it in group.iter().take(NAMED) {
            lines.push(format!("  {}: {}", it.function, worst(it)));
        }
        if let more @ 1.. = group.len().saturating_sub(NAMED) {
            lines.push(format!("  and {more} more {what} (-v names them)"));
        }
    }
    lines
}

/// Why `on` refuses: each function that would lose events, up to some.
pub(crate) fn losses(events: &[FunctionEvents]) -> Vec<String> {
    let mut lines: Vec<String> = events
        .iter()
        .take(NAMED)
        .map(|it| format!("{}: {}", it.function, worst(it)))
        .collect();
    if let more @ 1.. = events.len().saturating_sub(NAMED) {
        lines.push(format!("and {more} more: --dry-run names them"));
    }
    lines
}

/// Whether it is known to lose events.
fn loses(events: &FunctionEvents) -> bool {
    events.lost().next().is_some()
}

/// All that a report says of events.
pub(crate) fn events_of(report: &Report) -> impl Iterator<Item = &FunctionEvents> {
    let workers = report.roles.iter().filter_map(|role| role.workers.as_ref());
    workers.flat_map(|workers| &workers.events)
}

/// Where all events of a function go, the worst first.
pub(crate) fn describe(events: &FunctionEvents) -> String {
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
            // Those are bad, and named first. A library may learn of more than there are words for.
            _ => {}
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

/// Lost events, and triggers that could not be read or cannot be seen.
fn worst(events: &FunctionEvents) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(from: &str, fate: Delivery) -> Trigger {
        Trigger {
            from: from.to_owned(),
            source: None,
            qualifier: None,
            fate,
        }
    }

    fn function(name: &str, arrivals: Vec<Trigger>) -> FunctionEvents {
        FunctionEvents {
            function: name.to_owned(),
            arrivals,
            unseen: Vec::new(),
            unread: Vec::new(),
        }
    }

    fn mapped(from: &str, arn: &str, fate: Delivery) -> Trigger {
        Trigger {
            source: Some(arn.to_owned()),
            ..arrival(from, fate)
        }
    }

    #[test]
    fn each_fate_has_its_words_and_the_worst_comes_first() {
        let to = "arn:aws:sqs:us-east-1:1:dead".to_owned();
        let live = Trigger {
            qualifier: Some("live".to_owned()),
            ..arrival("events.amazonaws.com", Delivery::Sent { to })
        };
        let events = FunctionEvents {
            unseen: vec!["lambda:ListAliases".to_owned()],
            ..function(
                "f",
                vec![
                    mapped("sqs", "arn:aws:sqs:us-east-1:1:orders", Delivery::Queued),
                    arrival("apigateway.amazonaws.com", Delivery::Throttled),
                    live,
                    arrival("s3.amazonaws.com", Delivery::Lost),
                    arrival("s3.amazonaws.com", Delivery::Lost),
                    arrival("sns.amazonaws.com", Delivery::Lost),
                    arrival("kafka", Delivery::InStream),
                ],
            )
        };
        assert_eq!(
            describe(&events),
            "events from s3.amazonaws.com, sns.amazonaws.com will be LOST (no dead-letter queue, no \
             failure destination); its triggers cannot be seen (allow lambda:ListAliases); \
             events from events.amazonaws.com to live go to arn:aws:sqs:us-east-1:1:dead; messages \
             from sqs orders wait in the queue; records from kafka wait in the stream, within its \
             retention; calls from apigateway.amazonaws.com get 429"
        );
        assert_eq!(describe(&function("g", vec![])), "no triggers");
    }

    #[test]
    fn what_could_not_be_read_is_named_and_may_be_lost() {
        let failed = "lambda:GetPolicy on f did not go through in time".to_owned();
        let unread = FunctionEvents {
            unread: vec![failed],
            ..function("f", vec![])
        };
        let words =
            "its triggers could not be read (lambda:GetPolicy on f did not go through in time)";
        assert_eq!(describe(&unread), words);
        assert_eq!(
            events(std::slice::from_ref(&unread), false),
            [format!("  f: {words}")]
        );
        assert_eq!(losses(&[unread]), [format!("f: {words}")]);
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
    fn a_large_fleet_is_counted_and_only_the_worst_is_named() {
        let mut fleet: Vec<FunctionEvents> = (0..1000)
            .map(|n| function(&format!("quiet-{n}"), vec![]))
            .collect();
        fleet.extend((0..25).map(|n| {
            let name = format!("lossy-{n:02}");
            function(&name, vec![arrival("s3.amazonaws.com", Delivery::Lost)])
        }));
        let lines = events(&fleet, false);
        assert_eq!(lines.len(), 1 + 20 + 1);
        assert_eq!(lines[0], "  1000 functions: no triggers");
        assert_eq!(
            lines[1],
            "  lossy-00: events from s3.amazonaws.com will be LOST (no dead-letter queue, no failure \
             destination)"
        );
        assert_eq!(
            lines[21],
            "  and 5 more whose events will be LOST (-v names them)"
        );
        assert_eq!(events(&fleet, true).len(), 1025);
        let lossy: Vec<_> = fleet.into_iter().filter(|it| it.is_lossy()).collect();
        let losses = losses(&lossy);
        assert_eq!(losses.len(), 21);
        assert_eq!(losses[20], "and 5 more: --dry-run names them");
    }
}
