//! Placeholders in a page, and how a value is written into HTML and into JSON.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::announcement::Announcement;

/// How values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Html,
    Json,
}

/// What a placeholder stands for.
pub(crate) enum Value {
    Text(String),
    /// The seconds of `Retry-After`.
    Seconds,
}

/// The text of an answer, for one window.
#[derive(Debug)]
pub(crate) enum Text {
    Fixed(Bytes),
    /// Pieces with the seconds of `Retry-After` between them.
    CountsDown(Vec<String>),
}

impl Text {
    /// The text with these seconds.
    pub(crate) fn with(&self, seconds: &str) -> Bytes {
        match self {
            Self::Fixed(text) => text.clone(),
            Self::CountsDown(pieces) => pieces.join(seconds).into(),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Fixed(text.into())
    }
}

/// The page with its placeholders replaced, in one pass: a value is never searched for placeholders.
/// What is not the name of one stays as it stands.
pub(crate) fn fill(page: &str, value: impl Fn(&str) -> Option<Value>) -> Text {
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), page);
    while let Some((before, inside)) = rest.split_once("{{") {
        text.push_str(before);
        let known = inside
            .split_once("}}")
            .and_then(|(name, after)| Some((value(name.trim())?, after)));
        match known {
            Some((Value::Text(value), after)) => {
                text.push_str(&value);
                rest = after;
            }
            Some((Value::Seconds, after)) => {
                pieces.push(std::mem::take(&mut text));
                rest = after;
            }
            // A placeholder may begin with the second brace.
            None => {
                text.push('{');
                rest = rest
                    .get(before.len().saturating_add(1)..)
                    .unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
    if pieces.is_empty() {
        return text.into();
    }
    pieces.push(text);
    Text::CountsDown(pieces)
}

/// A page of the app's own, filled in for a window.
pub(crate) fn announce(page: &str, syntax: Syntax, announcement: &Announcement) -> Text {
    let until = announcement.until;
    fill(page, |name| {
        Some(Value::Text(match name {
            "message" => escape(syntax, announcement.message.as_deref().unwrap_or_default()),
            // None of the others has anything to escape.
            "mode" => announcement.mode().to_owned(),
            "until" => until.map(rfc3339).unwrap_or_default(),
            "until_utc" => until.map(readable).unwrap_or_default(),
            "retry_after" => return Some(Value::Seconds),
            _ => return None,
        }))
    })
}

/// RFC 3339 in UTC, to the second. Not by `strftime`, which would be linked with all that it can.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    const TO_THE_SECOND: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
    TO_THE_SECOND.timestamp_to_string(&time)
}

/// For a person, in any language: `2026-11-21 08:10 UTC`.
pub(crate) fn readable(time: Timestamp) -> String {
    let time = rfc3339(time);
    let (date, time) = time.split_once('T').unwrap_or_default();
    let to_the_minute = time.rsplit_once(':').map_or(time, |(minutes, _)| minutes);
    format!("{date} {to_the_minute} UTC")
}

fn escape(syntax: Syntax, text: &str) -> String {
    match syntax {
        Syntax::Html => escape_html(text),
        // For the inside of a string. A text can always be written.
        Syntax::Json => {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            let inside = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"'));
            inside.unwrap_or_default().to_owned()
        }
    }
}

/// For text and for quoted attributes.
pub(crate) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use maintenance_flag::{Flag, Mode};

    use super::*;

    fn announcement() -> Announcement {
        let mut flag = Flag::bare(Mode::On);
        flag.message = Some("<b>\"Soon\" & 'safe'\\\n{{until}}".to_owned());
        flag.until = Some("2026-11-21T08:10:00.25Z".parse().unwrap());
        Announcement::new(Some(&flag))
    }

    fn filled(page: &str, syntax: Syntax, announcement: &Announcement) -> String {
        let text = announce(page, syntax, announcement).with("120");
        String::from_utf8(text.into()).unwrap()
    }

    fn fill(page: &str, syntax: Syntax) -> String {
        filled(page, syntax, &announcement())
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
    fn an_unset_value_is_empty() {
        let page = "[{{message}}{{until}}{{until_utc}}]{{retry_after}}";
        let announcement = Announcement::new(None);
        assert_eq!(filled(page, Syntax::Html, &announcement), "[]120");
    }

    #[test]
    fn unknown_placeholders_stay() {
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
            assert_eq!(fill(page, Syntax::Html), page);
        }
        assert_eq!(
            fill("{{{{mode}}}} {{x}} {{x {{mode}} {{", Syntax::Html),
            "{{on}} {{x}} {{x on {{"
        );
    }
}
