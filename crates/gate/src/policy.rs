//! The settings of a gate that its decisions depend on.

use maintenance_flag::Mode;

/// What to do while no state was ever known: the store has not answered since this process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnUnknown {
    /// Let requests pass. A store that is down must not take the site down with it.
    #[default]
    Pass,
    /// Answer 503. For an app that must never run during a maintenance.
    Block,
}

/// The settings of a decision.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) identity: Identity,
    /// The name of the bypass cookie.
    pub(crate) cookie: String,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) trusted_proxies: u8,
}

/// Which flag it is.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) app: String,
    pub(crate) role: String,
}

impl Policy {
    /// Whether every request passes in this mode, so that nothing of it is looked at.
    #[inline]
    pub(crate) fn allows_all(&self, mode: Option<Mode>) -> bool {
        match mode {
            Some(mode) => mode == Mode::Off,
            None => self.on_unknown == OnUnknown::Pass,
        }
    }
}
