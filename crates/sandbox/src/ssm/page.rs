//! Pages: by path, of everything, and the tokens that lead from one to the next.
//!
//! A page may be empty and still not be the last, as AWS warns; which ones are is deterministic.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::epoch_seconds;
use crate::error::{ApiError, ApiResult};
use crate::settings::EmptyPages;
use crate::ssm::kms;
use crate::ssm::names::{self, Selected};
use crate::ssm::read;
use crate::ssm::state::{Parameter, SsmState};
use crate::world::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ByPathInput {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
    #[serde(default)]
    parameter_filters: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeInput {
    max_results: Option<i64>,
    next_token: Option<String>,
    #[serde(default)]
    parameter_filters: Vec<Value>,
    #[serde(default)]
    filters: Vec<Value>,
}

/// Where a listing goes on. Opaque to callers, and only good for the listing it came from.
#[derive(Serialize, Deserialize)]
pub(crate) struct Token {
    of: String,
    pub(crate) last: String,
    /// The page that gave it was empty, so the next is not.
    empty: bool,
    n: u64,
}

impl Token {
    pub(crate) fn new(of: &str, last: &str) -> Self {
        Self {
            of: of.to_owned(),
            last: last.to_owned(),
            empty: false,
            n: 0,
        }
    }

    /// Hex, salted with the moment so that nobody takes a token for a name.
    pub(crate) fn write(mut self, context: &Context<'_>) -> String {
        self.n = u64::try_from(context.now.as_millisecond()).unwrap_or_default();
        let json = serde_json::to_vec(&self).unwrap_or_default();
        json.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    pub(crate) fn read(text: Option<&str>, of: &str) -> ApiResult<Option<Self>> {
        let Some(text) = text else {
            return Ok(None);
        };
        let bytes: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let token: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match token {
            Some(token) if token.of == of => Ok(Some(token)),
            _ => Err(bad_token()),
        }
    }
}

pub(crate) fn bad_token() -> ApiError {
    ApiError::ssm("InvalidNextToken", "The specified token isn't valid.")
}

/// How many results a page may have.
pub(crate) fn size(asked: Option<i64>, max: i64) -> ApiResult<usize> {
    let asked = asked.unwrap_or(max);
    if asked < 1 || asked > max {
        let rule = if asked < 1 {
            "Member must have value greater than or equal to 1".to_owned()
        } else {
            format!("Member must have value less than or equal to {max}")
        };
        return Err(ApiError::constraint(
            &asked.to_string(),
            "maxResults",
            &rule,
        ));
    }
    Ok(usize::try_from(asked).unwrap_or(1))
}

pub(crate) fn by_path(
    state: &mut SsmState,
    context: &Context<'_>,
    input: &ByPathInput,
) -> ApiResult<Value> {
    if !input.path.starts_with('/') {
        return Err(ApiError::validation(
            "The parameter doesn't meet the parameter name requirements. The parameter name must \
             begin with a forward slash \"/\".",
        ));
    }
    refuse_filters(&input.parameter_filters)?;
    let size = size(input.max_results, 10)?;
    let prefix = format!("{}/", input.path.trim_end_matches('/'));
    let listing = format!("{prefix}{}", input.recursive);
    let under = |name: &str| {
        name.strip_prefix(&prefix)
            .is_some_and(|rest| !rest.is_empty() && (input.recursive || !rest.contains('/')))
    };
    let token = Token::read(input.next_token.as_deref(), &listing)?;
    let after = token.as_ref().map_or("", |token| token.last.as_str());
    if empty_now(state, context, token.as_ref()) {
        let next = Token {
            empty: true,
            ..Token::new(&listing, after)
        };
        return Ok(json!({ "Parameters": [], "NextToken": next.write(context) }));
    }
    let names = state.names();
    let names = names
        .iter()
        .filter(|name| under(name) && name.as_str() > after);
    let (found, more) = take(state, context, names, size);
    for (_, parameter) in &found {
        kms::may_decrypt(context, parameter.kind, input.with_decryption)?;
    }
    let listed: Vec<Value> = found
        .iter()
        .map(|(name, parameter)| {
            let selected = Selected {
                name,
                selector: None,
            };
            read::describe(context, &selected, parameter, input.with_decryption)
        })
        .collect();
    Ok(page_of(context, listed, &listing, &found, more))
}

/// Whether this page is one of the empty ones; the one after it never is.
fn empty_now(state: &mut SsmState, context: &Context<'_>, token: Option<&Token>) -> bool {
    if token.is_some_and(|token| token.empty) {
        return false;
    }
    state.pages += 1;
    match context.settings.ssm.empty_pages {
        EmptyPages::Never => false,
        EmptyPages::Every(n) => state.pages.is_multiple_of(u64::from(n.max(1))),
    }
}

/// The first `size` parameters this reader sees among `names`, and whether others follow.
fn take<'a>(
    state: &mut SsmState,
    context: &Context<'_>,
    names: impl Iterator<Item = &'a String>,
    size: usize,
) -> (Vec<(String, Parameter)>, bool) {
    let mut found = Vec::new();
    for name in names {
        if found.len() == size {
            return (found, true);
        }
        if let Some(parameter) = state.see(name, context.now) {
            found.push((name.clone(), parameter));
        }
    }
    (found, false)
}

fn page_of(
    context: &Context<'_>,
    listed: Vec<Value>,
    listing: &str,
    found: &[(String, Parameter)],
    more: bool,
) -> Value {
    let mut body = json!({ "Parameters": listed });
    if let (true, Some((last, _))) = (more, found.last()) {
        body["NextToken"] = Token::new(listing, last).write(context).into();
    }
    body
}

fn refuse_filters(filters: &[Value]) -> ApiResult<()> {
    if filters.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(
        "The sandbox does not implement filters on parameters.",
    ))
}

pub(crate) fn describe(
    state: &mut SsmState,
    context: &Context<'_>,
    input: &DescribeInput,
) -> ApiResult<Value> {
    refuse_filters(&input.parameter_filters)?;
    refuse_filters(&input.filters)?;
    let size = size(input.max_results, 50)?;
    let token = Token::read(input.next_token.as_deref(), "")?;
    let after = token.as_ref().map_or("", |token| token.last.as_str());
    let names = state.names();
    let names = names.iter().filter(|name| name.as_str() > after);
    let (found, more) = take(state, context, names, size);
    let listed: Vec<Value> = found
        .iter()
        .filter_map(|(name, parameter)| {
            let newest = parameter.versions.back()?;
            let mut entry = json!({
                "Name": name,
                "ARN": names::arn(&context.settings.region, &context.settings.account, name),
                "Type": parameter.kind.as_str(),
                "LastModifiedDate": epoch_seconds(newest.modified),
                "LastModifiedUser": newest.user,
                "Version": newest.version,
                "Tier": newest.tier,
                "Policies": [],
                "DataType": "text",
            });
            if let Some(pattern) = &parameter.allowed_pattern {
                entry["AllowedPattern"] = pattern.as_str().into();
            }
            if let Some(description) = &newest.description {
                entry["Description"] = description.as_str().into();
            }
            Some(entry)
        })
        .collect();
    Ok(page_of(context, listed, "", &found, more))
}
