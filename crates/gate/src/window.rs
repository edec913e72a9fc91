//! The known state besides the mode: the flag, which requests pass by it, and its answers.

use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode, WindowId};

use crate::clock::timestamp;
use crate::response::Responses;

/// A flag that was read, as it stands at a time; or none yet.
#[derive(Debug)]
pub(crate) struct Window {
    /// How the role stands. Before a flag was read, a bare `on`: for the answer under `OnUnknown::Block`.
    pub(crate) flag: Flag,
    pub(crate) is_known: bool,
    pub(crate) bypass: Bypass,
    pub(crate) responses: Responses,
    /// The flag as it was read, if it is another: a scheduled window is open.
    stored: Option<Flag>,
}

impl Window {
    /// Before a flag was read.
    pub(crate) fn unknown() -> Self {
        Self {
            is_known: false,
            ..Self::of(Flag::bare(Mode::On), None)
        }
    }

    /// What this flag says at this time.
    pub(crate) fn new(stored: Flag, now: Timestamp) -> Self {
        match stored.due(now).is_some() {
            true => Self::of(stored.at(now).into_owned(), Some(stored)),
            false => Self::of(stored, None),
        }
    }

    fn of(flag: Flag, stored: Option<Flag>) -> Self {
        Self {
            bypass: Bypass::read(flag.bypass.as_ref()),
            responses: Responses::default(),
            is_known: true,
            flag,
            stored,
        }
    }

    /// The flag as it was read.
    pub(crate) fn stored(&self) -> &Flag {
        self.stored.as_ref().unwrap_or(&self.flag)
    }

    /// Whether it is as the flag stands at this time: no scheduled window has begun or ended since.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        let open = self.stored.as_ref().and(self.flag.window.as_ref());
        let due = self.is_known.then(|| self.stored().due(now)).flatten();
        due.map(|due| &due.window) == open
    }

    /// Its identifier; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.flag.window.as_ref().map_or("", WindowId::as_str)
    }

    /// The mode at this time: a flag may end by itself, and a scheduled window begin.
    pub(crate) fn mode_at(&self, now: Timestamp) -> Option<Mode> {
        self.is_known.then(|| self.stored().mode_at(now))
    }

    /// When its mode changes next by itself.
    pub(crate) fn changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.stored().changes_at(now).filter(|_| self.is_known)
    }

    /// A lifetime from `at_ms`, cut where the role opens or closes by itself, so that no visitor is kept out for
    /// longer, nor let in.
    pub(crate) fn lifetime(&self, at_ms: u64, lifetime_ms: u64) -> u64 {
        let change = self.changes_at(timestamp(at_ms));
        let left = change
            .and_then(|change| u64::try_from(change.as_millisecond()).ok())
            .and_then(|change_ms| change_ms.checked_sub(at_ms))
            .filter(|left| *left > 0);
        left.map_or(lifetime_ms, |left| left.min(lifetime_ms))
    }
}
