//! The tables of a maintenance.toml that are no app's: observers, windows, and whom to tell.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::http::Method;
use jiff::{SignedDuration, SpanRelativeTo};
use maintenance_flag::{Product, Role};
use maintenance_server::notify::Kind;
use maintenance_server::observers::kinds::JsonPath;
use maintenance_server::schedule::{Cron, length};
use regex_lite::Regex;
use serde::Deserialize;

use crate::values::{Label, Length, Message, NonEmpty, Parsed, Reason, Zone, checked, one_line};

/// `[[windows]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct WindowTable {
    pub(super) name: Option<Parsed<WindowName>>,
    pub(super) cron: Option<Parsed<Cron>>,
    pub(super) duration: Option<Parsed<WindowLength>>,
    pub(super) timezone: Option<Parsed<Zone>>,
    pub(super) roles: Option<NonEmpty<Vec<Parsed<Role>>>>,
    pub(super) product: Option<Parsed<Product>>,
    pub(super) message: Option<Parsed<Message>>,
    pub(super) reason: Option<Parsed<Reason>>,
    pub(super) read_only: bool,
    pub(super) accept_event_loss: bool,
}

/// `[[notify]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct NotifyTable {
    pub(super) name: Option<Parsed<Label>>,
    pub(super) kind: Option<Form>,
    pub(super) url: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) on: Option<NonEmpty<Vec<Kind>>>,
    pub(super) allow_link_local: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    Webhook,
    Slack,
}

/// Keys that every kind has.
pub(super) const COMMON: &[&str] = &[
    "kind",
    "interval",
    "timeout",
    "confirm",
    "product",
    "app",
    "roles",
    "reason",
    "message",
    "read_only",
    "accept_event_loss",
];

/// `[observers.<name>]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct ObserverTable {
    pub(super) kind: Option<KindName>,
    pub(super) url: Option<String>,
    pub(super) query: Option<String>,
    pub(super) method: Option<Parsed<Read>>,
    pub(super) headers: Option<NonEmpty<BTreeMap<String, String>>>,
    pub(super) json_path: Option<Parsed<JsonPath>>,
    pub(super) allow_link_local: Option<bool>,
    pub(super) status: Option<NonEmpty<Vec<i32>>>,
    pub(super) path: Option<PathBuf>,
    pub(super) mode: Option<FileModeName>,
    pub(super) regex: Option<Parsed<Pattern>>,
    pub(super) command: Option<NonEmpty<Vec<String>>>,
    pub(super) parameter: Option<Parsed<Line>>,
    pub(super) missing: Option<Missing>,
    pub(super) alarm: Option<Parsed<Line>>,
    pub(super) calendar: Option<Parsed<Line>>,
    pub(super) maintenance: Option<String>,
    pub(super) normal: Option<String>,
    pub(super) interval: Option<Parsed<Length>>,
    pub(super) timeout: Option<Parsed<Length>>,
    pub(super) confirm: Option<u32>,
    pub(super) product: Option<Parsed<Product>>,
    pub(super) app: Option<String>,
    pub(super) roles: Option<NonEmpty<Vec<Parsed<Role>>>>,
    pub(super) reason: Option<Parsed<Reason>>,
    pub(super) message: Option<Parsed<Message>>,
    pub(super) read_only: bool,
    pub(super) accept_event_loss: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindName {
    Http,
    File,
    Command,
    Parameter,
    Alarm,
    Calendar,
    Sql,
}

impl KindName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::File => "file",
            Self::Command => "command",
            Self::Parameter => "parameter",
            Self::Alarm => "alarm",
            Self::Calendar => "calendar",
            Self::Sql => "sql",
        }
    }

    /// The keys of this kind, of which the first is needed.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Http => &[
                "url",
                "method",
                "headers",
                "json_path",
                "status",
                "allow_link_local",
                "maintenance",
                "normal",
            ],
            Self::File => &["path", "mode", "regex", "maintenance", "normal"],
            Self::Command => &["command", "status", "maintenance", "normal"],
            Self::Parameter => &["parameter", "missing", "maintenance", "normal"],
            Self::Alarm => &["alarm"],
            Self::Calendar => &["calendar"],
            Self::Sql => &["url", "query", "maintenance", "normal"],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileModeName {
    Exists,
    Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Missing {
    Normal,
    Maintenance,
}

checked! {
    /// The name of a window: as that of a product.
    WindowName(String): |text| {
        let checked = text.parse::<Product>();
        checked.map_err(|error| error.rule().to_owned())?;
        Ok(text.to_owned())
    };
    /// How long a window is open.
    WindowLength(SignedDuration): |text| {
        let Length(span) = text.parse()?;
        // Elapsed time: a day is 24 hours, whatever clocks do.
        let elapsed = span.to_duration(SpanRelativeTo::days_are_24_hours());
        let elapsed = elapsed
            .map_err(|_| "must be in days, hours and minutes, such as \"1h 30m\"".to_owned())?;
        length(elapsed)
    };
    /// A method that reads.
    Read(Method): |text| match text.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        "POST" => Ok(Method::POST),
        _ => Err("must be GET, HEAD or POST".to_owned()),
    };
    /// A regular expression.
    Pattern(Regex): |text| {
        Regex::new(text).map_err(|error| format!("is not a regular expression: {error}"))
    };
    /// The name of something in AWS.
    Line(String): |text| one_line(text, 2_048);
}
