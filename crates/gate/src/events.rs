//! What the gate says: `EVENTS.md`, which is part of the crate's documentation, lists every event.

use std::path::Path;

use maintenance_flag::Mode;

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

pub(crate) fn blocked(
    who: &Identity,
    mode: Option<Mode>,
    window: &str,
    method: &http::Method,
    path: &str,
) {
    tracing::info!(
        target: "maintenance",
        code = "M503",
        app = who.app,
        role = who.role,
        mode = word(mode),
        window,
        method = method.as_str(),
        path,
        "the request was answered 503: the role is in maintenance",
    );
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
