//! The lease: who is operating on an app right now.
//!
//! Create-if-absent is Parameter Store's only compare-and-set, and a deleted name must rest for 30 s,
//! so leases are numbered: the operator that creates number n+1 after the newest, n, has ended, holds it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::size::{self, MAX_NAME_BYTES};
use crate::document::{self, DecodeError, Fields, MAX_VALUE_BYTES, SCHEMA};
use crate::names::WindowId;

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
    /// The [`id`](Self::id) of the lease that followed this one. If none with the next number is there,
    /// it was deleted, and its holder may still be at work.
    pub follower: Option<String>,
    /// The last state that this holder and those before it wrote, by role: the next holder reads until it
    /// sees that, since reads may lag. None while the holder is at work, and if it never said.
    pub left: BTreeMap<String, Option<LeaseRecord>>,
}

/// The last state of a role that an operation wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseRecord {
    /// The version of the flag; 0 if there is none.
    pub flag: u64,
    /// The saved capacity: windows and numbers.
    pub saved: BTreeSet<(WindowId, u32)>,
}

impl LeaseRecord {
    fn to_json(&self) -> Value {
        let mut windows: BTreeMap<&WindowId, Vec<u32>> = BTreeMap::new();
        for (window, n) in &self.saved {
            windows.entry(window).or_default().push(*n);
        }
        let saved: Map<String, Value> = windows
            .into_iter()
            .map(|(window, numbers)| (window.to_string(), ranges(&numbers).into()))
            .collect();
        let saved = (!saved.is_empty()).then_some(saved);
        document::object(json!({"flag": self.flag, "saved": saved})).into()
    }

    fn read(value: Value) -> Option<Self> {
        let mut fields = Fields::of(value)?;
        let flag = fields.take("flag")?.as_u64()?;
        let mut saved = BTreeSet::new();
        match fields.take("saved") {
            None => {}
            Some(Value::Object(windows)) => {
                for (window, numbers) in windows {
                    let window: WindowId = window.parse().ok()?;
                    for n in numbers_in(numbers.as_str()?)? {
                        saved.insert((window.clone(), n));
                    }
                }
            }
            // Unreadable is unknown, not nothing.
            Some(_) => return None,
        }
        Some(Self { flag, saved })
    }
}

/// Numbers in order, as `1-60,62`.
fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for n in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*n) => *last = *n,
            _ => runs.push((*n, *n)),
        }
    }
    let runs = runs.into_iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    runs.collect::<Vec<_>>().join(",")
}

fn numbers_in(ranges: &str) -> Option<Vec<u32>> {
    // More than any app has; a hand-made `1-4000000000` must not fill the memory.
    const MOST: usize = 10_000;
    let mut numbers = Vec::new();
    for run in ranges.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        numbers.extend((first..=last).take(MOST));
        if numbers.len() >= MOST {
            return None;
        }
    }
    Some(numbers)
}

impl Lease {
    /// Whether it is held at `now`.
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
        Ok(Self {
            id: fields.text("id")?.ok_or_else(|| missing("id"))?,
            by: fields.text("by")?.ok_or_else(|| missing("by"))?,
            operation: fields
                .text("operation")?
                .ok_or_else(|| missing("operation"))?,
            acquired: fields
                .timestamp("acquired")?
                .ok_or_else(|| missing("acquired"))?,
            expires: fields
                .timestamp("expires")?
                .ok_or_else(|| missing("expires"))?,
            released: fields.take("released") == Some(true.into()),
            follower: fields.text("follower")?,
            left: match fields.take("left") {
                Some(Value::Object(roles)) => roles
                    .into_iter()
                    .map(|(role, left)| (role, LeaseRecord::read(left)))
                    .collect(),
                _ => BTreeMap::new(),
            },
        })
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> String {
        let left: Map<String, Value> = self
            .left
            .iter()
            .map(|(role, left)| {
                (
                    role.clone(),
                    left.as_ref().map_or(Value::Null, LeaseRecord::to_json),
                )
            })
            .collect();
        let mut map = document::object(json!({
            "schema": SCHEMA,
            "id": self.id,
            "by": self.by,
            "operation": self.operation,
            "acquired": self.acquired.to_string(),
            "expires": self.expires.to_string(),
            "released": self.released.then_some(true),
            "follower": self.follower,
            "left": (!left.is_empty()).then_some(left),
        }));
        let text = document::write(map.clone());
        if text.len() <= MAX_VALUE_BYTES {
            return text;
        }
        // Not knowing costs the next one some patience; it is no reason to fail.
        let unknown = self.left.keys().map(|role| (role.clone(), Value::Null));
        map.insert("left".to_owned(), Value::Object(unknown.collect()));
        let text = document::write(map.clone());
        if text.len() <= MAX_VALUE_BYTES {
            return text;
        }
        // A hundred roles, or a text from elsewhere. A role that is not named is not known either.
        document::remove(&mut map, "left");
        for (field, text) in [
            ("id", &self.id),
            ("by", &self.by),
            ("operation", &self.operation),
        ] {
            let mut text = text.clone();
            size::cut(&mut text, MAX_NAME_BYTES);
            map.insert(field.to_owned(), text.into());
        }
        document::write(map)
    }
}
