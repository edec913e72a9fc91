//! The `bypass` field of a flag.
//!
//! A gate must not fail over it: an entry that cannot be read passes no request and changes nothing
//! else.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{AddressRange, PathPattern, TokenHash};
use crate::document::{self, Fields};

const TOKEN: &str = "token";
const TOKEN_UNTIL: &str = "token_until";
const ADDRESSES: &str = "addresses";
const PATHS: &str = "paths";

/// What may pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bypass {
    /// Requests with this token.
    pub token: Option<StoredToken>,
    /// Requests from one of these.
    pub addresses: Vec<AddressRange>,
    /// Requests for one of these.
    pub paths: Vec<PathPattern>,
}

/// A token as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredToken {
    /// Recognises it.
    pub hash: TokenHash,
    /// When it ends, if the window does not end first. UTC.
    pub until: Timestamp,
}

impl Bypass {
    /// Whether nothing passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.token.is_none() && self.addresses.is_empty() && self.paths.is_empty()
    }

    /// Reads the stored field. An entry that this version cannot read is left out: it passes no request.
    #[must_use]
    pub fn read(stored: Option<&Value>) -> Self {
        let Some(mut fields) = stored.cloned().and_then(Fields::of) else {
            return Self::default();
        };
        let text = |fields: &mut Fields, key| fields.text(key).ok().flatten();
        let hash = text(&mut fields, TOKEN).and_then(|text| TokenHash::parse(&text));
        let until = fields.timestamp(TOKEN_UNTIL).ok().flatten();
        Self {
            // A token without an end is one that was written by hand: it must not stay for ever.
            token: hash
                .zip(until)
                .map(|(hash, until)| StoredToken { hash, until }),
            addresses: list(&mut fields, ADDRESSES),
            paths: list(&mut fields, PATHS),
        }
    }

    /// What to store, with the fields of `before` that this version does not know; none if that is
    /// nothing.
    #[must_use]
    pub fn write(&self, before: Option<&Value>) -> Option<Value> {
        let mut map = before
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_else(Map::new);
        let mut put = |key: &str, value: Option<Value>| {
            match value {
                Some(value) => map.insert(key.to_owned(), value),
                None => document::remove(&mut map, key),
            };
        };
        put(TOKEN, self.token.map(|token| token.hash.to_string().into()));
        put(
            TOKEN_UNTIL,
            self.token.map(|token| token.until.to_string().into()),
        );
        put(ADDRESSES, texts(&self.addresses));
        put(PATHS, texts(&self.paths));
        (!map.is_empty()).then_some(Value::Object(map))
    }
}

fn list<T: std::str::FromStr>(fields: &mut Fields, key: &str) -> Vec<T> {
    let stored = fields.take(key);
    let entries = stored.as_ref().and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.as_str()?.parse().ok())
        .collect()
}

fn texts<T: ToString>(entries: &[T]) -> Option<Value> {
    (!entries.is_empty()).then(|| entries.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_back_a_written_bypass_and_keeps_unknown_fields() {
        let bypass = Bypass {
            token: Some(StoredToken {
                hash: TokenHash::of("demo-dev", "web", "x"),
                until: "2026-11-22T08:00:00Z".parse().unwrap(),
            }),
            addresses: vec!["192.0.2.0/24".parse().unwrap()],
            paths: vec!["/health".parse().unwrap(), "/hooks/*".parse().unwrap()],
        };
        let before = json!({"token": "sha256:old", "paths": ["/gone"], "countries": ["CH"]});
        let stored = bypass.write(Some(&before)).unwrap();
        assert_eq!(Bypass::read(Some(&stored)), bypass);
        assert_eq!(stored["countries"], json!(["CH"]));
        let empty = Bypass::default();
        assert_eq!(
            empty.write(Some(&stored)),
            Some(json!({"countries": ["CH"]}))
        );
        assert_eq!(empty.write(None), None);
    }

    #[test]
    fn an_unreadable_entry_passes_no_request() {
        for nonsense in [
            json!(null),
            json!("on"),
            json!([]),
            json!({"token": true, "addresses": "all", "paths": {}}),
            json!({"addresses": [1, "everywhere", null], "paths": ["*", "/a/../b", 7]}),
            json!({"token": format!("sha256:{}", "0".repeat(64))}),
            json!({"token": format!("sha256:{}", "0".repeat(64)), "token_until": "soon"}),
            json!({"token": "sha256:2bb80d53", "token_until": "2026-11-22T08:00:00Z"}),
        ] {
            assert!(Bypass::read(Some(&nonsense)).is_empty(), "{nonsense}");
        }
        assert!(Bypass::read(None).is_empty());
        let partly = json!({"addresses": ["everywhere", "192.0.2.1"], "paths": ["/a"]});
        let partly = Bypass::read(Some(&partly));
        assert_eq!((partly.addresses.len(), partly.paths.len()), (1, 1));
    }
}
