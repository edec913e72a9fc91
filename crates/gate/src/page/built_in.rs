//! The pages of the gate itself, for an app without one: an HTML page in a few languages, and two JSON
//! documents. They request nothing from anywhere else.

use serde::Serialize;

use super::announcement::Announcement;
use super::language::Language;
use super::template::{Text, Value, escape_html, fill, readable, rfc3339};

const PAGE: &str = include_str!("page.html");

/// The HTML page. `write` is whether the request would have changed something: then the page says that
/// nothing was saved and does not reload itself, since a browser would send the request again.
pub(crate) fn html(
    language: Language,
    write: bool,
    announcement: &Announcement,
    overdue: bool,
) -> Text {
    let translation = language.translation();
    fill(PAGE, |name| {
        Some(Value::Text(match name {
            "lang" => translation.tag.to_owned(),
            "title" => translation.title.to_owned(),
            "heading" => translation.heading.to_owned(),
            "said" => paragraphs(language, write, announcement, overdue),
            _ => return None,
        }))
    })
}

fn paragraphs(
    language: Language,
    write: bool,
    announcement: &Announcement,
    overdue: bool,
) -> String {
    let translation = language.translation();
    let mut html = String::new();
    let mut paragraph = |attributes: &str, text: &str| {
        html.push_str(&format!("<p{attributes}>{text}</p>\n"));
    };
    match &announcement.message {
        // The operator may write in any language.
        Some(message) => paragraph(" lang=\"\" dir=\"auto\"", &escape_html(message)),
        None if !announcement.read_only => paragraph("", translation.closed),
        None => {}
    }
    if announcement.read_only {
        paragraph("", translation.read_only);
    }
    if write {
        paragraph("", translation.not_saved);
    }
    match announcement.until {
        Some(_) if overdue => paragraph("", translation.overdue),
        Some(until) => {
            let (said, machine, person) = (translation.until, rfc3339(until), readable(until));
            let text = format!("{said}<time datetime=\"{machine}\">{person}</time>");
            paragraph("", &text);
        }
        None => {}
    }
    if !write {
        let again = match announcement.until {
            Some(_) if !overdue => "",
            _ => translation.again,
        };
        let reloads = translation.reloads;
        let attributes = format!(" id=\"next\" role=\"status\" data-reloads=\"{reloads}\"");
        paragraph(&attributes, again);
    }
    html
}

/// The document for `application/json`.
pub(crate) fn json(announcement: &Announcement) -> Text {
    Document {
        error: Some("maintenance"),
        message: Some(detail(announcement)),
        ..Document::new(announcement)
    }
    .render()
}

/// The document for `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). It has no type of its own, so its title is
/// that of the status.
pub(crate) fn problem(announcement: &Announcement) -> Text {
    Document {
        kind: Some("about:blank"),
        title: Some("Service Unavailable"),
        status: Some(503),
        detail: Some(detail(announcement)),
        ..Document::new(announcement)
    }
    .render()
}

/// Either document: both have the same keys for the same things, and have them always. The last key is
/// `retry_after`.
#[derive(Default, Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    mode: &'static str,
    until: Option<String>,
    auto_off: bool,
}

impl Document<'_> {
    fn new(announcement: &Announcement) -> Self {
        Self {
            mode: announcement.mode(),
            until: announcement.until.map(rfc3339),
            auto_off: announcement.auto_off,
            ..Self::default()
        }
    }

    fn render(&self) -> Text {
        // Texts and numbers can always be written.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.pop();
        text.push_str(",\"retry_after\":");
        Text::CountsDown(vec![text, "}\n".to_owned()])
    }
}

fn detail(announcement: &Announcement) -> &str {
    match &announcement.message {
        Some(message) => message,
        None if announcement.read_only => {
            "The service is read-only during a maintenance: nothing was changed. Please try again after the time in Retry-After."
        }
        None => {
            "The service is down for maintenance. Please try again after the time in Retry-After."
        }
    }
}
