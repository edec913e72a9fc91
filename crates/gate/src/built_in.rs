//! What the gate serves where the app has no page of its own: one HTML page in a few languages, and
//! two JSON documents. Never a reason to ask anybody for anything else.

use serde::Serialize;

use crate::language::Language;
use crate::notice::{Moment, Notice};
use crate::template::{escape_html, readable, rfc3339};

const PAGE: &str = include_str!("page.html");

/// The HTML page. `sent` is whether the request would have changed something.
///
/// To such a request it says that nothing was saved, and then does not reload itself: a browser would
/// send the request again.
pub(crate) fn html(language: Language, sent: bool, notice: &Notice, moment: Moment) -> String {
    let words = language.words();
    let mut page = String::with_capacity(PAGE.len().saturating_add(1_024));
    let mut rest = PAGE;
    while let Some((before, (name, after))) = rest
        .split_once("{{")
        .and_then(|(before, inside)| Some((before, inside.split_once("}}")?)))
    {
        page.push_str(before);
        match name {
            "lang" => page.push_str(words.tag),
            "title" => page.push_str(words.title),
            "heading" => page.push_str(words.heading),
            _ => say(&mut page, language, sent, notice, moment),
        }
        rest = after;
    }
    page.push_str(rest);
    page
}

fn say(page: &mut String, language: Language, sent: bool, notice: &Notice, moment: Moment) {
    let words = language.words();
    let paragraph = |page: &mut String, text: &str| {
        page.push_str("<p>");
        page.push_str(text);
        page.push_str("</p>\n");
    };
    match &notice.message {
        // In whatever language it is written.
        Some(message) => {
            page.push_str("<p lang=\"\" dir=\"auto\">");
            escape_html(page, message);
            page.push_str("</p>\n");
        }
        None if !notice.read_only => paragraph(page, words.closed),
        None => {}
    }
    if notice.read_only {
        paragraph(page, words.read_only);
    }
    if sent {
        paragraph(page, words.not_saved);
    }
    match notice.until {
        Some(_) if moment.late => paragraph(page, words.late),
        Some(until) => {
            let (said, machine, person) = (words.until, rfc3339(until), readable(until));
            paragraph(
                page,
                &format!("{said}<time datetime=\"{machine}\">{person}</time>"),
            );
        }
        None => {}
    }
    if !sent {
        let reloads = words.reloads;
        let again = match notice.until {
            Some(_) if !moment.late => "",
            _ => words.again,
        };
        page.push_str(&format!(
            "<p id=\"next\" role=\"status\" data-reloads=\"{reloads}\">{again}</p>\n"
        ));
    }
}

/// The document for `application/json`.
pub(crate) fn json(notice: &Notice, moment: Moment) -> String {
    Document {
        error: Some("maintenance"),
        message: Some(text(notice)),
        ..Document::new(notice, moment)
    }
    .write()
}

/// The document for `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). It has no type of its own, so its title is
/// that of the status.
pub(crate) fn problem(notice: &Notice, moment: Moment) -> String {
    Document {
        kind: Some("about:blank"),
        title: Some("Service Unavailable"),
        status: Some(503),
        detail: Some(text(notice)),
        ..Document::new(notice, moment)
    }
    .write()
}

/// Either document: both have the same keys for the same things, and have them always.
#[derive(Serialize)]
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
    retry_after: u64,
}

impl Document<'_> {
    fn new(notice: &Notice, moment: Moment) -> Self {
        Self {
            error: None,
            message: None,
            kind: None,
            title: None,
            status: None,
            detail: None,
            mode: notice.mode(),
            until: notice.until.map(rfc3339),
            auto_off: notice.auto_off,
            retry_after: moment.seconds,
        }
    }

    fn write(&self) -> String {
        // Texts and numbers can always be written.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn text(notice: &Notice) -> &str {
    match &notice.message {
        Some(message) => message,
        None if notice.read_only => {
            "The service is read-only during a maintenance: nothing was changed. Please try again after the time in Retry-After."
        }
        None => {
            "The service is down for maintenance. Please try again after the time in Retry-After."
        }
    }
}
