//! The audit log: who did what, as events with the target `maintenance::audit`.
//!
//! Every request that may change something has one, with its answer; so has every sign-in, and every
//! token that is refused. A text that a client wrote is written with its line breaks escaped, so that it
//! cannot look like another event. No token is ever part of one.

use std::fmt;
use std::net::IpAddr;

use axum::extract::Request;
use axum::response::Response;
use http::{Method, StatusCode};

use super::caller::Caller;

/// The target of these events.
pub const TARGET: &str = "maintenance::audit";

/// The most characters of a text that a client wrote.
const LONGEST: usize = 1024;

/// What a handler adds to the event of its request: put it into the extensions of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNote(String);

impl AuditNote {
    /// A note, such as `Normal to Maintenance: database migration`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The answer, with this note.
    #[must_use]
    pub fn on(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for AuditNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        on_one_line(&self.0, f)
    }
}

/// Writes a text so that it stays on its line and sets nothing of a terminal.
fn on_one_line(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut chars = text.chars();
    for c in chars.by_ref().take(LONGEST) {
        match c {
            // Line and paragraph separators, and what turns the direction of writing.
            '\u{2028}'
            | '\u{2029}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => write!(f, "{}", c.escape_unicode())?,
            c if c.is_control() => write!(f, "{}", c.escape_default())?,
            c => write!(f, "{c}")?,
        }
    }
    match chars.next() {
        Some(_) => write!(f, "…"),
        None => Ok(()),
    }
}

fn shown(client: Option<IpAddr>) -> String {
    client.map_or_else(|| "unknown".to_owned(), |client| client.to_string())
}

/// A request that may change something. It is written once it is answered; and also if it never is, since what
/// it began goes on when the client hangs up.
pub(super) struct Change {
    caller: Caller,
    client: Option<IpAddr>,
    method: Method,
    path: String,
    /// The status and the note; none yet.
    answer: Option<(StatusCode, Option<AuditNote>)>,
}

impl Change {
    pub(super) fn new(request: &Request, caller: Caller, client: Option<IpAddr>) -> Self {
        Self {
            caller,
            client,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            answer: None,
        }
    }

    pub(super) fn answered(mut self, response: &Response) {
        let note = response.extensions().get().cloned();
        self.answer = Some((response.status(), note));
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let (caller, answer) = (&self.caller, self.answer.as_ref());
        let note = answer.and_then(|(_, note)| note.as_ref());
        let what = match answer {
            Some(_) => "request",
            None => "request that was not answered: the client hung up, or it took too long",
        };
        tracing::info!(
            target: TARGET,
            by = caller.by(),
            scope = %caller.scope(),
            session = caller.session.as_ref().map(tracing::field::display),
            client = shown(self.client),
            method = %self.method,
            path = self.path,
            status = answer.map(|(status, _)| status.as_u16()),
            note = note.map(tracing::field::display),
            "{what}"
        );
    }
}

/// A person has signed in or out.
pub(super) fn session(caller: &Caller, client: Option<IpAddr>, what: &'static str) {
    tracing::info!(
        target: TARGET,
        by = caller.by(),
        scope = %caller.scope(),
        client = shown(client),
        session = caller.session.as_ref().map(tracing::field::display),
        "{what}"
    );
}

/// A request was refused before any handler saw it.
pub(super) fn refused(client: Option<IpAddr>, status: StatusCode, why: &'static str) {
    tracing::info!(
        target: TARGET,
        client = shown(client),
        status = status.as_u16(),
        "refused: {why}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_cannot_look_like_another_event() {
        let forged =
            "ok\n2026-11-29T11:00:00Z INFO request by=\"root\"\r\u{1b}[2J\u{2028}\u{202e}x\u{85}";
        let shown = AuditNote::new(forged).to_string();
        assert_eq!(
            shown,
            "ok\\n2026-11-29T11:00:00Z INFO request by=\"root\"\\r\\u{1b}[2J\\u{2028}\\u{202e}x\\u{85}"
        );
        let long = AuditNote::new("x".repeat(5_000)).to_string();
        assert_eq!(long.chars().count(), 1_025);
    }
}
