//! Writes the log events of the gate. `docs/events.md`, a part of the crate's documentation, lists them all.

use std::path::Path;

use maintenance_flag::Mode;

use super::cached_flag::Snapshot;
use super::decision::Outcome;
use super::refresh::Event;
use crate::policy::Identity;
use crate::request::RequestHead;
use crate::request_context::RequestContext;

/// The most bytes of a path in an event: clients must not flood a log.
const MAX_PATH: usize = 1_024;

/// Cuts a path at [`MAX_PATH`].
fn clipped(path: &str) -> &str {
    path.get(..path.floor_char_boundary(MAX_PATH))
        .unwrap_or_default()
}

/// Writes one event, with the fields that all have.
macro_rules! event {
    ($level:ident, $code:literal, $identity:ident, $mode:ident, $($name:ident = $value:expr,)* $message:literal) => {
        tracing::$level!(
            target: "maintenance",
            code = $code,
            app = $identity.app,
            role = $identity.role,
            mode = $mode.map_or("unknown", Mode::as_str),
            $($name = $value,)*
            $message,
        )
    };
}

/// Logs the decision about a request, without its headers and its query: they may hold secrets.
pub(crate) fn decided(
    identity: &Identity,
    Snapshot { mode, effective }: Snapshot<'_>,
    head: RequestHead<'_>,
    context: &RequestContext<'_>,
    outcome: &Outcome,
) {
    let window = effective.window();
    macro_rules! request {
        ($level:ident, $code:literal, $($name:ident = $value:expr,)* $message:literal) => {
            event!(
                $level, $code, identity, mode, window = window, method = head.method.as_str(),
                path = clipped(head.uri.path()), $($name = $value,)* request_id = context.request_id, $message
            )
        };
    }
    match outcome {
        Outcome::Pass | Outcome::ReadOnly => {}
        Outcome::Block(reason) => request!(
            info,
            "M503",
            reason = reason,
            "the request was answered 503: the role is in maintenance"
        ),
        Outcome::Bypass(reason) => request!(
            debug,
            "M202",
            by = reason,
            "the request passed by a bypass, although the role is in maintenance"
        ),
        Outcome::RedeemLink(_) => request!(
            info,
            "M303",
            "a bypass link was opened: its browser may pass from now on"
        ),
    }
}

/// Logs a new mode or window.
pub(crate) fn changed(identity: &Identity, mode: Option<Mode>, window: &str) {
    event!(
        info,
        "M200",
        identity,
        mode,
        window = window,
        "the maintenance state is known or has changed"
    );
}

/// Logs why a refresh kept the cached flag.
pub(crate) fn kept(identity: &Identity, mode: Option<Mode>, event: &Event) {
    match event {
        Event::Failed { reason, next_secs } => event!(
            warn,
            "M504",
            identity,
            mode,
            reason = reason,
            next_secs = next_secs,
            "the maintenance flag could not be read: the last known state stays"
        ),
        Event::Ignored {
            version,
            known_version,
        } => event!(
            debug,
            "M304",
            identity,
            mode,
            version = version,
            known_version = known_version,
            "the answer is older than the known state, which stays"
        ),
    }
}

/// Logs that a page cannot be served, and why.
pub(crate) fn page_unusable(path: &Path, reason: &str) {
    tracing::warn!(
        target: "maintenance",
        code = "M404",
        path = %path.display(),
        reason,
        "a maintenance page cannot be served; falling back to the next one",
    );
}
