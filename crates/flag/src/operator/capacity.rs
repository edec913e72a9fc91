//! What functions had before they were paused, as stored: written once, before the first of them is
//! touched, and never overwritten.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, from_value, json};

use crate::document::{self, DecodeError, Fields, MAX_VALUE_BYTES, SCHEMA};

/// A function's reserved concurrency. Unset and 0 are opposites: unset may use the account's whole
/// pool, 0 stops the function; so this is not an `Option`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reserved {
    /// No reservation: the function shares the account's unreserved pool.
    Unset,
    /// At most this many at once; 0 stops the function.
    Limit(u32),
}

/// A number, or `unset`.
impl Serialize for Reserved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unset => serializer.serialize_str("unset"),
            Self::Limit(n) => serializer.serialize_u32(*n),
        }
    }
}

impl std::fmt::Display for Reserved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unset => f.pad("unset"),
            Self::Limit(n) => f.pad(&n.to_string()),
        }
    }
}

/// What one function had: only what pausing takes away.
///
/// Serialized, it is as reports have it; what is stored is written by [`CapacityDoc::encode`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Capacity {
    /// Its reserved concurrency.
    pub reserved: Reserved,
    /// Its provisioned concurrency by qualifier (an alias or a version), as requested.
    pub provisioned: BTreeMap<String, u32>,
    /// The UUIDs of its event source mappings that were enabled.
    #[serde(rename = "event_sources")]
    pub mappings: Vec<String>,
}

/// One stored batch of capacities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityDoc {
    /// Where the functions are: `arn:aws:lambda:<region>:<account>`. Restoring to another account or
    /// region by mistake is refused with this.
    pub origin: String,
    /// What each function had, by function name.
    pub functions: BTreeMap<String, Capacity>,
    /// Those of [`functions`](Self::functions) whose entry replaces what an earlier document says of
    /// them: they were changed after they had been saved and before they were touched. Any other
    /// entry only adds qualifiers and mappings to an earlier one.
    pub replaces: BTreeSet<String>,
    /// The function that this document marks, and then it holds nothing else: `invoke` lets it run once, and has
    /// reserved 1 for it or is about to. While the mark is stored, a reservation of exactly 1 is ours and no
    /// other client's.
    pub invoking: Option<String>,
}

/// A function that has more than one parameter can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "what {function} has takes {bytes} bytes, and one parameter holds {MAX_VALUE_BYTES}: it has too many event source mappings or qualifiers"
)]
pub struct PackError {
    /// The function's name.
    pub function: String,
    /// How many bytes its document would take.
    pub bytes: usize,
}

impl Capacity {
    fn to_json(&self) -> Value {
        document::object(json!({
            "reserved": self.reserved,
            "provisioned": (!self.provisioned.is_empty()).then_some(&self.provisioned),
            "mappings": (!self.mappings.is_empty()).then_some(&self.mappings),
        }))
        .into()
    }

    /// What one entry says, and whether it replaces an earlier one.
    fn read(function: &str, value: Value) -> Result<(Self, bool), DecodeError> {
        let bad =
            |what: &str| DecodeError::malformed(format!("{what} of {function:?} is unreadable"));
        let mut fields = Fields::of(value).ok_or_else(|| bad("the capacity"))?;
        let replaces = fields.boolean("replaces").map_err(|_| bad("replaces"))?;
        let reserved = match fields.take("reserved") {
            Some(Value::String(text)) if text == "unset" => Reserved::Unset,
            Some(value) => Reserved::Limit(from_value(value).map_err(|_| bad("reserved"))?),
            None => return Err(bad("reserved")),
        };
        let provisioned = fields.take("provisioned").map(from_value).transpose();
        let provisioned = provisioned.map_err(|_| bad("provisioned"))?;
        let mappings = fields.take("mappings").map(from_value).transpose();
        let mappings = mappings.map_err(|_| bad("mappings"))?;
        let capacity = Self {
            reserved,
            provisioned: provisioned.unwrap_or_default(),
            mappings: mappings.unwrap_or_default(),
        };
        Ok((capacity, replaces))
    }
}

impl CapacityDoc {
    /// A document of one function.
    ///
    /// # Errors
    /// [`PackError`], if it does not fit one parameter.
    fn of(
        origin: &str,
        function: String,
        capacity: Capacity,
        replaces: bool,
    ) -> Result<Self, PackError> {
        let document = Self {
            origin: origin.to_owned(),
            functions: [(function.clone(), capacity)].into(),
            replaces: replaces.then(|| function.clone()).into_iter().collect(),
            invoking: None,
        };
        match document.encode().len() {
            ..=MAX_VALUE_BYTES => Ok(document),
            bytes => Err(PackError { function, bytes }),
        }
    }

    /// A document in which one function's entry replaces what an earlier document says of it.
    ///
    /// # Errors
    /// [`PackError`], if it does not fit one parameter.
    pub fn replacing(origin: &str, function: &str, capacity: Capacity) -> Result<Self, PackError> {
        Self::of(origin, function.to_owned(), capacity, true)
    }

    /// The mark of a function that `invoke` lets run once.
    #[must_use]
    pub fn invoking(origin: &str, function: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            functions: BTreeMap::new(),
            replaces: BTreeSet::new(),
            invoking: Some(function.to_owned()),
        }
    }

    /// Reads a stored batch in which every entry has to be readable.
    ///
    /// # Errors
    /// [`DecodeError`], also of the first entry that cannot be read.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let (document, unreadable) = Self::decode_entries(text)?;
        match unreadable.into_values().next() {
            None => Ok(document),
            Some(error) => Err(error),
        }
    }

    /// Reads a stored batch, and why entries of it cannot be read, by function name: one bad entry does
    /// not keep the others from being restored.
    ///
    /// # Errors
    /// [`DecodeError`]. A newer schema is not read at all: half-understood capacity must not be
    /// restored.
    pub fn decode_entries(
        text: &str,
    ) -> Result<(Self, BTreeMap<String, DecodeError>), DecodeError> {
        let (mut fields, schema) = Fields::read(text)?;
        if schema > SCHEMA {
            return Err(DecodeError::NewerSchema { schema });
        }
        let origin = fields
            .text("origin")?
            .ok_or_else(|| DecodeError::malformed("it has no \"origin\""))?;
        let Some(Value::Object(map)) = fields.take("functions") else {
            return Err(DecodeError::malformed("it has no \"functions\""));
        };
        let mut document = Self {
            origin,
            functions: BTreeMap::new(),
            replaces: BTreeSet::new(),
            invoking: fields.text("invoking")?,
        };
        let mut unreadable = BTreeMap::new();
        for (name, value) in map {
            match Capacity::read(&name, value) {
                Ok((capacity, replaces)) => {
                    if replaces {
                        document.replaces.insert(name.clone());
                    }
                    document.functions.insert(name, capacity);
                }
                Err(error) => {
                    unreadable.insert(name, error);
                }
            }
        }
        Ok((document, unreadable))
    }

    /// The bytes to store. [`pack`] keeps them under [`MAX_VALUE_BYTES`].
    #[must_use]
    pub fn encode(&self) -> String {
        let functions: Map<String, Value> = self
            .functions
            .iter()
            .map(|(name, capacity)| {
                let mut entry = capacity.to_json();
                if let (true, Value::Object(entry)) = (self.replaces.contains(name), &mut entry) {
                    entry.insert("replaces".to_owned(), true.into());
                }
                (name.clone(), entry)
            })
            .collect();
        document::write(document::object(json!({
            "schema": SCHEMA,
            "origin": self.origin,
            "functions": functions,
            "invoking": self.invoking,
        })))
    }
}

/// Puts capacities into as few documents as hold them, each small enough for one parameter.
///
/// # Errors
/// [`PackError`] names a function that does not fit by itself.
pub fn pack(
    origin: &str,
    functions: BTreeMap<String, Capacity>,
) -> Result<Vec<CapacityDoc>, PackError> {
    let mut documents: Vec<CapacityDoc> = Vec::new();
    for (name, capacity) in functions {
        let alone = CapacityDoc::of(origin, name, capacity, false)?;
        if let Some(last) = documents.last_mut() {
            let mut both = last.clone();
            both.functions.extend(alone.functions.clone());
            if both.encode().len() <= MAX_VALUE_BYTES {
                *last = both;
                continue;
            }
        }
        documents.push(alone);
    }
    Ok(documents)
}
