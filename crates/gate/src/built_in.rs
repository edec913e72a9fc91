//! What the gate serves where the app has no page of its own: one HTML page in a few languages, and
//! two JSON documents. Never a reason to ask anybody for anything else.

use serde_json::{Value, json};

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
    document(
        notice,
        moment,
        json!({"error": "maintenance", "message": text(notice)}),
    )
}

/// The document for `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). It has no type of its own, so its title is
/// that of the status.
pub(crate) fn problem(notice: &Notice, moment: Moment) -> String {
    document(
        notice,
        moment,
        json!({
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": text(notice),
        }),
    )
}

/// Both have the same keys for the same things, and have them always.
fn document(notice: &Notice, moment: Moment, mut document: Value) -> String {
    if let Some(document) = document.as_object_mut() {
        document.insert("mode".to_owned(), notice.mode().into());
        document.insert("until".to_owned(), notice.until.map(rfc3339).into());
        document.insert("auto_off".to_owned(), notice.auto_off.into());
        document.insert("retry_after".to_owned(), moment.seconds.into());
    }
    format!("{document}\n")
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
