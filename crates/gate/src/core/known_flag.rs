//! The known state besides the mode: the flag that was read and, for each way in which the role can stand by it,
//! which requests pass and their answers.

use jiff::Timestamp;
use maintenance_flag::{Bypass, Flag, Mode, ScheduledWindow, WindowId};

use super::response::Responses;
use crate::clock::timestamp;

/// A flag that was read, or none yet.
#[derive(Debug)]
pub(crate) struct KnownFlag {
    is_known: bool,
    stored: Window,
    /// As the role stands while a scheduled window is open.
    scheduled: Vec<Window>,
}

/// How a role stands at a time.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    /// None if it is not known.
    pub(crate) mode: Option<Mode>,
    pub(crate) window: &'a Window,
}

/// Which requests pass in a window, and the answers to all others.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) flag: Flag,
    pub(crate) bypass: Bypass,
    pub(crate) responses: Responses,
}

impl KnownFlag {
    /// Before a flag was read. It answers as a bare `on`, under `OnUnknown::Block`.
    pub(crate) fn unknown() -> Self {
        Self {
            is_known: false,
            ..Self::new(Flag::bare(Mode::On))
        }
    }

    pub(crate) fn new(flag: Flag) -> Self {
        let schedule = &flag.schedule;
        let opened = |it: &ScheduledWindow| Flag {
            // As visitors are told: windows that follow each other are one for them.
            until: Some(schedule.serves_at(it.until, it.mode)),
            ..Flag::opened(it)
        };
        Self {
            is_known: true,
            scheduled: schedule
                .windows
                .iter()
                .map(|it| Window::new(opened(it)))
                .collect(),
            stored: Window::new(flag),
        }
    }

    /// The flag as it was read.
    pub(crate) fn flag(&self) -> &Flag {
        &self.stored.flag
    }

    /// How the role stands at this time: a flag may end by itself, and a scheduled window begin.
    pub(crate) fn at(&self, now: Timestamp) -> Snapshot<'_> {
        let (mode, due) = self.flag().mode_and_due(now);
        let mut scheduled = self.scheduled.iter();
        let due = due.and_then(|due| scheduled.find(|it| it.id() == due.window.as_str()));
        Snapshot {
            mode: self.is_known.then_some(mode),
            window: due.unwrap_or(&self.stored),
        }
    }

    /// A lifetime from `at_ms`, cut where the role opens or closes by itself, so that no visitor is kept out for
    /// longer, nor let in.
    pub(crate) fn lifetime(&self, at_ms: u64, lifetime_ms: u64) -> u64 {
        let change = self.flag().changes_at(timestamp(at_ms));
        let left = change
            .and_then(|change| u64::try_from(change.as_millisecond()).ok())
            .and_then(|change_ms| change_ms.checked_sub(at_ms))
            .filter(|left| *left > 0);
        left.map_or(lifetime_ms, |left| left.min(lifetime_ms))
    }
}

impl Window {
    fn new(flag: Flag) -> Self {
        Self {
            bypass: Bypass::read(flag.bypass.as_ref()),
            responses: Responses::default(),
            flag,
        }
    }

    /// Its identifier; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.flag.window.as_ref().map_or("", WindowId::as_str)
    }
}
