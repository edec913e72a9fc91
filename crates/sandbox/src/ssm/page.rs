//! Listing by path, in pages.
//!
//! AWS warns that a page may be empty and not the last. Which pages are empty here is deterministic.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::error::{ApiError, ApiResult};
use crate::settings::EmptyPages;
use crate::ssm::read;
use crate::ssm::state::SsmState;

/// The most parameters a page has.
const PAGE: i64 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ByPathInput {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Where a listing continues. It is valid only for the listing it came from.
pub(super) struct Token {
    /// The last name of the previous pages.
    pub(super) last: String,
    /// The previous page was empty, so the next is not.
    pub(super) after_empty: bool,
}

impl Token {
    pub(super) fn write(&self, listing: &str) -> String {
        json!([listing, self.last, self.after_empty]).to_string()
    }

    pub(super) fn read(text: &str, listing: &str) -> ApiResult<Self> {
        match serde_json::from_str::<(String, String, bool)>(text) {
            Ok((of, last, after_empty)) if of == listing => Ok(Self { last, after_empty }),
            _ => Err(ApiError::ssm(
                "InvalidNextToken",
                "The specified token isn't valid.",
            )),
        }
    }
}

pub(crate) fn by_path(state: &mut SsmState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let input: ByPathInput = request.input()?;
    if !input.path.starts_with('/') {
        return Err(ApiError::validation(
            "The parameter doesn't meet the parameter name requirements. The parameter name must \
             begin with a forward slash \"/\".",
        ));
    }
    let size = size(input.max_results, PAGE)?;
    let prefix = format!("{}/", input.path.trim_end_matches('/'));
    let listing = format!("{prefix}{}", input.recursive);
    let under = |name: &str| {
        name.strip_prefix(&prefix)
            .is_some_and(|rest| !rest.is_empty() && (input.recursive || !rest.contains('/')))
    };
    let token = match &input.next_token {
        Some(text) => Token::read(text, &listing)?,
        None => Token {
            last: String::new(),
            after_empty: false,
        },
    };
    if !token.after_empty && empty_now(state, request) {
        let next = Token {
            after_empty: true,
            ..token
        };
        return Ok(Reply::ok(
            &json!({ "Parameters": [], "NextToken": next.write(&listing) }),
        ));
    }
    let mut page: Vec<Value> = Vec::new();
    let mut next = None;
    let mut last = String::new();
    for name in state.names() {
        if !under(&name) || name <= token.last {
            continue;
        }
        if page.len() == size {
            let after_empty = false;
            next = Some(Token { last, after_empty }.write(&listing));
            break;
        }
        let Some(parameter) = state.see(&name, request.now) else {
            continue;
        };
        if let Some(newest) = parameter.versions.back() {
            let decrypt = input.with_decryption;
            page.push(read::show(request, &name, parameter.kind, newest, decrypt)?);
            last = name;
        }
    }
    let mut body = json!({ "Parameters": page });
    if let Some(next) = next {
        body["NextToken"] = next.into();
    }
    Ok(Reply::ok(&body))
}

/// The number of results on a page.
pub(super) fn size(asked: Option<i64>, most: i64) -> ApiResult<usize> {
    let asked = asked.unwrap_or(most);
    let rule = if asked < 1 {
        "Member must have value greater than or equal to 1".to_owned()
    } else if asked > most {
        format!("Member must have value less than or equal to {most}")
    } else {
        return Ok(usize::try_from(asked).unwrap_or(1));
    };
    Err(ApiError::constraint(
        &asked.to_string(),
        "maxResults",
        &rule,
    ))
}

/// Whether this page is one of the empty ones.
pub(super) fn empty_now(state: &mut SsmState, request: &ApiRequest<'_>) -> bool {
    state.pages += 1;
    match request.settings.ssm.empty_pages {
        EmptyPages::Never => false,
        EmptyPages::Every(n) => state.pages.is_multiple_of(u64::from(n.max(1))),
    }
}
