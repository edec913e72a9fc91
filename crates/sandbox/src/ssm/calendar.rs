//! Change calendars: whether changes are allowed now, and when that changes next.

use serde::Deserialize;
use serde_json::json;

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::ssm::state::SsmState;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StateInput {
    calendar_names: Vec<String>,
}

/// Several calendars together are closed if one is.
pub(crate) fn state(state: &mut SsmState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: StateInput = request.input()?;
    let mut all = Vec::with_capacity(input.calendar_names.len());
    for name in &input.calendar_names {
        // By its name, or by the ARN of its document.
        let bare = name.rsplit(":document/").next().unwrap_or(name);
        let calendar = state.calendars.get(bare).ok_or_else(|| {
            let message = format!("Document with name {name} does not exist.");
            ApiError::ssm("InvalidDocument", message)
        })?;
        all.push(calendar);
    }
    if all.is_empty() {
        let rule = "Member must have length greater than or equal to 1";
        return Err(ApiError::constraint("[]", "calendarNames", rule));
    }
    let is_open = all.iter().all(|calendar| calendar.is_open);
    let next = all.iter().filter_map(|calendar| calendar.next_transition);
    let mut body = json!({
        "State": if is_open { "OPEN" } else { "CLOSED" },
        "AtTime": request.now.to_string(),
    });
    if let Some(next) = next.min() {
        body["NextTransitionTime"] = next.to_string().into();
    }
    Ok(Reply::ok(&body))
}
