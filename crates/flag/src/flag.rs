//! The Flag: the one value that says whether a role is in maintenance, since when, and by whom.
//!
//! A gate reads it with one call; an operator overwrites it at each transition; it is never deleted.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::document::{self, DecodeError, Fields, SCHEMA};
use crate::mode::Mode;
use crate::names::{Product, WindowId};
use crate::owner::Owner;
use crate::schedule::Schedule;

/// The state of one role, as stored. See [`Flag::decode`] and [`Flag::encode`].
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// The schema it was read with; a higher one than [`SCHEMA`] may be read but not rewritten.
    pub schema: u64,
    /// On, off or read-only.
    pub mode: Mode,
    /// The window that is open or, when off, the last one. None if the flag was typed by hand.
    pub window: Option<WindowId>,
    /// Who opened the window. None when off, or if the flag was typed by hand.
    pub owner: Option<Owner>,
    /// The product that the window was opened for. Leaving the product closes this window.
    pub product: Option<Product>,
    /// Who made the last transition: `ana@laptop`.
    pub by: Option<String>,
    /// Why, for the team.
    pub reason: Option<String>,
    /// What to tell the visitors.
    pub message: Option<String>,
    /// When the last transition was, UTC.
    pub since: Option<Timestamp>,
    /// When the maintenance is expected to end, UTC.
    pub until: Option<Timestamp>,
    /// Whether the maintenance ends by itself at `until`. If not, `until` is an announcement, not a switch.
    pub auto_off: bool,
    /// What `Retry-After` should say, in seconds.
    pub retry_after: Option<u32>,
    /// When the in-flight invocations of the role have ended: from then on it is safe to migrate.
    /// UTC. None if it is not known.
    pub drained_at: Option<Timestamp>,
    /// What may pass, as stored: see [`Bypass::read`](crate::Bypass::read).
    pub bypass: Option<Value>,
    /// The owner that a forced exit overrode.
    pub overrode: Option<Owner>,
    /// Scheduled windows, which start by themselves: see [`at`](Self::at).
    pub schedule: Schedule,
    /// Fields of a later version, kept on rewriting.
    pub unknown: Map<String, Value>,
}

impl Flag {
    /// A flag that holds a mode and nothing else, as a bare `on` or `off` does.
    #[must_use]
    pub fn bare(mode: Mode) -> Self {
        Self {
            schema: SCHEMA,
            mode,
            window: None,
            owner: None,
            product: None,
            by: None,
            reason: None,
            message: None,
            since: None,
            until: None,
            auto_off: false,
            retry_after: None,
            drained_at: None,
            bypass: None,
            overrode: None,
            schedule: Schedule::default(),
            unknown: Map::new(),
        }
    }

    /// The mode at this time: off once the maintenance has ended by itself, and the mode of a scheduled window from
    /// its start to its end.
    #[must_use]
    pub fn mode_at(&self, now: Timestamp) -> Mode {
        self.mode_and_due(now).0
    }

    /// The mode at this time, whatever is scheduled.
    pub(crate) fn own_mode_at(&self, now: Timestamp) -> Mode {
        match self.opens_at() {
            Some(end) if end <= now => Mode::Off,
            _ => self.mode,
        }
    }

    /// When the maintenance ends by itself and the role opens to visitors again. `None` if it does not.
    #[must_use]
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.until.filter(|_| self.auto_off && self.mode.is_on())
    }

    /// The meaning of a parameter that does not exist.
    #[must_use]
    pub fn off() -> Self {
        Self::bare(Mode::Off)
    }

    /// Reads a stored value: a document, or a bare `on` or `off` with or without a line end.
    ///
    /// A document of a newer schema is read as far as this version understands it; it must not be
    /// rewritten ([`next`](crate::next) refuses).
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] for anything else, [`DecodeError::NewerSchema`] for a newer document
    /// whose mode this version does not know. Neither is ever to be taken for `off`.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        match text.trim() {
            "on" => return Ok(Self::bare(Mode::On)),
            "off" => return Ok(Self::bare(Mode::Off)),
            _ => {}
        }
        let (fields, schema) = Fields::read(text)?;
        match Self::read(fields, schema) {
            Err(DecodeError::Malformed { .. }) if schema > SCHEMA => {
                Err(DecodeError::NewerSchema { schema })
            }
            other => other,
        }
    }

    fn read(mut fields: Fields, schema: u64) -> Result<Self, DecodeError> {
        let mode = fields
            .text("mode")?
            .ok_or_else(|| DecodeError::malformed("it has no \"mode\""))?;
        let mode = Mode::parse(&mode)
            .ok_or_else(|| DecodeError::malformed("\"mode\" is not on, off or read-only"))?;
        let mut owner = |key| {
            fields
                .take(key)
                .map(|value| Owner::read(key, value))
                .transpose()
        };
        let (owner, overrode) = (owner("owner")?, owner("overrode")?);
        Ok(Self {
            schema,
            mode,
            owner,
            overrode,
            window: fields.parsed("window", "a window id", |text| text.parse().ok())?,
            product: fields.parsed("product", "a product's id", |text| text.parse().ok())?,
            by: fields.text("by")?,
            reason: fields.text("reason")?,
            message: fields.text("message")?,
            since: fields.timestamp("since")?,
            until: fields.timestamp("until")?,
            auto_off: fields.boolean("auto_off")?,
            retry_after: fields.number("retry_after")?,
            drained_at: fields.timestamp("drained_at")?,
            bypass: fields.take("bypass"),
            schedule: Schedule::read(fields.take("scheduled")),
            unknown: fields.rest(),
        })
    }

    /// The bytes, however many.
    pub(crate) fn text(&self) -> String {
        document::write(self.to_map())
    }

    /// The fields to store.
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let mut map = document::object(json!({
            "schema": self.schema,
            "mode": self.mode.as_str(),
            "window": self.window.as_ref().map(WindowId::as_str),
            "owner": self.owner.as_ref().map(Owner::to_json),
            "product": self.product.as_ref().map(Product::as_str),
            "by": self.by,
            "reason": self.reason,
            "message": self.message,
            "since": time(self.since),
            "until": time(self.until),
            "auto_off": self.auto_off.then_some(true),
            "retry_after": self.retry_after,
            "drained_at": time(self.drained_at),
            "bypass": self.bypass,
            "overrode": self.overrode.as_ref().map(Owner::to_json),
            "scheduled": self.schedule.to_json(),
        }));
        for (key, value) in &self.unknown {
            map.entry(key.clone()).or_insert_with(|| value.clone());
        }
        map
    }
}
