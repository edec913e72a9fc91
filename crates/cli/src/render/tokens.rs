//! Tokens of the server, and why one could not be made or revoked.

use jiff::Timestamp;
use maintenance_flag::{AccessId, AccessToken, Scope};
use maintenance_server::access::{ListedToken, Revocation, TokenError};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::printable::printable;
use crate::suggest;

use super::Reader;
use super::table::{self, dash};

/// What a new token is, in words. The token itself is the answer.
pub(crate) fn new_token(token: &AccessToken, id: &AccessId, reader: &Reader) -> [String; 2] {
    let of = match &token.products {
        Some(products) => {
            let products: Vec<_> = products.iter().map(ToString::to_string).collect();
            products.join(", ")
        }
        None => "every product".to_owned(),
    };
    let what = match (token.scope, &token.observer) {
        (Scope::Read, _) => format!("see {of}"),
        (Scope::Observe, Some(observer)) => {
            format!("turn maintenance of {of} on and off as the observer {observer}")
        }
        (Scope::Write | Scope::Observe, _) => format!("turn maintenance of {of} on and off"),
    };
    let until = match token.expires {
        Some(expires) => format!("until {}", reader.moment(expires)),
        None => "until it is revoked".to_owned(),
    };
    [
        format!("The token {} ({id}) may {what}, {until}", token.name),
        "It is shown only this once".to_owned(),
    ]
}

/// What has been done to a token.
pub(crate) fn revoked(listed: &ListedToken, done: Revocation, reader: &Reader) -> String {
    let id = &listed.id;
    let name = match &listed.token {
        Ok(token) => format!("{} ({id})", token.name),
        Err(_) => id.to_string(),
    };
    let at = listed.token.as_ref().ok().and_then(|token| token.revoked);
    match done {
        Revocation::Revoked => format!(
            "The token {name} has been revoked; a running server refuses it within 5 seconds"
        ),
        Revocation::Already => match at {
            Some(at) => format!("The token {name} was revoked at {}", reader.moment(at)),
            None => format!("The token {name} was already revoked"),
        },
        Revocation::Deleted => {
            format!("The token {name} could not be read, and has been deleted")
        }
    }
}

/// What has become of a token.
fn state(listed: &ListedToken, now: Timestamp) -> &'static str {
    match &listed.token {
        Err(_) => "unreadable",
        Ok(token) if token.revoked.is_some() => "revoked",
        Ok(token) if !token.is_valid(now) => "expired",
        Ok(_) => "valid",
    }
}

/// A token as JSON has it.
pub(crate) fn token_document(listed: &ListedToken, now: Timestamp) -> Value {
    let state = state(listed, now);
    let id = listed.id.as_str();
    match &listed.token {
        Err(error) => json!({"id": id, "state": state, "error": error.to_string()}),
        Ok(token) => json!({
            "id": id,
            "name": token.name.as_str(),
            "scope": token.scope.as_str(),
            "observer": token.observer,
            "products": token.products.as_ref().map(|products| {
                products.iter().map(ToString::to_string).collect::<Vec<_>>()
            }),
            "created": token.created.to_string(),
            "by": token.by,
            "expires": token.expires.map(|at| at.to_string()),
            "revoked": token.revoked.map(|at| at.to_string()),
            "state": state,
        }),
    }
}

/// One line a token, columns apart by two spaces, and a dash where there is nothing.
pub(crate) fn tokens(tokens: &[ListedToken], now: Timestamp) -> String {
    let header = [
        "ID", "NAME", "SCOPE", "PRODUCTS", "CREATED", "BY", "EXPIRES", "STATE",
    ];
    let rows = tokens.iter().map(|listed| cells(listed, now));
    table::lines(&table::new(header, rows)).concat()
}

fn cells(listed: &ListedToken, now: Timestamp) -> [String; 8] {
    let (id, state) = (listed.id.to_string(), state(listed, now).to_owned());
    let Ok(token) = &listed.token else {
        return [id, dash(), dash(), dash(), dash(), dash(), dash(), state];
    };
    let products = token.products.as_ref().map_or_else(
        || "all".to_owned(),
        |products| {
            let products: Vec<_> = products.iter().map(ToString::to_string).collect();
            products.join(",")
        },
    );
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    [
        id,
        token.name.to_string(),
        token.scope.to_string(),
        products,
        day(token.created),
        printable(&token.by).replace(' ', "_"),
        token.expires.map_or_else(dash, day),
        state,
    ]
}

impl From<TokenError> for CliError {
    fn from(error: TokenError) -> Self {
        let text = error.to_string();
        match error {
            TokenError::Store(error) => maintenance_control::Error::Store(error).into(),
            TokenError::NameTaken { name, .. } => Self::usage(text).hint(format!(
                "choose another name, or run `maintenance token revoke {name}` first"
            )),
            TokenError::NotFound { wanted, names } if names.is_empty() => Self::usage(text)
                .cause(format!("no token is valid; {wanted} is not an id of one"))
                .hint("`maintenance token list` shows all"),
            TokenError::NotFound { wanted, names } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Self::usage(text).hint(suggest::hint(&wanted, &names, "the valid tokens are"))
            }
            TokenError::Ended { .. } => {
                Self::usage(text).hint("give --expires a length of time such as 90d")
            }
            TokenError::Observer => {
                Self::usage(text).hint("give both --scope observe and --observer NAME, or neither")
            }
            _ => Self::failed(text).hint("try again"),
        }
    }
}
