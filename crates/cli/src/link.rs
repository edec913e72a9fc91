//! The bypass link: made here, shown once, and kept nowhere. Only its token's hashes are stored, by the
//! control plane.

use jiff::Timestamp;
use maintenance_control::{BypassLink, Report, RoleOutcome};
use maintenance_flag::{App, Token};
use serde::Serialize;

use crate::command_context::CommandContext;
use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, Reader};

/// A link that is good from now on.
pub(crate) fn new(now: Timestamp) -> Result<BypassLink, CliError> {
    BypassLink::random(now).map_err(|error| {
        CliError::failed("cannot make a bypass link")
            .cause(format!("the system gives no random bytes: {error}"))
    })
}

/// The placeholder for a link in a plan: no secret, and never stored.
pub(crate) fn planned(now: Timestamp) -> BypassLink {
    BypassLink::new(Token::from_random([0; Token::LEN]), now)
}

/// A report, and the link if one was asked for and it lets its holder pass.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    bypass: Option<Shown<'a>>,
}

/// A link, to be shown once.
#[derive(Serialize)]
struct Shown<'a> {
    link: String,
    header: Header<'a>,
    until: Timestamp,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'static str,
    value: &'a str,
}

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(…)")
    }
}

/// The link, which leads to `url` if that is known.
fn shown<'a>(link: &'a BypassLink, url: Option<&str>) -> Shown<'a> {
    let token = link.token.reveal();
    Shown {
        link: format!("{}?{}={token}", url.unwrap_or("/"), Token::QUERY),
        header: Header {
            name: Token::HEADER,
            value: token,
        },
        until: link.until,
    }
}

/// Whether some role lets its holder pass.
fn is_stored(report: &Report) -> bool {
    let stored = [RoleOutcome::TurnedOn, RoleOutcome::OptionsUpdated];
    let mut roles = report.roles.iter();
    !report.dry_run && roles.any(|role| stored.contains(&role.outcome))
}

/// The document of a report.
pub(crate) fn answer<'a>(
    report: &'a Report,
    link: Option<&'a BypassLink>,
    url: Option<&str>,
) -> Answer<'a> {
    let link = link.filter(|_| is_stored(report));
    Answer {
        report,
        bypass: link.map(|link| shown(link, url)),
    }
}

/// An app whose roles a link may open: its name where there are others, and where the link leads.
pub(crate) struct Place<'a> {
    pub(crate) app: Option<&'a App>,
    pub(crate) report: &'a Report,
    pub(crate) url: Option<String>,
}

/// Prints the link, which is what was asked for: one line an app.
pub(crate) fn print(
    link: Option<&BypassLink>,
    places: Vec<Place<'_>>,
    output: &Output,
) -> Result<(), CliError> {
    let places = places.into_iter().filter(|place| is_stored(place.report));
    let places: Vec<_> = places.collect();
    let Some(link) = link.filter(|_| !places.is_empty()) else {
        return Ok(());
    };
    let reader = Reader::of(&CommandContext::default());
    for line in render::about_link(link.until, Token::QUERY, Token::HEADER, &reader) {
        output.say(line);
    }
    let urls = || places.iter().map(|place| place.url.as_deref());
    if urls().any(|url| url.is_none()) {
        output.say(render::APPEND);
    }
    if urls().flatten().any(|url| url.starts_with("http://")) {
        output.say(render::NOT_ENCRYPTED);
    }
    if output.json() {
        // It is in the document.
        return Ok(());
    }
    let lines = places.iter().map(|place| {
        let app = place.app.map_or_else(String::new, |app| format!("{app} "));
        format!("{app}{}\n", shown(link, place.url.as_deref()).link)
    });
    output.answer(lines.collect::<String>())
}
