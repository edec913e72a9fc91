//! How an observer and what it saw read.

use jiff::Zoned;
use maintenance_flag::Verdict;
use maintenance_server::observers::View;
use serde_json::{Value, json};

use super::localized;

/// What it saw last: `database: maintenance (503 Service Unavailable), 1 of 2`.
pub(crate) fn seen(view: &View) -> String {
    let name = &view.name;
    let Some((_, last)) = &view.last else {
        return match &view.disabled {
            Some(why) => format!("{name} is disabled: {why}"),
            None => format!("{name}: not checked yet"),
        };
    };
    let mut line = format!("{name}: {}", last.verdict);
    match (&last.error, &last.observed) {
        (Some(why), _) => line = format!("{line}: {why}"),
        (None, Some(observed)) => line = format!("{line} ({observed})"),
        (None, None) => {}
    }
    if last.verdict != Verdict::Unknown && view.streak < view.confirm {
        line = format!("{line}, {} of {}", view.streak, view.confirm);
    }
    line
}

/// What it did last, or why it does nothing.
pub(crate) fn noted(view: &View, now: &Zoned) -> Option<String> {
    let note = view.note.as_ref()?;
    Some(format!("{}: {}", view.name, localized(&note.text, now)))
}

/// What it looks at and acts on: `database (http, every 30 s) for shop`.
pub(crate) fn observes(view: &View) -> String {
    let interval = view.interval.map(|it| it.as_secs());
    let interval = match interval {
        None => String::new(),
        Some(seconds) if seconds % 3_600 == 0 => format!(", every {} h", seconds / 3_600),
        Some(seconds) if seconds % 60 == 0 => format!(", every {} min", seconds / 60),
        Some(seconds) => format!(", every {seconds} s"),
    };
    format!(
        "{} ({}{interval}) for {}",
        view.name,
        view.kind_name,
        view.place.name()
    )
}

/// The same for a program. Keys are only ever added.
pub(crate) fn observer_document(view: &View) -> Value {
    let last = view.last.as_ref();
    let note = view.note.as_ref().map(|note| {
        json!({
            "at": note.at.to_string(),
            "kind": note.kind.as_str(),
            "text": note.text,
        })
    });
    json!({
        "observer": view.name.as_str(),
        "kind": view.kind_name,
        "for": view.place.name(),
        "disabled": view.disabled,
        "result": last.map(|(_, last)| last.verdict.as_str()),
        "observed": last.and_then(|(_, last)| last.observed.as_deref()),
        "error": last.and_then(|(_, last)| last.error.as_deref()),
        "checked_at": last.map(|(at, _)| at.to_string()),
        "next_transition": last.and_then(|(_, last)| Some(last.next_transition?.to_string())),
        "streak": view.streak,
        "confirm": view.confirm,
        "next_check": view.next_check.map(|at| at.to_string()),
        "operation": view.operation,
        "note": note,
    })
}
