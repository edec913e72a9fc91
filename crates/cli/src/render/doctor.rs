//! What `maintenance doctor` found, as a list: a line for each check, and what to do about it below.

use maintenance_control::Checkup;
use maintenance_flag::App;

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
        if let Some(hint) = &check.hint {
            let hint = reader.advice(hint);
            let hint = format!("Hint: {}", printable(&hint));
            text += &wrapped(&" ".repeat(RESULT), &hint, width);
        }
    }
    text
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
