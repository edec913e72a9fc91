//! The versions of a parameter that are kept, in pages: oldest first.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::clock::epoch_seconds;
use crate::error::{ApiError, ApiResult};
use crate::ssm::page::{self, Token};
use crate::ssm::state::{SsmState, Version};
use crate::ssm::{kms, read};

/// The most versions a page has.
const PAGE: i64 = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HistoryInput {
    name: String,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(crate) fn get(state: &mut SsmState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: HistoryInput = request.input()?;
    let size = page::size(input.max_results, PAGE)?;
    let listing = format!("history of {}", input.name);
    let token = match &input.next_token {
        Some(text) => Token::read(text, &listing)?,
        None => Token {
            last: String::new(),
            after_empty: false,
        },
    };
    let parameter = state
        .see(&input.name, request.now)
        .ok_or_else(|| ApiError::ssm_bare("ParameterNotFound"))?;
    kms::may_decrypt(request, parameter.kind, input.with_decryption)?;
    if !token.after_empty && page::empty_now(state, request) {
        let next = Token {
            after_empty: true,
            ..token
        };
        return Ok(Reply::ok(
            &json!({ "Parameters": [], "NextToken": next.write(&listing) }),
        ));
    }
    let last: i64 = token.last.parse().unwrap_or_default();
    let versions = parameter.versions.iter();
    let mut left = versions.filter(|it| it.version > last).peekable();
    let mut page: Vec<Value> = Vec::new();
    let mut last = last;
    for version in left.by_ref().take(size) {
        last = version.version;
        let value = read::reveal(parameter.kind, &version.value, input.with_decryption);
        page.push(show(&input.name, parameter.kind.as_str(), version, &value));
    }
    let mut body = json!({ "Parameters": page });
    if left.peek().is_some() {
        let (last, after_empty) = (last.to_string(), false);
        body["NextToken"] = Token { last, after_empty }.write(&listing).into();
    }
    Ok(Reply::ok(&body))
}

fn show(name: &str, kind: &str, version: &Version, value: &str) -> Value {
    let mut shown = json!({
        "Name": name,
        "Type": kind,
        "LastModifiedDate": epoch_seconds(version.modified),
        "Value": value,
        "Version": version.version,
        "Labels": [],
        "Tier": "Standard",
        "Policies": [],
        "DataType": "text",
    });
    if let Some(user) = &version.user {
        shown["LastModifiedUser"] = user.as_str().into();
    }
    shown
}
