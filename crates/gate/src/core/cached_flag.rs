//! The cached flag, with the bypass rules and prepared 503 responses for the stored state and for each scheduled
//! window.

use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode, ScheduledWindow, WindowId};

use super::response::Responses;
use crate::clock::timestamp;

/// The flag that was read last, or a placeholder until one has been read.
#[derive(Debug)]
pub(crate) struct CachedFlag {
    is_known: bool,
    stored: EffectiveFlag,
    /// The flag in effect during each scheduled window.
    scheduled: Vec<EffectiveFlag>,
}

/// The mode of a role at one time, and the flag that says so.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    /// `None` until a flag has been read.
    pub(crate) mode: Option<Mode>,
    pub(crate) effective: &'a EffectiveFlag,
}

/// The flag in effect at a time, its bypass rules and its responses. It may be off: the stored flag is one, too.
#[derive(Debug)]
pub(crate) struct EffectiveFlag {
    pub(crate) flag: Flag,
    pub(crate) bypass: Bypass,
    pub(crate) responses: Responses,
}

impl CachedFlag {
    /// The placeholder until a flag has been read. With `OnUnknown::Block` its responses are those of a bare `on`.
    pub(crate) fn unknown() -> Self {
        Self {
            is_known: false,
            ..Self::new(Flag::bare(Mode::On))
        }
    }

    pub(crate) fn new(flag: Flag) -> Self {
        let schedule = &flag.schedule;
        let opened = |it: &ScheduledWindow| Flag {
            // Visitors are told the end of consecutive windows as one.
            until: Some(schedule.serves_at(it.until, it.mode)),
            ..Flag::opened(it)
        };
        Self {
            is_known: true,
            scheduled: schedule
                .windows
                .iter()
                .map(|it| EffectiveFlag::new(opened(it)))
                .collect(),
            stored: EffectiveFlag::new(flag),
        }
    }

    /// The flag as it is stored.
    pub(crate) fn flag(&self) -> &Flag {
        &self.stored.flag
    }

    /// Returns the state at `now`: a maintenance may have ended by itself since the flag was read, or a scheduled
    /// window may have started.
    pub(crate) fn at(&self, now: Timestamp) -> Snapshot<'_> {
        let (mode, due) = self.flag().mode_and_due(now);
        let mut scheduled = self.scheduled.iter();
        let due = due.and_then(|due| scheduled.find(|it| it.window() == due.window.as_str()));
        Snapshot {
            mode: self.is_known.then_some(mode),
            effective: due.unwrap_or(&self.stored),
        }
    }

    /// Shortens the cache lifetime so that it ends at the next scheduled start or end of maintenance. `at_ms` is when
    /// the lifetime begins, in milliseconds since the epoch.
    pub(crate) fn lifetime(&self, at_ms: u64, lifetime_ms: u64) -> u64 {
        let change = self.flag().changes_at(timestamp(at_ms));
        let left = change
            .and_then(|change| u64::try_from(change.as_millisecond()).ok())
            .and_then(|change_ms| change_ms.checked_sub(at_ms))
            .filter(|left| *left > 0);
        left.map_or(lifetime_ms, |left| left.min(lifetime_ms))
    }
}

impl EffectiveFlag {
    fn new(flag: Flag) -> Self {
        Self {
            bypass: Bypass::read(flag.bypass.as_ref()),
            responses: Responses::default(),
            flag,
        }
    }

    /// The identifier of the maintenance window; empty if the flag names none.
    pub(crate) fn window(&self) -> &str {
        self.flag.window.as_ref().map_or("", WindowId::as_str)
    }
}
