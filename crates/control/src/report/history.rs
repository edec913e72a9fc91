//! What became of an app, as `maintenance history` says it.

use jiff::Timestamp;
use maintenance_flag::{App, HistoryEntry, HistoryKind, Role};
use serde::Serialize;

/// The transitions of an app's roles that are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The app.
    pub app: App,
    /// Newest first.
    pub transitions: Vec<RoleTransition>,
    /// The roles of which older versions are not kept.
    pub cut_off: Vec<Role>,
}

/// A transition of a role's flag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleTransition {
    /// The app.
    pub app: App,
    /// The role.
    pub role: Role,
    /// What happened.
    #[serde(flatten)]
    pub entry: HistoryEntry,
}

impl RoleTransition {
    /// What no other transition of a store is called: `demo-dev/web/57`. A version may tell of several windows to
    /// come, and until the next one windows start and end by themselves: `demo-dev/web/57/ended/1732266000`.
    #[must_use]
    pub fn id(&self) -> String {
        let entry = &self.entry;
        let id = format!("{}/{}/{}", self.app, self.role, entry.version);
        let at = entry.at.as_second();
        let window = entry.window.as_ref().map_or("", |it| it.as_str());
        match entry.kind {
            HistoryKind::StartedByItself => format!("{id}/started/{at}"),
            HistoryKind::EndedByItself => format!("{id}/ended/{at}"),
            HistoryKind::Scheduled | HistoryKind::Rescheduled | HistoryKind::Cancelled => {
                format!("{id}/{window}")
            }
            _ => id,
        }
    }

    /// When it was, UTC.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.entry.at
    }
}
