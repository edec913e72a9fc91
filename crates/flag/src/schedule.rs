//! Windows to come: kept in the flag beside its mode, so that a maintenance starts and ends by itself at the time.
//!
//! A flag's own mode stays as it is until an operator writes it. Code that needs the mode at a time calls
//! [`Flag::at`](crate::Flag::at), the one place that knows about windows whose time has come. A version that does not know
//! the key therefore keeps the site as it is, and never closes it early.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::document::{self, DecodeError, Fields};
use crate::mode::Mode;
use crate::names::{Product, WindowId};
use crate::owner::Owner;
use crate::serialize::text;

/// A maintenance window that starts by itself at its time, and ends by itself.
///
/// Serialized, it is as reports have it; it is stored otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduledWindow {
    /// Its identity, given when it was scheduled: what is saved for it belongs to it.
    pub window: WindowId,
    /// When the window starts, UTC.
    #[serde(serialize_with = "text")]
    pub starts_at: Timestamp,
    /// When the window ends, UTC: later than its start.
    #[serde(serialize_with = "text")]
    pub until: Timestamp,
    /// On or read-only.
    pub mode: Mode,
    /// Who may close it while it is open.
    pub owner: Owner,
    /// Who scheduled or last moved it: `ana@laptop`.
    pub by: Option<String>,
    /// Why, for the team.
    pub reason: Option<String>,
    /// What to tell the visitors.
    pub message: Option<String>,
    /// What `Retry-After` shall say, seconds; else it counts down to `until`.
    pub retry_after: Option<u32>,
    /// What may pass, as stored: see [`Bypass::read`](crate::Bypass::read).
    #[serde(skip)]
    pub bypass: Option<Value>,
    /// The product that it was scheduled for.
    pub product: Option<Product>,
    /// The name of the recurring window that it is an occurrence of.
    pub recurring: Option<String>,
    /// Whether functions are paused at its start though asynchronous events will be lost.
    pub accept_event_loss: bool,
    /// It does not open any more: it was cancelled or moved, has ended early, or was opened, so that the flag itself
    /// says how it stands. An occurrence of a recurring window is kept until its end has passed, so that it is not
    /// scheduled anew; any window while it is open for which losing events was accepted, so that this holds to its
    /// end.
    pub cancelled: bool,
    /// Fields of a later version, kept while the entry is.
    #[serde(skip)]
    pub unknown: Map<String, Value>,
}

impl ScheduledWindow {
    /// Whether its time has come and is not over, and it may open.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.opens() && self.starts_at <= now && now < self.until
    }

    /// Whether it has yet to open.
    #[must_use]
    pub fn is_to_come(&self, now: Timestamp) -> bool {
        self.opens() && now < self.starts_at
    }

    fn opens(&self) -> bool {
        !self.cancelled
    }

    fn read(value: &Value) -> Result<Self, DecodeError> {
        let missing = |key: &str| DecodeError::malformed(format!("it has no {key:?}"));
        let mut fields = Fields::of(value.clone())
            .ok_or_else(|| DecodeError::malformed("it is not a JSON object"))?;
        let mode = match fields.text("mode")?.as_deref() {
            Some("on") => Mode::On,
            Some("read-only") => Mode::ReadOnly,
            _ => return Err(DecodeError::malformed("\"mode\" is not on or read-only")),
        };
        let owner = fields.take("owner").ok_or_else(|| missing("owner"))?;
        let entry = Self {
            mode,
            window: fields
                .parsed("window", "a window id", |text| text.parse().ok())?
                .ok_or_else(|| missing("window"))?,
            starts_at: fields
                .timestamp("starts_at")?
                .ok_or_else(|| missing("starts_at"))?,
            until: fields.timestamp("until")?.ok_or_else(|| missing("until"))?,
            owner: Owner::read("owner", owner)?,
            by: fields.text("by")?,
            reason: fields.text("reason")?,
            message: fields.text("message")?,
            retry_after: fields.number("retry_after")?,
            bypass: fields.take("bypass"),
            product: fields.parsed("product", "a product's id", |text| text.parse().ok())?,
            recurring: fields.text("recurring")?,
            accept_event_loss: fields.boolean("accept_event_loss")?,
            cancelled: fields.boolean("cancelled")?,
            unknown: fields.rest(),
        };
        if entry.until <= entry.starts_at {
            return Err(DecodeError::malformed("it ends before it starts"));
        }
        Ok(entry)
    }

    fn to_json(&self) -> Value {
        let mut map = document::object(json!({
            "window": self.window.as_str(),
            "starts_at": self.starts_at.to_string(),
            "until": self.until.to_string(),
            "mode": self.mode.as_str(),
            "owner": self.owner.to_json(),
            "product": self.product.as_ref().map(Product::as_str),
            "by": self.by,
            "reason": self.reason,
            "message": self.message,
            "retry_after": self.retry_after,
            "bypass": self.bypass,
            "recurring": self.recurring,
            "accept_event_loss": self.accept_event_loss.then_some(true),
            "cancelled": self.cancelled.then_some(true),
        }));
        for (key, value) in &self.unknown {
            map.entry(key.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(map)
    }
}

/// The windows to come of one role.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schedule {
    /// Those that can be read, by their start.
    pub windows: Vec<ScheduledWindow>,
    /// Entries that cannot be read: typed by hand, or of a later version. No maintenance starts or ends by
    /// them; they are kept on rewriting.
    pub unreadable: Vec<Value>,
}

impl Schedule {
    pub(crate) fn read(value: Option<Value>) -> Self {
        let entries = match value {
            None => Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(other) => vec![other],
        };
        let mut schedule = Self::default();
        for entry in entries {
            match ScheduledWindow::read(&entry) {
                Ok(window) => schedule.windows.push(window),
                Err(_) => schedule.unreadable.push(entry),
            }
        }
        schedule.sort();
        schedule
    }

    pub(crate) fn to_json(&self) -> Option<Value> {
        let windows = self.windows.iter().map(ScheduledWindow::to_json);
        let entries: Vec<_> = windows.chain(self.unreadable.iter().cloned()).collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    }

    pub(crate) fn sort(&mut self) {
        self.windows
            .sort_by(|a, b| (a.starts_at, &a.window).cmp(&(b.starts_at, &b.window)));
    }

    /// Keeps these windows from opening by themselves. An occurrence of a recurring one is remembered until its end
    /// has passed.
    pub(crate) fn end(&mut self, ended: impl Fn(&ScheduledWindow) -> bool) {
        self.end_but(ended, |_| false);
    }

    /// The same, and remembers these, too.
    pub(crate) fn end_but(
        &mut self,
        ended: impl Fn(&ScheduledWindow) -> bool,
        kept: impl Fn(&ScheduledWindow) -> bool,
    ) {
        self.windows.retain_mut(|window| {
            if !ended(window) {
                return true;
            }
            if window.recurring.is_none() && !kept(window) {
                return false;
            }
            window.cancelled = true;
            (window.message, window.reason, window.bypass) = (None, None, None);
            (window.by, window.retry_after) = (None, None);
            true
        });
    }

    /// What is wrong with each entry that cannot be read.
    pub fn errors(&self) -> impl Iterator<Item = DecodeError> {
        let errors = self.unreadable.iter().map(ScheduledWindow::read);
        errors.filter_map(Result::err)
    }

    /// The window whose time has come, if the flag itself is off.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<&ScheduledWindow> {
        self.windows.iter().find(|window| window.is_due(now))
    }

    /// When visitors are served again after a window of this mode that ends then: windows that have begun by that
    /// time go on from there. After one that keeps all visitors out, a read-only one serves most of them.
    #[must_use]
    pub fn serves_at(&self, end: Timestamp, mode: Mode) -> Timestamp {
        let goes_on = self
            .windows
            .iter()
            .filter(|window| window.opens() && (mode == Mode::ReadOnly || window.mode == Mode::On));
        // They are ordered by their start.
        goes_on.fold(end, |end, window| match window.starts_at <= end {
            true => end.max(window.until),
            false => end,
        })
    }

    /// The windows that have yet to open, by their start.
    pub fn to_come(&self, now: Timestamp) -> impl Iterator<Item = &ScheduledWindow> {
        self.windows
            .iter()
            .filter(move |window| window.is_to_come(now))
    }
}
