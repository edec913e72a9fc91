//! What an observer saw last, as stored: so that a streak and the last result survive a restart.
//!
//! It decides nothing by itself. Whoever may write it could only make an observer act a few checks sooner or
//! later: what it does to a flag is decided by the flag.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::document::{self, DecodeError, Fields, SCHEMA};

/// What a check of an observer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Maintenance is needed.
    Maintenance,
    /// All is normal.
    Normal,
    /// Neither is certain. It never changes anything.
    Unknown,
}

impl Verdict {
    /// As it is stored and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Normal => "normal",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "maintenance" => Ok(Self::Maintenance),
            "normal" => Ok(Self::Normal),
            "unknown" => Ok(Self::Unknown),
            _ => Err("must be maintenance, normal or unknown".to_owned()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an observer saw last, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What the last check came to.
    pub result: Verdict,
    /// When it ended, UTC.
    pub checked_at: Timestamp,
    /// What was observed: short, printable, and never a secret.
    pub observed: Option<String>,
    /// Why the result is unknown.
    pub error: Option<String>,
    /// How many results in a row are equal to this one, at most as many as a change needs. 0 of an unknown one.
    pub streak: u32,
    /// When a person, or another observer, changed the windows last, as far as was seen, UTC. Results before that
    /// do not count.
    pub others_changed_at: Option<Timestamp>,
    /// When enough results in a row were normal last, UTC.
    pub normal_at: Option<Timestamp>,
    /// What the observer began has not ended well: it tries again.
    pub is_unfinished: bool,
    /// Fields of a later version, kept on rewriting.
    pub unknown: Map<String, Value>,
}

impl Observation {
    /// Reads a stored observation.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let (mut fields, schema) = Fields::read(text)?;
        if schema > SCHEMA {
            return Err(DecodeError::NewerSchema { schema });
        }
        let needed = |key: &str| DecodeError::malformed(format!("it has no {key:?}"));
        let result = fields.parsed("result", "maintenance, normal or unknown", |text| {
            text.parse().ok()
        })?;
        let checked_at = fields.timestamp("checked_at")?;
        Ok(Self {
            result: result.ok_or_else(|| needed("result"))?,
            checked_at: checked_at.ok_or_else(|| needed("checked_at"))?,
            observed: fields.text("observed")?,
            error: fields.text("error")?,
            streak: fields.number("streak")?.unwrap_or(0),
            others_changed_at: fields.timestamp("others_changed_at")?,
            normal_at: fields.timestamp("normal_at")?,
            is_unfinished: fields.boolean("unfinished")?,
            unknown: fields.rest(),
        })
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> String {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let mut map = document::object(json!({
            "schema": SCHEMA,
            "result": self.result.as_str(),
            "checked_at": self.checked_at.to_string(),
            "observed": self.observed,
            "error": self.error,
            "streak": self.streak,
            "others_changed_at": time(self.others_changed_at),
            "normal_at": time(self.normal_at),
            "unfinished": self.is_unfinished.then_some(true),
        }));
        for (key, value) in &self.unknown {
            map.entry(key.clone()).or_insert_with(|| value.clone());
        }
        document::write(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_an_error_that_names_the_field() {
        let good = json!({
            "schema": 1, "result": "normal", "checked_at": "2026-11-21T08:00:00Z", "streak": 2,
        });
        assert!(Observation::decode(&good.to_string()).is_ok());
        for (key, value) in [
            ("schema", json!(2)),
            ("result", json!("fine")),
            ("checked_at", json!("soon")),
            ("streak", json!(-1)),
            ("unfinished", json!("yes")),
            ("observed", json!(7)),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            let error = Observation::decode(&bad.to_string()).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        for key in ["result", "checked_at"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().shift_remove(key);
            assert!(Observation::decode(&bad.to_string()).is_err(), "{bad}");
        }
    }
}
