//! Messages for an incoming webhook of Slack's.
//!
//! What people and AWS wrote is escaped as Slack asks for it [Slack, *Formatting text for app surfaces*], so that
//! it addresses nobody and links nowhere.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use maintenance_control::Action;
use serde_json::{Value, json};

use super::Notification;
use super::event::{Data, Kind};

/// How many characters a text of a block may have: Slack's limit is 3,000, and escaped ones count more.
const LONGEST: usize = 500;
/// How many functions are named before the rest is counted.
const NAMED: usize = 10;

/// The headers and the body.
pub(super) fn message(notification: &Notification) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (headers, document(notification).to_string().into())
}

fn document(notification: &Notification) -> Value {
    let data = &notification.data;
    let headline = escaped(&headline(notification.kind, data));
    let text = |text: String| json!({"type": "mrkdwn", "text": text, "verbatim": true});
    let mut blocks = vec![json!({"type": "section", "text": text(format!("*{headline}*"))})];
    let details: Vec<String> = details(notification.kind, data)
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    if !details.is_empty() {
        blocks.push(json!({"type": "section", "text": text(details.join("\n"))}));
    }
    json!({"text": headline, "blocks": blocks})
}

/// What happened, in a sentence. It is not escaped.
fn headline(kind: Kind, data: &Data) -> String {
    let place = place(data);
    let on_or_off = match data.action {
        Some(Action::Off) => "off",
        Some(Action::On) | None => "on",
    };
    match kind {
        Kind::TurnedOn => format!("Maintenance of {place} has been turned on"),
        Kind::TurnedOff => format!("Maintenance of {place} has been turned off"),
        Kind::Scheduled => format!("Maintenance of {place} is scheduled"),
        Kind::Rescheduled => format!("The maintenance of {place} has been moved"),
        Kind::Cancelled => format!("The scheduled maintenance of {place} has been cancelled"),
        Kind::Partial => format!("Maintenance of {place} was turned {on_or_off} only in part"),
        Kind::Drained => format!("{place} is drained: safe to migrate"),
        Kind::OptionsUpdated => format!("The maintenance of {place} has other options now"),
        Kind::Failed => format!("Maintenance of {place} could not be turned {on_or_off}"),
        Kind::Test => "This is a test: notifications of maintenance arrive here".to_owned(),
    }
}

/// `shop (billing-prod web, worker; shop-prod web)`.
fn place(data: &Data) -> String {
    let apps = data.apps.iter().map(|app| {
        let roles: Vec<&str> = app.roles.iter().map(|role| role.role.as_str()).collect();
        (app.app.as_str(), roles.join(", "))
    });
    match (&data.product, apps.collect::<Vec<_>>().as_slice()) {
        (None, [(app, roles)]) => format!("{app} ({roles})"),
        (product, apps) => {
            let apps = apps.iter().map(|(app, roles)| format!("{app} {roles}"));
            let apps = apps.collect::<Vec<_>>().join("; ");
            format!("{} ({apps})", product.as_deref().unwrap_or("several apps"))
        }
    }
}

/// What else there is to say, escaped.
fn details(kind: Kind, data: &Data) -> Vec<(&'static str, String)> {
    let text = |it: &Option<String>| it.as_deref().map(escaped);
    let owner = data.owner.as_ref();
    let observer = owner.filter(|owner| owner.kind == "observer");
    let functions = data.functions.iter().take(NAMED).map(|it| {
        let line = format!("{} {} {}: {}", it.app, it.role, it.function, it.error);
        format!("\n• {}", escaped(&line))
    });
    let more = data.functions.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("\n• and {more} more"));
    let functions: String = functions.chain(more).collect();
    let starts = match kind {
        Kind::Cancelled => "Would have begun",
        _ => "Begins",
    };
    let rows = [
        ("By", text(&data.by)),
        ("Held by the observer", observer.map(|it| escaped(&it.name))),
        ("Reason", text(&data.reason)),
        ("Message", text(&data.message)),
        (starts, data.starts_at.map(date)),
        ("Was to begin", data.previous_starts_at.map(date)),
        ("Since", data.since.map(date)),
        ("Until", data.until.map(date)),
        ("Safe to migrate after", data.drained_at.map(date)),
        ("Why", text(&data.error)),
        ("Functions", (!functions.is_empty()).then_some(functions)),
    ];
    let given = rows.into_iter();
    given.filter_map(|(name, it)| Some((name, it?))).collect()
}

/// A time that Slack shows in the zone of each reader.
fn date(at: Timestamp) -> String {
    format!(
        "<!date^{}^{{date_short_pretty}} {{time_secs}}|{at}>",
        at.as_second()
    )
}

/// Not longer than a block has room for, on one line, and without what Slack would take for its own signs.
fn escaped(text: &str) -> String {
    let is_longer = text.chars().nth(LONGEST).is_some();
    let plain = text.chars().take(LONGEST);
    let plain = plain.map(|c| if c.is_control() { ' ' } else { c });
    let mut all = String::with_capacity(text.len());
    for c in plain {
        match c {
            '&' => all += "&amp;",
            '<' => all += "&lt;",
            '>' => all += "&gt;",
            c => all.push(c),
        }
    }
    if is_longer {
        all.push('…');
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_addresses_nobody_and_is_cut() {
        assert_eq!(
            escaped("<!channel> a & b\n<http://x|y>"),
            "&lt;!channel&gt; a &amp; b &lt;http://x|y&gt;"
        );
        let long = escaped(&"ä".repeat(600));
        assert_eq!(long.chars().count(), 501);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_time_is_shown_in_the_zone_of_the_reader() {
        let at: Timestamp = "2026-11-29T08:00:00Z".parse().unwrap();
        assert_eq!(
            date(at),
            "<!date^1795939200^{date_short_pretty} {time_secs}|2026-11-29T08:00:00Z>"
        );
    }
}
