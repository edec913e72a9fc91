//! The known state besides the mode: the flag, which requests pass by it, and its answers.

use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode};

use crate::response::Responses;

/// A flag that was read; or none yet.
#[derive(Debug)]
pub(crate) struct Window {
    /// Before one was read, a bare `on`: for the answer under `OnUnknown::Block`.
    pub(crate) flag: Flag,
    pub(crate) is_known: bool,
    pub(crate) bypass: Bypass,
    pub(crate) responses: Responses,
}

impl Window {
    pub(crate) fn new(flag: Option<Flag>) -> Self {
        let is_known = flag.is_some();
        let flag = flag.unwrap_or_else(|| Flag::bare(Mode::On));
        Self {
            bypass: Bypass::read(flag.bypass.as_ref()),
            responses: Responses::default(),
            is_known,
            flag,
        }
    }

    /// Its identifier; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.flag.window.as_ref().map_or("", |id| id.as_str())
    }

    /// The mode at this time: a flag may end by itself.
    pub(crate) fn mode_at(&self, now: Timestamp) -> Option<Mode> {
        self.is_known.then(|| self.flag.mode_at(now))
    }

    /// A lifetime from `at_ms`, cut where the role opens by itself, so that no visitor is kept out for
    /// longer.
    pub(crate) fn lifetime(&self, at_ms: u64, lifetime_ms: u64) -> u64 {
        let end = self.flag.opens_at();
        let left = end
            .and_then(|end| u64::try_from(end.as_millisecond()).ok())
            .and_then(|end_ms| end_ms.checked_sub(at_ms))
            .filter(|left| *left > 0);
        left.map_or(lifetime_ms, |left| left.min(lifetime_ms))
    }
}
