//! Where the events of paused functions go, in words.

pub(crate) use maintenance_control::describe::NOT_SEEN;
use maintenance_control::describe::{arrivals, functions, losses as worst};
use maintenance_control::{Delivery, FunctionEvents, Report};

/// What a script has to add for a plan that loses events.
pub(crate) fn needs_acceptance(report: &Report) -> Option<String> {
    let lossy = || events_of(report).filter(|it| it.is_lossy());
    let will = match (lossy().next(), lossy().any(loses)) {
        (None, _) => return None,
        (Some(_), true) => "will",
        (Some(_), false) => "may",
    };
    Some(format!(
        "Events {will} be lost: without a terminal, `on` needs --accept-event-loss"
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
            .map(|it| format!("  {}: {}", it.function, arrivals(it)))
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
        "records wait in their streams, within their retention",
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

#[cfg(test)]
mod tests {
    use maintenance_control::Trigger;

    use super::*;

    #[test]
    fn what_could_not_be_read_is_named_and_may_be_lost() {
        let failed = "lambda:GetPolicy on f did not go through in time".to_owned();
        let unread = FunctionEvents {
            unread: vec![failed],
            ..FunctionEvents::new("f", vec![])
        };
        let words =
            "its triggers could not be read (lambda:GetPolicy on f did not go through in time)";
        assert_eq!(arrivals(&unread), words);
        assert_eq!(
            events(std::slice::from_ref(&unread), false),
            [format!("  f: {words}")]
        );
        assert_eq!(losses(&[unread]), [format!("f: {words}")]);
    }

    #[test]
    fn a_large_fleet_is_counted_and_only_the_worst_is_named() {
        let mut fleet: Vec<FunctionEvents> = (0..1000)
            .map(|n| FunctionEvents::new(format!("quiet-{n}"), vec![]))
            .collect();
        fleet.extend((0..25).map(|n| {
            let name = format!("lossy-{n:02}");
            FunctionEvents::new(
                &name,
                vec![Trigger::new("s3.amazonaws.com", Delivery::Lost)],
            )
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
