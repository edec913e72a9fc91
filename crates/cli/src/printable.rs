//! Which characters may reach a terminal, and what replaces the others.
//!
//! A stored text was written by others: an escape sequence in it could clear the screen, a line break
//! could look like a line of ours, and a mark that turns the direction of writing could show a text
//! that differs from the stored one.

use std::borrow::Cow;
use std::fmt::Write as _;

use maintenance_control::limits::is_unprintable;

/// The text on one line, with escapes such as `\n` and `\u{1b}` in place of what a terminal would not show.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable, |c, out| {
        // A string takes whatever is written to it.
        let _ = match c.is_control() {
            true => write!(out, "{}", c.escape_default()),
            false => write!(out, "{}", c.escape_unicode()),
        };
    })
}

/// The same of several lines.
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    match text.contains(is_unprintable) {
        false => Cow::Borrowed(text),
        true => {
            let lines = text.split('\n').map(printable);
            Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// A JSON document that means the same. Its own layout has no such characters but line breaks.
pub(crate) fn printable_json(document: &str) -> Cow<'_, str> {
    let inside = |c: char| c != '\n' && is_unprintable(c);
    escaped(document, inside, |c, out| {
        let _ = write!(out, "\\u{:04x}", u32::from(c));
    })
}

fn escaped(
    text: &str,
    is_bad: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_bad(c) {
            true => escape(c, &mut out),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\u{1b}[2J\r\n\tb\u{9b}1mc\u{202e}d\u{2066}e\u{2028}f\u{7f}";

    #[test]
    fn what_a_terminal_would_not_show_is_escaped() {
        assert_eq!(
            printable(EVIL),
            "a\\u{1b}[2J\\r\\n\\tb\\u{9b}1mc\\u{202e}d\\u{2066}e\\u{2028}f\\u{7f}"
        );
        let plain = "Zurück um 9:00 ✓ عد";
        assert!(matches!(printable(plain), Cow::Borrowed(it) if it == plain));
        assert_eq!(printable_lines("a\n\u{1b}b\n"), "a\n\\u{1b}b\n");
    }

    #[test]
    fn a_document_means_the_same() {
        let document = serde_json::to_string_pretty(&serde_json::json!({ "it": EVIL })).unwrap();
        let shown = printable_json(&document);
        assert!(!shown.replace('\n', "").contains(is_unprintable), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["it"], EVIL);
    }
}
