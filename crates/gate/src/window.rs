//! The known state besides the mode: the flag, which requests pass by it, and its answers.

use std::sync::Arc;

use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode};

use crate::page::Responder;
use crate::response::Responses;

/// A flag that was read; or none yet.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) flag: Option<Flag>,
    pub(crate) bypass: Bypass,
    pub(crate) responses: Responses,
}

impl Window {
    pub(crate) fn new(flag: Option<Flag>, responder: Arc<Responder>) -> Self {
        Self {
            responses: Responses::new(responder, flag.as_ref()),
            bypass: Bypass::read(flag.as_ref().and_then(|flag| flag.bypass.as_ref())),
            flag,
        }
    }

    /// Its identifier; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.flag
            .as_ref()
            .and_then(|flag| flag.window.as_ref())
            .map_or("", |window| window.as_str())
    }

    /// The mode at a moment: a flag may say that it ends by itself.
    pub(crate) fn mode_at(&self, now: Timestamp) -> Option<Mode> {
        Some(self.flag.as_ref()?.mode_at(now))
    }

    /// A lifetime from `at_ms`, cut where the role opens by itself, so that no visitor is kept out for
    /// longer.
    pub(crate) fn lifetime(&self, at_ms: u64, lifetime_ms: u64) -> u64 {
        let end = self.flag.as_ref().and_then(Flag::opens_at);
        let left = end
            .and_then(|end| u64::try_from(end.as_millisecond()).ok())
            .and_then(|end_ms| end_ms.checked_sub(at_ms))
            .filter(|left| *left > 0);
        left.map_or(lifetime_ms, |left| left.min(lifetime_ms))
    }
}
