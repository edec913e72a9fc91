//! What visitors get and who may pass, in words.

use jiff::Timestamp;
use maintenance_control::{BypassReport, OptionsReport, Report, Updated};
use maintenance_flag::{App, Mode, Role};

/// What is said of a link that is not encrypted on its way.
pub(crate) const NOT_ENCRYPTED: &str = "Warning: the link is not https, so others can read it on its way, and a browser may not keep its cookie";

/// What is said of a bypass link whose site is not known.
pub(crate) const APPEND: &str = "Append it to any address of the site";

/// What visitors get, a line each: nothing where that is the usual page and nothing else.
pub(crate) fn window_summary(options: &OptionsReport, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    if options.mode == Mode::ReadOnly {
        lines.push("  read-only: GET, HEAD and OPTIONS pass".to_owned());
    }
    if let Some(message) = &options.message {
        lines.push(format!("  visitors are told: {message}"));
    }
    if let Some(end) = options.until {
        lines.push(match options.auto_off {
            true => format!("  until {end}: then it opens by itself"),
            false if end <= now => {
                format!("  visitors were told {end}, which has passed: it stays on until `maintenance off`")
            }
            false => format!("  until {end}, as visitors are told: it stays on until `maintenance off`"),
        });
    }
    if let Some(seconds) = options.retry_after {
        lines.push(format!("  Retry-After: {seconds} s"));
    }
    let bypass = &options.bypass;
    if let Some(end) = bypass.token_until {
        lines.push(match end <= now {
            true => format!("  the bypass link ended at {end}"),
            false => format!("  passes until {end}: whoever has the bypass link"),
        });
    }
    for list in [&bypass.addresses, &bypass.paths] {
        if !list.is_empty() {
            lines.push(format!("  passes: {}", list.join(", ")));
        }
    }
    for everybody in bypass.addresses.iter().filter(|it| it.ends_with("/0")) {
        lines.push(format!(
            "Warning: {everybody} lets everybody pass who has such an address"
        ));
    }
    if bypass.paths.iter().any(|it| it == "/*") {
        lines.push("Warning: /* lets everything pass".to_owned());
    }
    lines
}

/// What was changed of a window that was open: `message, until`.
pub(crate) fn updated(options: &OptionsReport) -> String {
    let name = |what: &Updated| match what {
        Updated::Mode => format!("mode ({})", options.mode),
        Updated::Message => "message".to_owned(),
        Updated::Until => "until".to_owned(),
        Updated::AutoOff => "auto-off".to_owned(),
        Updated::RetryAfter => "retry-after".to_owned(),
        Updated::Token => "bypass link".to_owned(),
        Updated::Addresses => "addresses".to_owned(),
        Updated::Paths => "paths".to_owned(),
        // A library may learn to tell more than this command has words for.
        _ => "others".to_owned(),
    };
    options
        .updated
        .iter()
        .map(name)
        .collect::<Vec<_>>()
        .join(", ")
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

/// What whoever asked for a bypass link should know. The token is in the answer and nowhere else.
pub(crate) fn about_link(until: Timestamp, query: &str, header: &str) -> Vec<String> {
    vec![
        format!(
            "Whoever has this link passes until {until}, or until this maintenance ends: give it to the team alone"
        ),
        format!("Scripts send what follows {query}= as the header {header}"),
    ]
}

/// What runs on though the role is drained, said beside when it is safe to migrate.
pub(crate) fn runs_on(report: &Report) -> Option<String> {
    let options = || report.roles.iter().filter_map(|role| role.options.as_ref());
    let what = if options().any(|it| it.mode == Mode::ReadOnly) {
        "Reading"
    } else if options().any(|it| it.bypass != BypassReport::default()) {
        "What may pass"
    } else {
        return None;
    };
    Some(format!(
        "{what} goes on meanwhile: migrate only what it can live with"
    ))
}

#[cfg(test)]
mod tests {
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
        let before = at("2026-11-22T07:00:00Z");
        assert_eq!(
            window_summary(&options, before),
            [
                "  read-only: GET, HEAD and OPTIONS pass",
                "  visitors are told: Back soon",
                "  until 2026-11-22T09:00:00Z, as visitors are told: it stays on until `maintenance off`",
                "  Retry-After: 120 s",
                "  passes until 2026-11-22T08:00:00Z: whoever has the bypass link",
                "  passes: 192.0.2.0/24, ::/0",
                "  passes: /health, /*",
                "Warning: ::/0 lets everybody pass who has such an address",
                "Warning: /* lets everything pass",
            ]
        );
        let after = window_summary(&options, at("2026-11-22T09:00:00Z")).join("\n");
        assert!(after.contains("visitors were told 2026-11-22T09:00:00Z, which has passed"));
        assert!(after.contains("the bypass link ended at 2026-11-22T08:00:00Z"));
        let opens = OptionsReport {
            auto_off: true,
            ..options
        };
        let lines = window_summary(&opens, before).join("\n");
        assert!(lines.contains("until 2026-11-22T09:00:00Z: then it opens by itself"));
        assert!(window_summary(&plain(), before).is_empty());
    }

    #[test]
    fn what_was_updated_is_named() {
        let options = OptionsReport {
            updated: vec![Updated::Mode, Updated::Until, Updated::Token],
            ..plain()
        };
        assert_eq!(updated(&options), "mode (on), until, bypass link");
    }
}
