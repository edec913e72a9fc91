//! People whom a proxy in front has signed in.

use http::{HeaderMap, HeaderName};
use maintenance_flag::{MAX_NAME_BYTES, Scope, stored_bytes};

use super::caller::Caller;
use crate::problem::{Code, Problem};

/// How a proxy names the person that it lets through: in a header that it sets on every request, and takes
/// away where a client sends it. Whoever reaches the server past the proxy can call themselves anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUser {
    /// The header: `X-Forwarded-User`.
    pub header: HeaderName,
    /// What every such person may do: [`Scope::Read`] or [`Scope::Write`].
    pub scope: Scope,
}

impl ProxyUser {
    /// The person who makes this request. None: the proxy names none.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        let mut values = headers.get_all(&self.header).into_iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let refuse = |why: &str| {
            let detail = format!("the header {} of the proxy {why}", self.header);
            Err(Problem::new(Code::Unauthorized, detail))
        };
        // A second one is a client's own, and which of them that is is not known.
        if values.next().is_some() {
            return refuse("is there twice: it has to replace the one that a client sends");
        }
        let Ok(name) = str::from_utf8(value.as_bytes()) else {
            return refuse("is not UTF-8");
        };
        let name = name.trim();
        if name.is_empty() {
            return Ok(None);
        }
        if name.chars().any(char::is_control) || stored_bytes(name) > MAX_NAME_BYTES {
            return refuse("is no name: it is too long, or has control characters");
        }
        Ok(Some(Caller {
            name: name.to_owned(),
            scope: self.scope,
            products: None,
            observer: None,
            session: None,
        }))
    }
}
