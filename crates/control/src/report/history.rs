//! What became of an app, as `maintenance history` says it.

use jiff::Timestamp;
use maintenance_flag::{App, HistoryEntry, HistoryKind, Role, Times};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::json;

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
#[derive(Debug, Clone, PartialEq)]
pub struct RoleTransition {
    /// The app.
    pub app: App,
    /// The role.
    pub role: Role,
    /// What happened.
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

/// As a document has it: keys are only ever added.
impl Serialize for RoleTransition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = &self.entry;
        let mut fields = serializer.serialize_struct("RoleTransition", 21)?;
        fields.serialize_field("app", &self.app)?;
        fields.serialize_field("role", &self.role)?;
        fields.serialize_field("version", &entry.version)?;
        fields.serialize_field("at", &entry.at)?;
        fields.serialize_field("kind", entry.kind.as_str())?;
        fields.serialize_field("from", entry.from.as_str())?;
        fields.serialize_field("to", entry.to.as_str())?;
        fields.serialize_field("by", &entry.by)?;
        fields.serialize_field("user", &entry.user)?;
        fields.serialize_field("source", &entry.source.map(|it| it.as_str()))?;
        fields.serialize_field("owner", &entry.owner)?;
        fields.serialize_field("product", &entry.product)?;
        fields.serialize_field("window", &entry.window)?;
        fields.serialize_field("reason", &entry.reason)?;
        let duration = entry.duration.map(|it| it.as_secs());
        fields.serialize_field("duration_seconds", &duration)?;
        fields.serialize_field("result", entry.result.as_str())?;
        fields.serialize_field("changed", &entry.changed)?;
        let times = |times: Option<Times>| {
            times.map(|it| json!({"starts_at": it.starts_at, "until": it.until}))
        };
        fields.serialize_field("times", &times(entry.times))?;
        fields.serialize_field("times_before", &times(entry.times_before))?;
        fields.serialize_field("overrode", &entry.overrode)?;
        let error = entry.error.as_ref().map(ToString::to_string);
        fields.serialize_field("error", &error)?;
        fields.end()
    }
}
