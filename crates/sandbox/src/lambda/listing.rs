//! Pages of lists: how many a page has, and the marker that leads to the next.

use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};

/// The largest `MaxItems`.
const MAX_ITEMS: usize = 10_000;
/// How every marker begins.
const MARKER: &str = "sandbox-page-";

/// The page that the request's `Marker` and `MaxItems` ask for, under `key`. AWS takes larger pages than
/// it serves: at most `most` items.
pub(crate) fn page(
    request: &ApiRequest<'_>,
    items: impl Iterator<Item = Value>,
    key: &str,
    most: usize,
) -> ApiResult<Reply> {
    let size = match request.query("MaxItems") {
        None => most,
        Some(text) => size(text)?.min(most),
    };
    let start = match request.query("Marker") {
        None => 0,
        Some(marker) => marker
            .strip_prefix(MARKER)
            .and_then(|start| start.parse::<usize>().ok())
            .ok_or_else(|| ApiError::invalid("Invalid marker."))?,
    };
    let mut items = items.skip(start);
    let listed: Vec<Value> = items.by_ref().take(size).collect();
    let mut body = json!({ key: listed });
    if items.next().is_some() {
        body["NextMarker"] = format!("{MARKER}{}", start + size).into();
    }
    Ok(Reply::ok(&body))
}

fn size(text: &str) -> ApiResult<usize> {
    let rule = match text.parse() {
        Ok(size @ 1..=MAX_ITEMS) => return Ok(size),
        Ok(0) => "Member must have value greater than or equal to 1",
        _ => "Member must have value less than or equal to 10000",
    };
    Err(ApiError::constraint(text, "maxItems", rule))
}
