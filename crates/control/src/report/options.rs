//! What the visitors of a role get while its window is open, and what an operation changed of that.

use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode};
use serde::Serialize;

/// What the visitors of a role get while its window is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionsReport {
    /// On or read-only.
    pub mode: Mode,
    /// What they are told.
    pub message: Option<String>,
    /// When the maintenance is expected to end, UTC.
    pub until: Option<Timestamp>,
    /// Whether the role opens by itself then.
    pub auto_off: bool,
    /// What `Retry-After` says, in seconds, if not the time until then.
    pub retry_after: Option<u32>,
    /// What passes.
    pub bypass: BypassReport,
    /// What this operation changed (with `dry_run`: would change) of a window that was open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<Updated>,
}

/// What passes though the role is in maintenance. Never the token, nor its hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BypassReport {
    /// When the bypass link ends, if the window does not end first, UTC. None: there is no link.
    pub token_until: Option<Timestamp>,
    /// Addresses and ranges in CIDR notation.
    pub addresses: Vec<String>,
    /// Paths, or with `/*` at its end everything below one.
    pub paths: Vec<String>,
}

/// Something of a window that was changed while it was open, by its name in the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Updated {
    /// Whether it is read-only.
    Mode,
    /// Why it is on, for the team.
    Reason,
    /// What visitors are told.
    Message,
    /// When it is expected to end.
    Until,
    /// Whether the role opens by itself then.
    AutoOff,
    /// What `Retry-After` says.
    RetryAfter,
    /// The bypass link.
    Token,
    /// The addresses that pass.
    Addresses,
    /// The paths that pass.
    Paths,
}

impl OptionsReport {
    pub(crate) fn of(flag: &Flag) -> Self {
        Self {
            mode: flag.mode,
            message: flag.message.clone(),
            until: flag.until,
            auto_off: flag.auto_off,
            retry_after: flag.retry_after,
            bypass: BypassReport::of(flag),
            updated: Vec::new(),
        }
    }

    /// With what differs from the flag as it was.
    pub(crate) fn since(mut self, before: &Flag, after: &Flag) -> Self {
        let (old, new) = (
            Bypass::read(before.bypass.as_ref()),
            Bypass::read(after.bypass.as_ref()),
        );
        let changes = [
            (Updated::Mode, before.mode != after.mode),
            (Updated::Reason, before.reason != after.reason),
            (Updated::Message, before.message != after.message),
            (Updated::Until, before.until != after.until),
            (Updated::AutoOff, before.auto_off != after.auto_off),
            (Updated::RetryAfter, before.retry_after != after.retry_after),
            (Updated::Token, old.token != new.token),
            (Updated::Addresses, old.addresses != new.addresses),
            (Updated::Paths, old.paths != new.paths),
        ];
        let changed = changes.into_iter().filter(|(_, changed)| *changed);
        self.updated = changed.map(|(what, _)| what).collect();
        self
    }

    /// Whether there is nothing to say: everything is refused, with no more than the usual page.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::of(&Flag::bare(Mode::On))
    }
}

impl BypassReport {
    pub(super) fn of(flag: &Flag) -> Self {
        let bypass = Bypass::read(flag.bypass.as_ref());
        Self {
            token_until: bypass.token.map(|token| token.until),
            addresses: bypass.addresses.iter().map(ToString::to_string).collect(),
            paths: bypass.paths.iter().map(ToString::to_string).collect(),
        }
    }
}
