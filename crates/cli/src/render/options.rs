//! What visitors get and who may pass, in words.

use jiff::Timestamp;
use maintenance_control::describe::updated;
use maintenance_control::{BypassReport, OptionsReport, Report, Updated};
use maintenance_flag::{App, Mode, Role};

use super::reader::Reader;

/// The link is not encrypted in transit.
pub(crate) const NOT_ENCRYPTED: &str = "Warning: the link is not https: others can read it in transit, and a browser may not keep its cookie";

/// The address of the link's site is unknown.
pub(crate) const APPEND: &str = "Append it to any URL of the site";

/// The options of a window, a line each: none for the usual page alone.
pub(crate) fn window_summary(options: &OptionsReport, reader: &Reader) -> Vec<String> {
    let mut lines = Vec::new();
    if options.mode == Mode::ReadOnly {
        lines.push("  read-only: GET, HEAD and OPTIONS requests pass".to_owned());
    }
    if let Some(message) = &options.message {
        lines.push(format!("  message for visitors: {message}"));
        let has = |what| options.updated.contains(&what);
        if has(Updated::Mode) && !has(Updated::Message) {
            lines.push(
                "Warning: that message was written for another mode: change it with --message if it no longer holds"
                    .to_owned(),
            );
        }
    }
    if let Some(end) = options.until {
        let at = reader.moment(end);
        lines.push(match options.auto_off {
            true => format!("  until {at}: then it turns off by itself"),
            false => reader.advice(&match reader.is_past(end) {
                true => {
                    format!("  announced end {at} has passed: it stays on until `maintenance off`")
                }
                false => format!("  announced end {at}: it stays on until `maintenance off`"),
            }),
        });
    }
    if let Some(seconds) = options.retry_after {
        lines.push(format!("  Retry-After: {seconds} s"));
    }
    let bypass = &options.bypass;
    if let Some(end) = bypass.token_until {
        let at = reader.moment(end);
        lines.push(match reader.is_past(end) {
            true => format!("  bypass link: expired at {at}"),
            false => format!("  bypass link: valid until {at}"),
        });
    }
    for (name, list) in [("addresses", &bypass.addresses), ("paths", &bypass.paths)] {
        if !list.is_empty() {
            lines.push(format!("  allowed {name}: {}", list.join(", ")));
        }
    }
    for everyone in bypass.addresses.iter().filter(|it| it.ends_with("/0")) {
        let version = if everyone.contains(':') { 6 } else { 4 };
        lines.push(format!(
            "Warning: {everyone} lets every IPv{version} client pass"
        ));
    }
    if bypass.paths.iter().any(|it| it == "/*") {
        lines.push("Warning: /* lets every request pass".to_owned());
    }
    lines
}

/// Before the question, of a role that is on, but not so.
pub(crate) fn will_turn(role: &Role, from: Mode, to: Mode, app: &App) -> String {
    format!("Will turn {role} maintenance mode from {from} to {to} for {app}")
}

/// Before the question, of a role that is on and stays so.
pub(crate) fn will_update(role: &Role, app: &App, options: &OptionsReport) -> String {
    let updated = updated(options);
    format!("Will update {role} maintenance mode for {app}: {updated}")
}

/// What the owner of a new bypass link should know. The token is in the answer and nowhere else.
pub(crate) fn about_link(
    until: Timestamp,
    query: &str,
    header: &str,
    reader: &Reader,
) -> Vec<String> {
    let until = reader.moment(until);
    vec![
        format!(
            "Anyone with this link can pass until {until}, or until this maintenance ends: share it with the team only"
        ),
        format!("Scripts send the part after {query}= in the header {header}"),
    ]
}

/// What still passes though the role is drained, said beside when it is safe to migrate.
pub(crate) fn still_passes(report: &Report) -> Option<String> {
    let options = || report.roles.iter().filter_map(|role| role.options.as_ref());
    let what = if options().any(|it| it.mode == Mode::ReadOnly) {
        "Read requests"
    } else if options().any(|it| it.bypass != BypassReport::default()) {
        "Allowed requests"
    } else {
        return None;
    };
    Some(format!(
        "{what} still pass: migrate only what they can tolerate"
    ))
}

#[cfg(test)]
mod tests {
    use crate::render::reader::tests::reader;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plain() -> OptionsReport {
        OptionsReport {
            mode: Mode::On,
            message: None,
            until: None,
            auto_off: false,
            retry_after: None,
            bypass: BypassReport::default(),
            updated: Vec::new(),
        }
    }

    #[test]
    fn everything_that_visitors_get_has_a_line() {
        let options = OptionsReport {
            mode: Mode::ReadOnly,
            message: Some("Back soon".to_owned()),
            until: Some(at("2026-11-22T09:00:00Z")),
            auto_off: false,
            retry_after: Some(120),
            bypass: BypassReport {
                token_until: Some(at("2026-11-22T08:00:00Z")),
                addresses: vec!["192.0.2.0/24".to_owned(), "::/0".to_owned()],
                paths: vec!["/health".to_owned(), "/*".to_owned()],
            },
            updated: Vec::new(),
        };
        assert_eq!(
            window_summary(&options, &reader()),
            [
                "  read-only: GET, HEAD and OPTIONS requests pass",
                "  message for visitors: Back soon",
                "  announced end 10:00:00 CET (in 2 h): it stays on until `maintenance off`",
                "  Retry-After: 120 s",
                "  bypass link: valid until 09:00:00 CET (in 1 h)",
                "  allowed addresses: 192.0.2.0/24, ::/0",
                "  allowed paths: /health, /*",
                "Warning: ::/0 lets every IPv6 client pass",
                "Warning: /* lets every request pass",
            ]
        );
        let mut past = options.clone();
        past.until = Some(at("2026-11-22T07:00:00Z"));
        past.bypass.token_until = past.until;
        let lines = window_summary(&past, &reader()).join("\n");
        assert!(
            lines.contains("announced end 08:00:00 CET (now) has passed"),
            "{lines}"
        );
        assert!(
            lines.contains("bypass link: expired at 08:00:00 CET (now)"),
            "{lines}"
        );
        let opens = OptionsReport {
            auto_off: true,
            ..options
        };
        let lines = window_summary(&opens, &reader()).join("\n");
        assert!(lines.contains("until 10:00:00 CET (in 2 h): then it turns off by itself"));
        assert!(window_summary(&plain(), &reader()).is_empty());
    }
}
