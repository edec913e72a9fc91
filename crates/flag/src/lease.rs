//! The lease: who is operating on an app right now.
//!
//! Create-if-absent is Parameter Store's only compare-and-set, and a deleted name must rest for 30 s,
//! so leases are numbered: whoever creates number n+1 after the newest, n, has ended, holds it.

use jiff::Timestamp;
use serde_json::Map;

use crate::document::{self, DecodeError, Fields, SCHEMA};

/// A lease as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Tells this holder from any other; random.
    pub id: String,
    /// Who: `ana@laptop`.
    pub by: String,
    /// What for: `on worker`.
    pub operation: String,
    /// Since when, UTC.
    pub acquired: Timestamp,
    /// Until when unless renewed, UTC.
    pub expires: Timestamp,
    /// Whether the holder gave it back.
    pub released: bool,
}

impl Lease {
    /// Whether somebody holds it at `now`.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        !self.released && now < self.expires
    }

    /// Reads a stored lease.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let (mut fields, schema) = Fields::read(text)?;
        if schema > SCHEMA {
            return Err(DecodeError::NewerSchema { schema });
        }
        let missing = |key: &str| DecodeError::malformed(format!("it has no {key:?}"));
        const TIME: &str = "an RFC 3339 time";
        Ok(Self {
            id: fields.text("id")?.ok_or_else(|| missing("id"))?,
            by: fields.text("by")?.ok_or_else(|| missing("by"))?,
            operation: fields
                .text("operation")?
                .ok_or_else(|| missing("operation"))?,
            acquired: fields
                .parsed("acquired", TIME)?
                .ok_or_else(|| missing("acquired"))?,
            expires: fields
                .parsed("expires", TIME)?
                .ok_or_else(|| missing("expires"))?,
            released: fields.take("released") == Some(true.into()),
        })
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut map = Map::new();
        map.insert("schema".to_owned(), SCHEMA.into());
        map.insert("id".to_owned(), self.id.clone().into());
        map.insert("by".to_owned(), self.by.clone().into());
        map.insert("operation".to_owned(), self.operation.clone().into());
        map.insert("acquired".to_owned(), self.acquired.to_string().into());
        map.insert("expires".to_owned(), self.expires.to_string().into());
        if self.released {
            map.insert("released".to_owned(), true.into());
        }
        document::write(map)
    }
}
