//! What the gate says: `EVENTS.md`, which is part of the crate's documentation, lists every event.

use std::path::Path;

use maintenance_flag::Mode;

use crate::admission::By;
use crate::asked::Asked;
use crate::build_error::BuildError;

/// Who speaks.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) app: String,
    pub(crate) role: String,
}

fn word(mode: Option<Mode>) -> &'static str {
    mode.map_or("unknown", Mode::as_str)
}

/// What is said of a request. Its headers and its query are not: whatever is in them may be a secret.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) who: &'a Identity,
    pub(crate) mode: Option<Mode>,
    /// Only asked for where somebody listens.
    pub(crate) window: &'a dyn Fn() -> String,
    pub(crate) asked: Asked<'a>,
    pub(crate) request_id: Option<&'a str>,
}

/// An event about a request: what is said of every one, and what besides.
macro_rules! say {
    ($level:ident, $code:literal, $about:ident, $($more:ident = $value:expr,)* $message:literal) => {
        tracing::$level!(
            target: "maintenance",
            code = $code,
            app = $about.who.app,
            role = $about.who.role,
            mode = word($about.mode),
            window = ($about.window)().as_str(),
            method = $about.asked.method.as_str(),
            path = $about.asked.uri.path(),
            $($more = $value,)*
            request_id = $about.request_id,
            $message,
        )
    };
}

impl About<'_> {
    pub(crate) fn blocked(&self) {
        say!(
            info,
            "M503",
            self,
            "the request was answered 503: the role is in maintenance"
        );
    }

    pub(crate) fn passed(&self, by: By) {
        say!(
            debug,
            "M202",
            self,
            by = by.as_str(),
            "the request passed: it may, though the role is in maintenance"
        );
    }

    pub(crate) fn link_opened(&self) {
        say!(
            info,
            "M303",
            self,
            "a bypass link was opened: its browser may pass from now on"
        );
    }
}

pub(crate) fn changed(who: &Identity, mode: Option<Mode>, window: &str) {
    tracing::info!(
        target: "maintenance",
        code = "M200",
        app = who.app,
        role = who.role,
        mode = word(mode),
        window,
        "the maintenance state is known or has changed",
    );
}

pub(crate) fn refresh_failed(who: &Identity, mode: Option<Mode>, reason: &str, next_secs: u64) {
    tracing::warn!(
        target: "maintenance",
        code = "M504",
        app = who.app,
        role = who.role,
        mode = word(mode),
        reason,
        next_secs,
        "the maintenance flag could not be read: the last known state stays",
    );
}

pub(crate) fn left_aside(
    who: &Identity,
    mode: Option<Mode>,
    version: Option<u64>,
    known_version: Option<u64>,
) {
    tracing::debug!(
        target: "maintenance",
        code = "M304",
        app = who.app,
        role = who.role,
        mode = word(mode),
        version,
        known_version,
        "the answer is older than what is known, which stays",
    );
}

pub(crate) fn page_unusable(path: &Path, reason: &str) {
    tracing::warn!(
        target: "maintenance",
        code = "M404",
        path = %path.display(),
        reason,
        "a maintenance page cannot be served: the next in order serves",
    );
}

pub(crate) fn passes_everything(error: &BuildError) {
    tracing::error!(
        target: "maintenance",
        code = "M500",
        reason = %error,
        "the gate is not configured: every request passes, maintenance mode has no effect here",
    );
}
