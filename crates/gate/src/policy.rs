//! The settings that a gate's decisions depend on.

use maintenance_flag::Mode;

/// What to do until a flag has been read: the store has not answered since this process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnUnknown {
    /// Let requests pass, so that a store which is down does not take the site down.
    #[default]
    Pass,
    /// Answer 503: for an app that must never run during a maintenance.
    Block,
}

/// The settings that `decide` needs.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) identity: Identity,
    /// The name of the bypass cookie.
    pub(crate) cookie: String,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) trusted_proxies: u8,
}

/// The app and role whose flag the gate reads.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) app: String,
    pub(crate) role: String,
}

impl Policy {
    /// Whether every request passes in this mode, so that the gate need not look at it.
    #[inline]
    pub(crate) fn allows_all(&self, mode: Option<Mode>) -> bool {
        match mode {
            Some(mode) => mode == Mode::Off,
            None => self.on_unknown == OnUnknown::Pass,
        }
    }
}
