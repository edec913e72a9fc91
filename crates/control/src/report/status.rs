//! How the roles of an app stand, as `maintenance status` says it: as far as it could be read.

use jiff::Timestamp;
use maintenance_flag::{App, Flag, Mode, Owner, Product, Role, ScheduledWindow, WindowId};
use serde::{Serialize, Serializer};

use super::{BypassReport, OptionsReport, Warning};

/// How every asked role stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The app, as in `demo-dev`.
    pub app: App,
    /// One entry a role, in the order asked.
    pub roles: Vec<RoleStatus>,
}

/// Whether a role is in maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In maintenance, wholly or read-only.
    On,
    /// Serving.
    Off,
    /// What is stored is no flag; gates keep what they knew.
    Malformed,
    /// The flag could not be read: see [`RoleStatus::unread`].
    Unknown,
}

/// How one role stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleStatus {
    /// The role.
    pub role: Role,
    /// On, off or malformed; or unknown.
    pub state: State,
    /// The flag as it stands now, if it can be read: as stored, or of a scheduled window whose time has come.
    pub flag: Option<Flag>,
    /// The windows to come, by their start.
    pub scheduled: Vec<ScheduledWindow>,
    /// Whether it is open by a scheduled window whose time has come, and which no operation has written yet: if
    /// the role has functions, they are not paused.
    pub is_open_by_time: bool,
    /// How its functions stand, while it is on or while something is saved. None also if that could
    /// not be read.
    pub workers: Option<WorkersStatus>,
    /// What an operator should know besides.
    pub warnings: Vec<Warning>,
    /// What could not be read, and so is not known. The rest is true all the same.
    pub unread: Vec<Unread>,
}

/// A part of how a role stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Whether it is on: its flag.
    Flag,
    /// What is saved of its functions.
    Saved,
    /// How its functions stand; one of them, if `function` of [`Unread`] names it.
    Functions,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Which part of how the role stands.
    pub part: Part,
    /// The function, if it is one of the role's and the others could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Why, in words.
    pub error: String,
    /// What to do about it, if there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How the functions of a role stand.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WorkersStatus {
    /// How many functions the role selects or has saved.
    pub selected: usize,
    /// How many of them are paused.
    pub paused: usize,
    /// Functions that are not (or no longer) paused though they should be, by name; among them those that
    /// could not be read ([`RoleStatus::unread`]), since they are not known to be paused.
    pub pending: Vec<String>,
    /// Functions with a setting that another client changed, by name.
    pub drifted: Vec<String>,
    /// What was saved and does not exist any more.
    pub gone: Vec<String>,
    /// Functions at 0 of which nothing is saved, by name: `off` gives them nothing back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<String>,
    /// Those of [`pending`](Self::pending) that `invoke` lets run once, or left so when it died, by name. The next
    /// `on` or `invoke` puts them back to 0, `off` restores them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invoking: Vec<String>,
}

impl RoleStatus {
    /// Of a role of which no more is known.
    pub(crate) fn new(role: Role, state: State) -> Self {
        Self {
            role,
            state,
            flag: None,
            scheduled: Vec::new(),
            is_open_by_time: false,
            workers: None,
            warnings: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// What its visitors get, while it is on. None if that is the usual page and nothing else.
    #[must_use]
    pub fn options(&self) -> Option<OptionsReport> {
        let flag = self.flag.as_ref().filter(|_| self.state == State::On)?;
        Some(OptionsReport::of(flag)).filter(|options| !options.is_plain())
    }

    /// When it opened by itself, if it is off because of that.
    #[must_use]
    pub fn opened_at(&self) -> Option<Timestamp> {
        let flag = self.flag.as_ref().filter(|_| self.state == State::Off)?;
        flag.opens_at()
    }
}

impl Serialize for RoleStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            role: &'a Role,
            maintenance: State,
            #[serde(flatten, skip_serializing_if = "Option::is_none")]
            details: Option<Details<'a>>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            scheduled: &'a [ScheduledWindow],
            #[serde(skip_serializing_if = "Option::is_none")]
            workers: Option<&'a WorkersStatus>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            warnings: &'a [Warning],
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            unread: &'a [Unread],
        }
        #[derive(Serialize)]
        struct Details<'a> {
            mode: Mode,
            window: Option<&'a WindowId>,
            product: Option<&'a Product>,
            owner: Option<&'a Owner>,
            by: Option<&'a str>,
            reason: Option<&'a str>,
            message: Option<&'a str>,
            since: Option<Timestamp>,
            until: Option<Timestamp>,
            auto_off: bool,
            retry_after: Option<u32>,
            bypass: BypassReport,
            drained_at: Option<Timestamp>,
        }
        // One whose end has come is off, whatever is stored.
        let details = self
            .flag
            .as_ref()
            .filter(|_| self.state == State::On)
            .map(|flag| Details {
                mode: flag.mode,
                window: flag.window.as_ref(),
                product: flag.product.as_ref(),
                owner: flag.owner.as_ref(),
                by: flag.by.as_deref(),
                reason: flag.reason.as_deref(),
                message: flag.message.as_deref(),
                since: flag.since,
                until: flag.until,
                auto_off: flag.auto_off,
                retry_after: flag.retry_after,
                bypass: BypassReport::of(flag),
                drained_at: flag.drained_at,
            });
        Document {
            role: &self.role,
            maintenance: self.state,
            details,
            scheduled: &self.scheduled,
            workers: self.workers.as_ref(),
            warnings: &self.warnings,
            unread: &self.unread,
        }
        .serialize(serializer)
    }
}
