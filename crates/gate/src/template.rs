//! Placeholders in a page of the app's own, and how a value is written into HTML and into JSON.
//!
//! A page without any is served byte for byte as it is. What is not the name of a placeholder stays as
//! it stands, and what was filled in is not looked at again.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use crate::notice::{Moment, Notice};

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Message,
    Mode,
    RetryAfter,
    Until,
    UntilUtc,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "message" => Self::Message,
            "mode" => Self::Mode,
            "retry_after" => Self::RetryAfter,
            "until" => Self::Until,
            "until_utc" => Self::UntilUtc,
            _ => return None,
        })
    }
}

/// How values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Html,
    Json,
}

/// A page with placeholders.
#[derive(Debug)]
pub(crate) struct Template {
    syntax: Syntax,
    /// A text and what follows it, in order.
    pieces: Vec<(&'static str, Field)>,
    rest: &'static str,
}

impl Template {
    /// None if the page has no placeholder.
    pub(crate) fn parse(page: &'static str, syntax: Syntax) -> Option<Self> {
        let mut pieces = Vec::new();
        let (mut rest, mut from) = (page, 0);
        while let Some((before, field, after)) = rest
            .get(from..)
            .and_then(|text| text.find("{{"))
            .and_then(|at| split(rest, at.saturating_add(from)))
        {
            match field {
                Some(field) => {
                    pieces.push((before, field));
                    (rest, from) = (after, 0);
                }
                // Not ours: the next may begin with its second brace.
                None => from = before.len().saturating_add(1),
            }
        }
        (!pieces.is_empty()).then_some(Self {
            syntax,
            pieces,
            rest,
        })
    }

    /// Whether its text changes from second to second.
    pub(crate) fn counts_down(&self) -> bool {
        self.pieces
            .iter()
            .any(|(_, field)| *field == Field::RetryAfter)
    }

    pub(crate) fn fill(&self, notice: &Notice, moment: Moment) -> String {
        let mut page = String::new();
        for (text, field) in &self.pieces {
            page.push_str(text);
            self.put(&mut page, *field, notice, moment);
        }
        page.push_str(self.rest);
        page
    }

    fn put(&self, page: &mut String, field: Field, notice: &Notice, moment: Moment) {
        match field {
            Field::Message => {
                let message = notice.message.as_deref().unwrap_or_default();
                match self.syntax {
                    Syntax::Html => escape_html(page, message),
                    Syntax::Json => escape_json(page, message),
                }
            }
            // None of the rest has anything to escape.
            Field::Mode => page.push_str(notice.mode()),
            Field::RetryAfter => push(page, moment.seconds),
            Field::Until => {
                if let Some(until) = notice.until {
                    push(page, rfc3339(until));
                }
            }
            Field::UntilUtc => {
                if let Some(until) = notice.until {
                    push(page, readable(until));
                }
            }
        }
    }
}

/// A page taken apart at the braces at `at`: before, the field if it is one, and after. None if no
/// braces close it.
fn split(page: &'static str, at: usize) -> Option<(&'static str, Option<Field>, &'static str)> {
    let (before, inside) = page.split_at_checked(at)?;
    let (name, after) = inside.strip_prefix("{{")?.split_once("}}")?;
    Some((before, Field::named(name.trim()), after))
}

fn push(page: &mut String, value: impl std::fmt::Display) {
    // A String takes whatever is written.
    let _ = write!(page, "{value}");
}

/// RFC 3339 in UTC, to the second. Not by `strftime`, here and below: all of that is linked with it.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    const TO_THE_SECOND: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
    TO_THE_SECOND.timestamp_to_string(&time)
}

/// For a person, in whatever language.
pub(crate) fn readable(time: Timestamp) -> String {
    let time = rfc3339(time);
    let (date, time) = time.split_once('T').unwrap_or_default();
    let to_the_minute = time.rsplit_once(':').map_or(time, |(minutes, _)| minutes);
    format!("{date} {to_the_minute} UTC")
}

/// For text and for quoted attributes.
pub(crate) fn escape_html(page: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&#34;"),
            '\'' => page.push_str("&#39;"),
            _ => page.push(c),
        }
    }
}

/// For the inside of a JSON string.
fn escape_json(page: &mut String, text: &str) {
    // A text can always be written.
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inside = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"'));
    page.push_str(inside.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use maintenance_flag::{Flag, Mode};

    use super::*;

    fn notice() -> Notice {
        let mut flag = Flag::bare(Mode::On);
        flag.message = Some("<b>\"Soon\" & 'safe'\\\n{{until}}".to_owned());
        flag.until = Some("2026-11-21T08:10:00.25Z".parse().unwrap());
        Notice::new(Some(&flag))
    }

    fn fill(page: &'static str, syntax: Syntax) -> String {
        let notice = notice();
        let template = Template::parse(page, syntax).unwrap();
        template.fill(&notice, notice.at(u64::MAX))
    }

    #[test]
    fn each_placeholder_has_its_value_escaped_for_the_page() {
        let page = "{{message}}|{{ mode }}|{{retry_after}}|{{until}}|{{until_utc}}|";
        let rest = "|on|120|2026-11-21T08:10:00Z|2026-11-21 08:10 UTC|";
        assert_eq!(
            fill(page, Syntax::Html),
            format!("&lt;b&gt;&#34;Soon&#34; &amp; &#39;safe&#39;\\\n{{{{until}}}}{rest}")
        );
        assert_eq!(
            fill(page, Syntax::Json),
            format!(r#"<b>\"Soon\" & 'safe'\\\n{{{{until}}}}{rest}"#)
        );
    }

    #[test]
    fn a_time_is_written_to_the_second_and_to_the_minute() {
        for (time, second, minute) in [
            (
                "2026-11-21T08:10:59.999Z",
                "2026-11-21T08:10:59Z",
                "2026-11-21 08:10 UTC",
            ),
            (
                "0001-01-01T00:00Z",
                "0001-01-01T00:00:00Z",
                "0001-01-01 00:00 UTC",
            ),
        ] {
            let time = time.parse().unwrap();
            assert_eq!(rfc3339(time), second);
            assert_eq!(readable(time), minute);
        }
    }

    #[test]
    fn what_is_not_set_is_empty() {
        let notice = Notice::new(None);
        let page = "[{{message}}{{until}}{{until_utc}}]{{retry_after}}";
        let template = Template::parse(page, Syntax::Html).unwrap();
        assert_eq!(template.fill(&notice, notice.at(0)), "[]120");
        assert!(template.counts_down());
    }

    #[test]
    fn what_is_no_placeholder_stays() {
        for page in [
            "",
            "{",
            "{{",
            "{{}}",
            "{{name}}",
            "{{{",
            "}}{{",
            "{{mess",
            "{{MESSAGE}}",
            "{message}",
            "{{ message } }",
            "{{é}}",
        ] {
            assert!(Template::parse(page, Syntax::Html).is_none(), "{page}");
        }
        assert_eq!(
            fill("{{{{mode}}}} {{x}} {{x {{mode}} {{", Syntax::Html),
            "{{on}} {{x}} {{x on {{"
        );
        assert!(
            !Template::parse("{{mode}}", Syntax::Html)
                .unwrap()
                .counts_down()
        );
    }
}
