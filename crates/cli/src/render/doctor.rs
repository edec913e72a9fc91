//! What `maintenance doctor` found, as a list: a line for each check, and what to do about it below.

use maintenance_control::{Advice, Checkup};
use maintenance_flag::App;
use serde_json::{Value, json};

use super::{Reader, localized};
use crate::printable::printable;

/// How wide the result is, with what is after it.
const RESULT: usize = 13;

/// The list. In a terminal of this `width`, lines are wrapped.
pub(crate) fn checkup(
    checkup: &Checkup,
    label: Option<&App>,
    reader: &Reader,
    width: Option<usize>,
) -> String {
    let mut text = String::new();
    for check in &checkup.checks {
        let mut about = String::new();
        if let Some(app) = label {
            about += &format!("{app} ");
        }
        if let Some(role) = &check.role {
            about += &format!("{role} ");
        }
        let found = localized(&check.text, &reader.now);
        let line = format!("{about}{}: {}", check.name, printable(&found));
        let result = format!("{:<RESULT$}", check.outcome.as_str());
        text += &wrapped(&result, &line, width);
        if let Some(advice) = &check.advice {
            let hint = reader.advice(&hint(advice));
            let hint = format!("Hint: {}", printable(&hint));
            text += &wrapped(&" ".repeat(RESULT), &hint, width);
        }
    }
    text
}

/// The checks as JSON. Keys are only ever added.
pub(crate) fn checkup_document(checkup: &Checkup) -> Value {
    let checks = checkup.checks.iter().map(|check| {
        json!({
            "check": check.name,
            "role": check.role.as_ref().map(|role| role.as_str()),
            "result": check.outcome,
            "text": check.text,
            "hint": check.advice.as_ref().map(hint),
        })
    });
    json!({"app": checkup.app.to_string(), "checks": checks.collect::<Vec<_>>()})
}

/// What to type or to set.
fn hint(advice: &Advice) -> String {
    match advice {
        Advice::Text(text) => text.clone(),
        Advice::WriteFlag => {
            "gates keep what they knew: run `maintenance on` or `maintenance off`".to_owned()
        }
        Advice::SeeSchedule => "see `maintenance schedule`".to_owned(),
        Advice::TurnOff(role) => format!("run `maintenance off --role {role}`"),
        Advice::Unlock => {
            "wait for it to end; if it has died, run `maintenance unlock`".to_owned()
        }
        Advice::CorrectSelection => {
            "correct functions in maintenance.toml, or leave it out".to_owned()
        }
        Advice::KeepEvents => "give it a dead-letter queue or an on-failure destination; else `on` asks, or needs --accept-event-loss".to_owned(),
        Advice::CompareGates => "a gate that is configured in code, or runs elsewhere, cannot be seen: check that its TTL is `ttl` of its role in maintenance.toml".to_owned(),
        Advice::AddRole { role, function } => format!(
            "add [roles.{role}] to maintenance.toml, or correct MAINTENANCE_ROLE of {function}"
        ),
        Advice::SetTtl(role, ttl) => format!(
            "set ttl = {ttl} in [roles.{role}] of maintenance.toml, or shorten the gate's"
        ),
        Advice::SetTimeout(role, timeout) => {
            format!("set timeout = {timeout} in [roles.{role}] of maintenance.toml")
        }
        Advice::SameStore(function) => {
            format!("correct MAINTENANCE_STORE of {function}, or --store")
        }
        Advice::SamePrefix(function) => {
            format!("correct MAINTENANCE_PREFIX of {function}, or --prefix")
        }
        Advice::SetUrl => "set url in maintenance.toml".to_owned(),
        Advice::CheckUrl => "check url in maintenance.toml, and the site".to_owned(),
    }
}

/// A line behind a margin, on as many lines as it needs. No word is broken.
fn wrapped(margin: &str, line: &str, width: Option<usize>) -> String {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(RESULT).max(20));
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().filter(|last| {
            last.is_empty() || last.chars().count() + 1 + word.chars().count() <= room
        });
        match last {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        match n {
            0 => text += margin,
            _ => text += &" ".repeat(RESULT),
        }
        text += line;
        text.push('\n');
    }
    text
}
