//! Pages of lists: how many a page has, and the marker that leads to the next.

use serde_json::Value;

use crate::error::{ApiError, ApiResult};
use crate::wire::Incoming;

/// A page of a list.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// The page that the request's `Marker` and `MaxItems` ask for, of at most `most` items.
///
/// `allowed` is the largest `MaxItems` the model lets through; AWS takes larger ones than it serves.
pub(crate) fn page(
    request: &Incoming,
    items: impl Iterator<Item = Value>,
    most: usize,
    allowed: usize,
) -> ApiResult<Page> {
    let size = match request.query("MaxItems") {
        None => most,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|size| (1..=allowed).contains(size))
            .ok_or_else(|| {
                let rule = if text.parse::<i64>().is_ok_and(|size| size < 1) {
                    "Member must have value greater than or equal to 1".to_owned()
                } else {
                    format!("Member must have value less than or equal to {allowed}")
                };
                ApiError::constraint(text, "maxItems", &rule)
            })?
            .min(most),
    };
    let start = match request.query("Marker") {
        None => 0,
        Some(marker) => marker
            .strip_prefix("sandbox-page-")
            .and_then(|start| start.parse::<usize>().ok())
            .ok_or_else(|| ApiError::invalid("Invalid marker."))?,
    };
    let mut items = items.skip(start);
    let listed: Vec<Value> = items.by_ref().take(size).collect();
    let next = items
        .next()
        .is_some()
        .then(|| format!("sandbox-page-{}", start + size));
    Ok(Page {
        items: listed,
        next,
    })
}

impl Page {
    /// The answer, with the list under `key`.
    pub(crate) fn body(self, key: &str) -> Value {
        let mut body = serde_json::Map::new();
        body.insert(key.to_owned(), Value::Array(self.items));
        if let Some(next) = self.next {
            body.insert("NextMarker".to_owned(), next.into());
        }
        Value::Object(body)
    }
}
