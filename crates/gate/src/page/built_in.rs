//! The built-in pages, for an app without its own: an HTML page in a few languages, and two JSON
//! documents. They load nothing else.

use maintenance_flag::{Flag, Mode};

use super::language::translated;
use super::media_type::MediaType;
use super::retry_after::{RetryAfter, message};
use super::template::{escape_html, fill, quoted, readable, rfc3339};

const PAGE: &str = include_str!("page.html");

/// Renders the HTML page. `write`: whether the request would have changed something. Then the page says that
/// nothing was saved and does not reload itself, since a browser would send the request again.
pub(super) fn html(language: &str, write: bool, flag: &Flag, retry_after: RetryAfter) -> String {
    fill(PAGE, |name| match name {
        "lang" => Some(language.to_owned()),
        "said" => Some(paragraphs(language, write, flag, retry_after)),
        _ => translated(language, name).map(str::to_owned),
    })
}

fn paragraphs(language: &str, write: bool, flag: &Flag, retry_after: RetryAfter) -> String {
    let says = |name| translated(language, name).unwrap_or_default();
    let read_only = flag.mode == Mode::ReadOnly;
    let until = flag.serves_at().filter(|_| !retry_after.overdue);
    let mut html = String::new();
    let mut paragraph = |attributes: &str, text: &str| {
        html.push_str(&format!("<p{attributes}>{text}</p>\n"));
    };
    match message(flag) {
        // The message may be in any language.
        Some(message) => paragraph(" lang=\"\" dir=\"auto\"", &escape_html(message)),
        None if !read_only => paragraph("", says("closed")),
        None => {}
    }
    if read_only {
        paragraph("", says("read_only"));
    }
    if write {
        paragraph("", says("not_saved"));
    }
    if retry_after.overdue {
        paragraph("", says("overdue"));
    }
    if let Some(until) = until {
        let (machine, person) = (rfc3339(until), readable(until));
        let time = format!("<time datetime=\"{machine}\">{person}</time>");
        paragraph("", &format!("{}{time}", says("until")));
    }
    if !write {
        let reloads = says("reloads");
        let attributes = format!(" id=\"next\" role=\"status\" data-reloads=\"{reloads}\"");
        paragraph(&attributes, until.map_or_else(|| says("again"), |_| ""));
    }
    html
}

/// Renders the document for `application/json`, or for `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). The problem has no type of its own, so its title is
/// the text of the status. Both documents always have the same keys.
///
/// Does not use serde_json's `Value`: it can be any number, and the code to write those adds 30 KB to every handler.
pub(super) fn json(media_type: MediaType, flag: &Flag, retry_after: RetryAfter) -> String {
    let detail = quoted(message(flag).unwrap_or(match flag.mode {
        Mode::ReadOnly => "The service is read-only during a maintenance: nothing was changed. Please try again after the time in Retry-After.",
        _ => "The service is down for maintenance. Please try again after the time in Retry-After.",
    }));
    let what = match media_type {
        MediaType::Problem => format!(
            r#""type":"about:blank","title":"Service Unavailable","status":503,"detail":{detail}"#
        ),
        MediaType::Html | MediaType::Json => {
            format!(r#""error":"maintenance","message":{detail}"#)
        }
    };
    let until = flag.serves_at().map(|until| quoted(&rfc3339(until)));
    let until = until.as_deref().unwrap_or("null");
    let (mode, auto_off, seconds) = (flag.mode, flag.auto_off, retry_after.seconds);
    format!(
        "{{{what},\"mode\":\"{mode}\",\"until\":{until},\"auto_off\":{auto_off},\"retry_after\":{seconds}}}\n"
    )
}
