//! Placeholders in a page, and how a value is written into HTML and into JSON.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use maintenance_flag::Flag;

use super::media_type::MediaType;
use super::retry_after::{RetryAfter, message};

/// Replaces the placeholders of a page in one pass, so that it finds none in a value. Leaves unknown names in braces
/// unchanged.
pub(super) fn fill(page: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::with_capacity(page.len()), page);
    while let Some((before, inside)) = rest.split_once("{{") {
        text.push_str(before);
        let known = inside
            .split_once("}}")
            .and_then(|(name, after)| Some((value(name.trim())?, after)));
        if let Some((value, after)) = known {
            text.push_str(&value);
            rest = after;
        } else {
            // A placeholder may start at the second brace.
            text.push('{');
            let second = before.len().saturating_add(1);
            rest = rest.get(second..).unwrap_or_default();
        }
    }
    text.push_str(rest);
    text
}

/// Renders the app's own page for a flag.
pub(super) fn announce(
    page: &str,
    media_type: MediaType,
    flag: &Flag,
    retry_after: RetryAfter,
) -> String {
    fill(page, |name| {
        Some(match name {
            "message" => escape(media_type, message(flag).unwrap_or_default()),
            // The other values hold nothing to escape.
            "mode" => flag.mode.to_string(),
            "until" => flag.serves_at().map(rfc3339).unwrap_or_default(),
            "until_utc" => flag.serves_at().map(readable).unwrap_or_default(),
            "retry_after" => retry_after.seconds.to_string(),
            _ => return None,
        })
    })
}

/// Formats a time as RFC 3339 in UTC, to the second. Avoids `strftime`, which would link all its formats.
pub(super) fn rfc3339(time: Timestamp) -> String {
    const TO_THE_SECOND: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
    TO_THE_SECOND.timestamp_to_string(&time)
}

/// Formats a time for people, in any language: `2026-11-21 08:10 UTC`.
pub(super) fn readable(time: Timestamp) -> String {
    let time = rfc3339(time);
    let (date, time) = time.split_once('T').unwrap_or_default();
    let to_the_minute = time.rsplit_once(':').map_or(time, |(minutes, _)| minutes);
    format!("{date} {to_the_minute} UTC")
}

fn escape(media_type: MediaType, text: &str) -> String {
    if media_type == MediaType::Html {
        return escape_html(text);
    }
    // Keep the inside of the string.
    let quoted = quoted(text);
    let inside = quoted.get(1..quoted.len().saturating_sub(1));
    inside.unwrap_or_default().to_owned()
}

/// Writes a JSON string. That cannot fail.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Escapes for text and for quoted attributes.
pub(super) fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use maintenance_flag::Mode;

    use super::*;

    const AFTER: RetryAfter = RetryAfter {
        seconds: 120,
        overdue: false,
    };

    fn flag() -> Flag {
        let mut flag = Flag::bare(Mode::On);
        flag.message = Some("<b>\"Soon\" & 'safe'\\\n{{until}}".to_owned());
        flag.until = Some("2026-11-21T08:10:00.25Z".parse().unwrap());
        flag
    }

    fn fill(page: &str, media_type: MediaType) -> String {
        announce(page, media_type, &flag(), AFTER)
    }

    #[test]
    fn each_placeholder_has_its_value_escaped_for_the_page() {
        let page = "{{message}}|{{ mode }}|{{retry_after}}|{{until}}|{{until_utc}}|";
        let rest = "|on|120|2026-11-21T08:10:00Z|2026-11-21 08:10 UTC|";
        assert_eq!(
            fill(page, MediaType::Html),
            format!("&lt;b&gt;&#34;Soon&#34; &amp; &#39;safe&#39;\\\n{{{{until}}}}{rest}")
        );
        assert_eq!(
            fill(page, MediaType::Json),
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
        let flag = Flag::bare(Mode::On);
        assert_eq!(announce(page, MediaType::Html, &flag, AFTER), "[]120");
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
            assert_eq!(fill(page, MediaType::Html), page);
        }
        assert_eq!(
            fill("{{{{mode}}}} {{x}} {{x {{mode}} {{", MediaType::Html),
            "{{on}} {{x}} {{x on {{"
        );
    }
}
