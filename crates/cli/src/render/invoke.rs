//! Sentences about a paused function that is let run once.

use std::time::Duration;

use maintenance_control::describe::{drifted, duration};
use maintenance_control::{InvokePlan, InvokeReport, Trigger};

use super::drain::safe_after;
use super::events::NOT_SEEN;
use super::reader::Reader;

/// Before the question: what will be done, and what else may reach the function meanwhile.
pub(crate) fn will_invoke(plan: &InvokePlan) -> Vec<String> {
    let InvokePlan {
        function,
        role,
        timeout,
        events,
        left,
        ..
    } = plan;
    let longest = duration(Duration::from_secs((*timeout).into()));
    let mut lines = vec![format!(
        "Will let {function} run once, for up to {longest}, while {role} maintenance stays on"
    )];
    lines.extend(left.iter().map(|name| {
        format!("Will also set {name} back to 0: an interrupted invocation left it at 1")
    }));
    let mut from: Vec<String> = events.arrivals.iter().map(trigger).collect();
    from.dedup();
    let unknown = events
        .unseen
        .iter()
        .map(|action| format!("  other triggers may exist: {action} is not allowed"));
    let unknown = unknown.chain(
        events
            .unread
            .iter()
            .map(|error| format!("  other triggers may exist: they could not be read ({error})")),
    );
    let unknown: Vec<String> = unknown.collect();
    if from.is_empty() && unknown.is_empty() {
        lines.push("No trigger was found that could invoke it meanwhile".to_owned());
    } else {
        lines.push("These could invoke it meanwhile:".to_owned());
        lines.extend(from);
        lines.extend(unknown);
    }
    lines.push(NOT_SEEN.to_owned());
    lines
}

fn trigger(trigger: &Trigger) -> String {
    let Trigger {
        from,
        source,
        qualifier,
        ..
    } = trigger;
    let source = source.as_ref().map(|it| format!(" ({it})"));
    let qualifier = qualifier.as_ref().map(|it| format!(", by {it}"));
    let parts = [source, qualifier].into_iter().flatten();
    format!("  {from}{}", parts.collect::<String>())
}

/// While its answer is waited for.
pub(crate) fn invoking(function: &str, timeout: Duration) -> String {
    format!(
        "Waiting for {function} to answer; it may run for {}",
        duration(timeout)
    )
}

/// Once it is over.
pub(crate) fn invoked(report: &InvokeReport, reader: &Reader) -> Vec<String> {
    let mut lines: Vec<String> = report
        .warnings
        .iter()
        .map(|it| reader.warning(it))
        .collect();
    lines.extend(report.drifted.iter().map(drifted));
    if report.failure.is_some() || !report.drifted.is_empty() {
        return lines;
    }
    lines.push(format!("{} is paused again", report.function));
    lines.extend(report.drained_at.map(|at| safe_after(at, reader)));
    lines
}

#[cfg(test)]
mod tests {
    use maintenance_control::{Delivery, FunctionEvents};
    use maintenance_flag::{App, Role};

    use super::*;

    #[test]
    fn what_else_may_reach_the_function_is_named() {
        let arrival = |from: &str, source: Option<&str>| Trigger {
            from: from.to_owned(),
            source: source.map(str::to_owned),
            qualifier: None,
            fate: Delivery::Lost,
        };
        let events = FunctionEvents {
            function: "f".to_owned(),
            arrivals: Vec::new(),
            unseen: Vec::new(),
            unread: Vec::new(),
        };
        let mut plan = InvokePlan {
            app: App::new("demo", "dev").unwrap(),
            role: Role::worker(),
            function: "f".to_owned(),
            timeout: 900,
            events,
            left: Vec::new(),
        };
        assert_eq!(
            will_invoke(&plan),
            [
                "Will let f run once, for up to 15 min, while worker maintenance stays on",
                "No trigger was found that could invoke it meanwhile",
                NOT_SEEN
            ]
        );
        plan.events.arrivals = vec![
            arrival("s3.amazonaws.com", Some("arn:aws:s3:::images")),
            arrival("sns.amazonaws.com", None),
        ];
        plan.events.unseen = vec!["lambda:ListAliases".to_owned()];
        assert_eq!(
            will_invoke(&plan)[1..5],
            [
                "These could invoke it meanwhile:",
                "  s3.amazonaws.com (arn:aws:s3:::images)",
                "  sns.amazonaws.com",
                "  other triggers may exist: lambda:ListAliases is not allowed",
            ]
        );
    }
}
